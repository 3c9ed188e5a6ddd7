"""The measuring loop, with workers that follow a script: who is timed when, what is kept, when it ends."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from optbench import plan, recipe
from optbench.errors import OptbenchError
from optbench.measure import CostSettings, _rounds, measure_arms, settings_key
from optbench.measure._lock import alone
from optbench.measure._messages import ArmFailed, Facts, Setup
from optbench.measure._rounds import shape
from optbench.plan import Arm
from optbench.results import Ledger, Measurement
from optbench.stats.times import ratio
from optbench.store import Store

SMALL = recipe.load("digits-cnn").override(epochs=2, batch_size=400)
FACTS = Facts(epoch_iterations=3, warmup_seconds=1.5, executor="cpu", parameters=10)
LEDGER = Ledger(40, 0, 40, 8, 80, 80, 0, 4, 200, "backward", {"backward": 200}, "live tensors", 10**8, {})
QUICK = CostSettings(launches=2, budget=0.0)
Clock = Callable[[int, int], float]  # launch, turn (both from 0) -> seconds of an iteration


def arms(*references: str, baselines: tuple[str, ...] = ("sgdm",)) -> list[Arm]:
    return plan.build(SMALL, references, baselines, seeds=[0])


class Script:
    """Workers that take no time: what each arm's turns find, and the order in which they are asked."""

    def __init__(self) -> None:
        self.clocks: dict[str, Clock] = {}
        self.order: list[list[str]] = []  # by launch; without the trials
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.fails: dict[str, tuple[int, int, ArmFailed]] = {}  # when an arm fails: launch, turn
        self.setups: dict[str, Setup] = {}

    @contextlib.contextmanager
    def started(self, setups: Mapping[str, Setup]) -> Iterator[dict[str, "Fake"]]:
        self.order.append([])
        self.setups |= setups
        yield {name: Fake(self, name) for name in setups}


class Fake:
    def __init__(self, script: Script, name: str) -> None:
        self.script, self.name = script, name
        self.label = name.partition(":")[0] + name.partition("#")[1] + name.partition("#")[2]
        self.trials = _rounds.TRIALS if len(script.order) == 1 else 0

    def answer(self) -> Facts:
        self.fail(-1)
        return FACTS

    def ask(self, *request: Any) -> Any:
        if request == ("ledger",):
            return LEDGER
        if self.trials:
            self.trials -= 1
            return {"iteration": 0.01}
        launch = len(self.script.order) - 1
        turn = self.script.order[launch].count(self.label)
        self.fail(turn)
        self.script.order[launch].append(self.label)
        self.script.asked.append((self.label, request))
        seconds = self.script.clocks.get(self.label, lambda launch, turn: 1.0)(launch, turn)
        return {"forward": seconds / 2, "step": seconds / 2, "iteration": seconds}

    def fail(self, turn: int) -> None:
        launch, when, failure = self.script.fails.get(self.label, (math.inf, 0, None))
        if failure and (launch, when) == (len(self.script.order) - 1, turn):
            raise failure


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Script:
    script = Script()
    monkeypatch.setattr(_rounds, "started", script.started)
    monkeypatch.setattr(_rounds.Neighbours, "look", lambda self: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # another measuring on this machine is not waited for
    return script


def test_turns_go_there_and_back_and_launches_begin_at_either_end(script: Script) -> None:
    found = measure_arms(arms("adamw", "radam"), settings=QUICK)
    there = ["adamw", "radam", "sgdm"]
    assert len(script.order) == found.launches == 2
    assert script.order[0][:12] == there + there[::-1] + there + there[::-1]
    assert script.order[1][:6] == there[::-1] + there
    assert found.turns == len(script.order[0]) / 3


def test_the_first_iteration_after_another_arms_turn_is_discarded(script: Script) -> None:
    measure_arms(arms("adamw"), settings=QUICK)
    first = [(label, discard) for label, (_, _, discard) in script.asked[:5]]
    # neighbours in time of the same arm need no discarding
    assert first == [("adamw", True), ("sgdm", True), ("sgdm", False), ("adamw", True), ("adamw", False)]


def test_samples_are_kept_by_phase_launch_and_turn(script: Script) -> None:
    script.clocks = {"adamw": lambda launch, turn: 2.0 + launch, "sgdm": lambda launch, turn: 1.0 + turn}
    found = measure_arms(arms("adamw"), settings=QUICK)
    adamw, sgdm = found.costs.values()
    assert set(adamw.samples) == {"forward", "step", "iteration"}
    assert [set(turns) for turns in adamw.samples["iteration"]] == [{2.0}, {3.0}]
    assert sgdm.samples["step"][0][:3] == (0.5, 1.0, 1.5)
    assert (adamw.warmup_seconds, adamw.executor, adamw.parameters, adamw.ledger) == (1.5, "cpu", 10, LEDGER)
    assert (adamw.iterations, adamw.epoch_iterations, adamw.scaled) == (2, 3, True)  # 20 ms of 10 ms
    assert adamw.epoch_seconds == pytest.approx(3 * 2.5)


def test_measuring_goes_on_until_the_ratios_are_tight(script: Script) -> None:
    # launches differ by some percent: after two the interval is wide, after more it is not
    script.clocks = {"adamw": lambda launch, turn: 1.0 + 0.01 * (launch % 2)}
    found = measure_arms(arms("adamw"), settings=CostSettings(launches=2, precision=0.02, budget=1e6))
    assert found.reached
    tightest = ratio(*found.costs.values())
    assert tightest is not None
    assert tightest.precision is not None
    assert tightest.precision <= 0.02
    assert 2 < found.launches < 20
    assert (found.precision, found.busy, found.synthetic) == (0.02, (), False)


def test_measuring_ends_with_the_budget(script: Script) -> None:
    script.clocks = {"adamw": lambda launch, turn: 1.0 + 0.5 * (launch % 2)}
    found = measure_arms(arms("adamw"), settings=CostSettings(launches=3, precision=0.02, budget=0.0))
    assert (found.launches, found.reached) == (3, False)


def test_without_a_baseline_the_times_themselves_must_be_tight(script: Script) -> None:
    found = measure_arms(arms("adamw", baselines=()), settings=CostSettings(launches=2, precision=0.02, budget=1e6))
    assert (found.launches, found.reached) == (2, True)
    script.clocks = {"adamw": lambda launch, turn: 1.0 + 0.5 * (launch % 2)}
    wide = measure_arms(arms("adamw", baselines=()), settings=CostSettings(launches=2, precision=0.02, budget=0.0))
    assert (wide.launches, wide.reached) == (2, False)


@pytest.mark.parametrize(("launch", "turn"), [(0, -1), (0, 0), (0, 2), (1, -1), (1, 1)])
def test_an_arm_that_fails_is_left_out_from_then_on(script: Script, launch: int, turn: int) -> None:
    script.fails = {"adamw": (launch, turn, ArmFailed("error", "no"))}
    found = measure_arms(arms("adamw", "radam"), settings=QUICK)
    adamw, radam, sgdm = found.costs.values()
    assert (adamw.status, adamw.message, adamw.samples, adamw.ledger) == ("error", "no", {}, None)
    assert adamw.epoch_seconds is None
    for other in (radam, sgdm):
        assert (other.status, len(other.samples["iteration"])) == ("ok", 2)
        assert other.ledger == LEDGER
    assert script.order[launch].count("adamw") == max(turn, 0)
    assert len(script.order) == 2


def test_out_of_memory_says_how_many_arms_were_alive(script: Script) -> None:
    script.fails = {"adamw": (0, -1, ArmFailed("out_of_memory", "no room"))}
    found = measure_arms(arms("adamw"), settings=QUICK)
    assert next(iter(found.costs.values())).message == "no room (2 arms were alive at once)"


def test_when_every_arm_fails_it_is_over(script: Script) -> None:
    script.fails = {"sgdm": (0, -1, ArmFailed("error", "no"))}
    found = measure_arms(arms("sgdm"), settings=CostSettings())
    assert (found.launches, found.turns, found.reached) == (1, 0, False)
    assert [cost.status for cost in found.costs.values()] == ["error"]


def test_the_first_baseline_has_a_twin(script: Script) -> None:
    chosen = arms("radam", baselines=("adamw", "sgdm"))
    found = measure_arms(chosen, settings=CostSettings(launches=1, budget=0.0, aa=True))
    adamw = chosen[1].reference.canonical
    assert list(found.costs) == [*(arm.reference.canonical for arm in chosen), f"{adamw}#aa"]
    twin = found.costs[f"{adamw}#aa"]
    assert (twin.optimizer, twin.canonical) == ("adamw", f"{adamw}#aa")
    assert script.setups[f"{adamw}#aa"] == script.setups[adamw]
    with pytest.raises(OptbenchError, match="none"):
        measure_arms(arms("adamw", baselines=()), settings=CostSettings(aa=True))


def test_what_another_checkout_has_is_timed_with_its_code_too(script: Script, tmp_path: Path) -> None:
    (tmp_path / "src" / "optbench" / "optimizers").mkdir(parents=True)
    (tmp_path / "src" / "optbench" / "optimizers" / "__init__.py").touch()
    chosen = arms("adamw:betas=0.8/0.99", "torch.optim.SGD:lr=0.1", baselines=())
    found = measure_arms(chosen, settings=CostSettings(launches=1, budget=0.0, against_path=tmp_path))
    adamw = chosen[0].reference.canonical
    assert list(found.costs) == [adamw, chosen[1].reference.canonical, f"{adamw}#old"]  # it has no torch
    old = script.setups[f"{adamw}#old"]
    assert old.checkout == tmp_path
    # what the recipe and the user say, and no default: the old code need not know every key
    assert old.optimizer == "adamw:betas=0.8/0.99:lr=0.01"
    with pytest.raises(OptbenchError, match="holds none of the optimizers"):
        measure_arms(chosen[1:], settings=CostSettings(against_path=tmp_path))
    with pytest.raises(OptbenchError, match="no folder"):
        measure_arms(chosen, settings=CostSettings(against_path=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("times", "budget", "startup", "expected"),
    [
        ([0.003] * 4, 40.0, 7.2, (7, 10, True)),  # no time is left: a second of timing all the same
        ([0.003] * 4, 200.0, 7.2, (7, 75, True)),  # as long as starting took
        ([0.003], 200.0, 3.0, (7, 120, False)),  # alone, nothing is discarded, and turns have an end
        ([3.0, 3.0], 40.0, 8.0, (1, 1, False)),  # an iteration is the least, and its caches do not matter
    ],
)
def test_a_launch_fits_the_time_there_is(
    times: list[float], budget: float, startup: float, expected: tuple[int, int, bool]
) -> None:
    found = shape(times, CostSettings(budget=budget, launches=5), startup)
    assert (found.iterations, found.turns, found.discard) == expected
    sweep = sum(times) * (found.iterations + found.discard)
    assert found.launch_seconds == pytest.approx(startup + found.turns * sweep)


def test_progress_counts_seconds(script: Script) -> None:
    told: list[tuple[float, float, str]] = []
    measure_arms(arms("adamw"), settings=QUICK, progress=lambda *what: told.append(what))
    assert all(0 <= done <= total for done, total, _ in told)
    assert told[-1][0] == told[-1][1]
    assert any("launch 2" in text for *_, text in told)


def test_costs_are_kept_and_taken_again(script: Script, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    fresh = measure_arms(arms("adamw"), settings=QUICK, store=store)
    launches = len(script.order)
    cached = measure_arms(arms("adamw"), settings=QUICK, store=store)
    assert len(script.order) == launches
    assert cached == fresh
    assert [cost.cached for cost in (*fresh.costs.values(), *cached.costs.values())] == [False, False, True, True]
    again = measure_arms(arms("adamw"), settings=QUICK, store=store, rerun=True)
    assert len(script.order) == 2 * launches
    assert not any(cost.cached for cost in again.costs.values())
    measure_arms(arms("adamw"), settings=CostSettings(launches=3, budget=0.0), store=store)
    assert len(script.order) == 2 * launches + 3  # other settings, other figures


def test_what_failed_or_was_held_against_a_checkout_is_not_kept(script: Script, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    script.fails = {"adamw": (0, 0, ArmFailed("error", "no"))}
    measure_arms(arms("adamw"), settings=QUICK, store=store)
    again = measure_arms(arms("adamw"), settings=QUICK, store=store)
    assert not any(cost.cached for cost in again.costs.values())
    script.fails = {}
    (tmp_path / "old" / "optbench" / "optimizers").mkdir(parents=True)
    (tmp_path / "old" / "optbench" / "optimizers" / "__init__.py").touch()
    against = CostSettings(launches=1, budget=0.0, against_path=tmp_path / "old")
    for _ in range(2):
        found = measure_arms(arms("adamw"), settings=against, store=store)
        assert len(found.costs) == 4
        assert not any(cost.cached for cost in found.costs.values())


def test_one_process_measures_at_a_time(script: Script, tmp_path: Path) -> None:
    other = Store(tmp_path / "runs")
    lock = other.costs_lock()
    lock.__enter__()
    theirs = measure_arms(arms("adamw"), settings=QUICK)
    launches = len(script.order)
    notes: list[str] = []

    def finish(note: str) -> None:
        notes.append(note)
        key = plan.cost_key(arms("adamw"), settings_key(arms("adamw")[0].specs[0], QUICK))
        other.save_measurement(key, theirs)
        lock.__exit__(None, None, None)

    mine = measure_arms(arms("adamw"), settings=QUICK, store=Store(tmp_path / "runs", finish))
    assert mine == theirs
    assert all(cost.cached for cost in mine.costs.values())
    assert len(notes) == 1
    assert len(script.order) == launches


def test_one_process_of_the_machine_measures_at_a_time_whatever_its_folder(script: Script) -> None:
    lock = alone(lambda: None)
    lock.__enter__()
    told: list[str] = []

    def progress(done: float, total: float, text: str) -> None:
        if not told:
            assert not script.order
            lock.__exit__(None, None, None)
        told.append(text)

    measure_arms(arms("adamw"), settings=QUICK, progress=progress)
    assert "waiting" in told[0]
    assert script.order


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (CostSettings(precision=0.0), "precision 0.0"),
        (CostSettings(precision=math.nan), "precision nan"),
        (CostSettings(budget=-1.0), "budget -1.0"),
        (CostSettings(launches=0), "0 launches"),
    ],
)
def test_settings_that_will_not_do_are_refused(settings: CostSettings, text: str) -> None:
    with pytest.raises(OptbenchError, match=text):
        measure_arms(arms("adamw"), settings=settings)


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(OptbenchError, match="nothing to measure"):
        measure_arms([])


def test_a_measurement_comes_back_from_json_as_it_was(script: Script) -> None:
    found = measure_arms(arms("adamw"), settings=QUICK)
    document = found.to_dict()
    assert Measurement.from_dict(document) == found
    del document["busy"]
    with pytest.raises(ValueError, match="not the fields"):
        Measurement.from_dict(document)
