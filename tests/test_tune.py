"""Tuning: equal trials, repeatable, chosen on validation with other seeds, extended at edges; no training behind it."""

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from optbench import optimizers, recipe, tune
from optbench._ranges import Range
from optbench.errors import OptbenchError
from optbench.plan import RunSpec
from optbench.report import tuning
from optbench.results import RunResult
from optbench.tune._search import Grid, Sobol
from optbench.tune._space import declared
from optbench.tune._trials import ArmTuning, Objective

DIGITS = recipe.load("digits-cnn")
ACCURACY = Objective("accuracy", "higher", "cross_entropy", "lower")


def result(spec: RunSpec, accuracy: float | None) -> RunResult:
    validation = {"accuracy": accuracy, "cross_entropy": 1.0}
    return RunResult(
        optimizer=spec.optimizer.text,
        canonical=spec.optimizer.canonical,
        seed=spec.seed,
        status="ok" if accuracy is not None else "diverged",
        message="",
        metrics={"accuracy": accuracy, "cross_entropy": 1.0},
        reported="final weights",
        history=({"epoch": 1, "train_loss": 1.0, "lr": 0.1, "seconds": 0.1, "validation": validation},),
        executor="cpu",
        state_bytes=None,
        parameters=None,
        seconds=0.1,
        weights_sha256="",
        environment={},
    )


class Trainer:
    """Gives every run an accuracy that is a function of its learning rate, and remembers what was asked."""

    def __init__(self, accuracy: Callable[[float], float | None]) -> None:
        self.accuracy = accuracy
        self.specs: list[RunSpec] = []

    def __call__(self, specs: Sequence[RunSpec]) -> list[RunResult]:
        self.specs += specs
        return [result(spec, self.accuracy(float(dict(spec.optimizer.options)["lr"]))) for spec in specs]


def peak(at: float) -> Callable[[float], float]:
    """Accuracy that falls by 10 for each decade away from the best learning rate."""
    return lambda lr: 90 - 10 * abs(math.log10(lr / at))


def tuned(names: str, trainer: Trainer, **more: object) -> list[ArmTuning]:
    return tune.tune(DIGITS, optimizers.parse_list(names), ACCURACY, trainer, **more)  # type: ignore[arg-type]


def test_every_arm_has_the_same_number_of_trials_with_tuning_seeds() -> None:
    trainer = Trainer(peak(3e-3))
    arms = tuned("adaplus,radam,adamw,sgdm", trainer, budget=8, seeds=2)
    assert [len(arm.trials) for arm in arms] == [8, 8, 8, 8]
    assert {spec.seed for spec in trainer.specs} == {tune.FIRST_SEED, tune.FIRST_SEED + 1}
    assert min(spec.seed for spec in trainer.specs) > DIGITS.seeds
    assert len(trainer.specs) == 4 * 8 * 2
    for arm in arms:
        assert arm.best.value == max(trial.value for trial in arm.trials if trial.value is not None)


def test_the_same_trials_are_made_again_and_a_larger_budget_begins_with_them() -> None:
    first, again, more = (
        [[trial.values for trial in arm.trials] for arm in tuned("adaplus,radam", Trainer(peak(3e-3)), budget=budget)]
        for budget in (8, 8, 16)
    )
    assert first == again
    assert [arm[:6] for arm in first] == [arm[:6] for arm in more]
    assert first[0] != first[1]  # each arm has a sequence of its own


def test_spaces_are_declared_by_the_rules_and_overridden_by_the_recipe() -> None:
    assert declared("radam") == {"lr": Range(1e-5, 0.1)}
    assert declared("adaplus") == {"lr": Range(1e-5, 0.1), "weight_decay": Range(1e-3, 0.1)}
    assert declared("torch.optim.SGD") == {}
    from dataclasses import replace

    narrow = replace(DIGITS, tune={"adamw": {"lr": Range(1e-3, 2e-3)}})
    (arm,) = tune.tune(narrow, optimizers.parse_list("adamw"), ACCURACY, Trainer(peak(1.5e-3)), budget=4)
    assert all(set(trial.values) == {"lr"} and 1e-3 <= trial.values["lr"] <= 2e-3 for trial in arm.trials[:3])


def test_what_the_user_gives_is_not_searched() -> None:
    (arm,) = tuned("xgrad+adamw:s=2:weight_decay=0.5", Trainer(peak(1e-3)), budget=4)
    assert {key for trial in arm.trials for key in trial.values} == {"lr"}
    assert all(dict(trial.reference.options)["weight_decay"] == 0.5 for trial in arm.trials)
    assert all(trial.reference.xgrad for trial in arm.trials)


@pytest.mark.parametrize(("best", "side"), [(1e-9, "downwards"), (1e3, "upwards")])
def test_a_best_at_the_edge_extends_the_space_there_and_says_so(best: float, side: str) -> None:
    (arm,) = tuned("sgdm", Trainer(peak(best)), budget=16)
    assert len(arm.trials) == 16
    assert arm.extended[0].startswith(f"lr {side}, now ")
    rates = [trial.values["lr"] for trial in arm.trials]
    beyond = [rate for rate in rates[12:] if not 1e-5 <= rate <= 0.1]
    assert len(beyond) >= 2
    assert arm.best.values["lr"] in beyond
    assert any("space was extended" in note for note in tuning.notes([arm]))
    (poor,) = tuned("sgdm", Trainer(peak(best)), budget=3)  # too few to keep any for an extension
    assert any("still lies at the edge" in note for note in tuning.notes([poor]))


def test_a_best_inside_extends_nothing() -> None:
    (arm,) = tuned("sgdm", Trainer(peak(1e-3)), budget=16)
    assert arm.extended == []
    assert all(1e-5 <= trial.values["lr"] <= 0.1 for trial in arm.trials)
    assert not any("edge" in note for note in tuning.notes([arm]))


def test_a_grid_is_tried_whole_and_goes_on_at_its_edge() -> None:
    arms = tuned("sgdm,adamw", Trainer(peak(1.0)), grid={"lr": [0.1, 0.03, 0.01]})
    for arm in arms:
        assert [trial.values["lr"] for trial in arm.trials] == [0.01, 0.03, 0.1, 0.333, 1.11]
        assert len(arm.extended) == 2


def test_arms_that_need_no_extension_get_as_many_trials() -> None:
    (alone,) = tuned("sgdm", Trainer(peak(0.03)), grid={"lr": [0.1, 0.03, 0.01]})
    assert len(alone.trials) == 3  # nobody was at an edge
    values = {"sgdm": peak(1.0), "adamw": peak(0.03)}

    def train(specs: Sequence[RunSpec]) -> list[RunResult]:
        return [result(s, values[s.optimizer.name](float(dict(s.optimizer.options)["lr"]))) for s in specs]

    arms = tune.tune(DIGITS, optimizers.parse_list("sgdm,adamw"), ACCURACY, train, grid={"lr": [0.1, 0.03, 0.01]})
    assert [len(arm.trials) for arm in arms] == [5, 5]
    assert arms[1].extended == []
    assert all(0.01 < trial.values["lr"] < 0.1 for trial in arms[1].trials[3:])


def test_trials_that_fail_come_last_and_are_counted() -> None:
    (arm,) = tuned("sgdm", Trainer(lambda lr: None if lr > 1e-3 else peak(1e-3)(lr)), budget=16)
    failed = [trial for trial in arm.trials if trial.status == "diverged"]
    assert failed
    assert arm.best.value is not None
    assert any(f"{len(failed)} diverged of 16 trials" in note for note in tuning.notes([arm]))
    (hopeless,) = tuned("sgdm", Trainer(lambda lr: None), budget=8)
    assert hopeless.best.value is None
    assert any("no trial succeeded" in note for note in tuning.notes([hopeless]))
    assert tune.best_of_k([None, None], "higher") == []


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_the_curve_is_the_mean_over_all_subsets(direction: str) -> None:
    values = [3.0, None, 7.0, 5.0, 5.5]
    choose = max if direction == "higher" else min
    worst = 3.0 if direction == "higher" else 7.0
    filled = [worst if value is None else value for value in values]
    found = tune.best_of_k(values, direction)
    for point in found:
        subsets = list(itertools.combinations(filled, point.k))
        assert point.value == pytest.approx(sum(map(choose, subsets)) / len(subsets))
        assert point.low <= point.high
    assert found[-1].value == choose(filled)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=9))
def test_more_trials_are_never_expected_to_be_worse(values: list[float]) -> None:
    curve = [point.value for point in tune.best_of_k(values, "higher")]
    assert all(here <= then + 1e-9 for here, then in itertools.pairwise(curve))
    assert min(values) - 1e-9 <= curve[0]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (lambda: tuned("adamw:lr=1e-3:weight_decay=0", Trainer(peak(1)), budget=4), "nothing to search"),
        (lambda: tuned("torch.optim.SGD", Trainer(peak(1)), budget=4), r"\[tune.torch.optim.SGD\]"),
        (lambda: tuned("adamw", Trainer(peak(1)), budget=0), "0 trials"),
        (lambda: tuned("adamw", Trainer(peak(1)), budget=4, seeds=0), "0 seeds"),
        (lambda: tuned("adamw:lr=1", Trainer(peak(1)), grid={"lr": [1.0]}), "gives lr, and so does --grid"),
        (lambda: tuned("adamw", Trainer(peak(1)), grid={"momentum": [0.9]}), "momentum"),
        (lambda: tuned("adamw", Trainer(peak(1)), grid={"lr": [-1.0]}), "lr=-1"),
    ],
)
def test_what_cannot_be_tuned_is_told(wanted: Callable[[], object], words: str) -> None:
    with pytest.raises(OptbenchError, match=words):
        wanted()


def test_protocol_paper_has_no_validation_data() -> None:
    with pytest.raises(OptbenchError, match="protocol paper"):
        tune.tune(
            DIGITS.override(protocol="paper"), optimizers.parse_list("adamw"), ACCURACY, Trainer(peak(1)), budget=2
        )


def test_points_lie_in_their_ranges_and_fill_them() -> None:
    space = {"lr": Range(1e-4, 1.0), "momentum": Range(0.5, 0.9, "linear")}
    points = Sobol("arm", space, 64).first()
    assert len(points) == 48
    for key, where in space.items():
        places = sorted(where.place(point[key]) for point in points)
        assert -0.01 <= places[0] < 0.1
        assert 0.9 < places[-1] <= 1.01
        assert max(b - a for a, b in itertools.pairwise(places)) < 0.12
    assert Grid({"a": [1.0, 2.0], "b": [3.0]}).first() == [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 3.0}]


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_can_be_written_and_read_again(tmp_path: Path, name: str) -> None:
    from dataclasses import replace

    found = recipe.load(name)
    tune.write_recipe(found, tmp_path / "again.toml", "a heading")
    again = recipe.load(tmp_path / "again.toml")
    assert replace(again, name=found.name, published=found.published) == found


def test_the_tuned_recipe_holds_what_was_chosen(tmp_path: Path) -> None:
    from dataclasses import replace

    asked = replace(DIGITS, optims=("adaplus", "xgrad+sgdm:s=2"), baselines=("sgdm",))
    arms = tuned("adaplus,xgrad+sgdm:s=2,sgdm", Trainer(peak(2e-3)), budget=8)
    made = tune.tuned_recipe(asked, arms, "trials, seed 10000")
    tune.write_recipe(made, tmp_path / "tuned.toml", "two")
    found = recipe.load(tmp_path / "tuned.toml")
    assert found.optimizers["adaplus"]["lr"] == arms[0].best.values["lr"]
    assert "the best of 8 trials, seed 10000" in found.provenance["adaplus"]
    wrapped = optimizers.parse(found.optims[1])
    assert dict(wrapped.options) == {"s": 2.0, "lr": arms[1].best.values["lr"]}
    assert found.optimizers["sgdm"]["lr"] == arms[2].best.values["lr"]
    assert found.baselines == ("sgdm",)
    mine = tmp_path / "mine.toml"
    mine.write_text("title = 'mine'")
    with pytest.raises(OptbenchError, match="was not written by 'optbench tune'"):
        tune.write_recipe(made, mine, "")
    assert mine.read_text() == "title = 'mine'"


def invoke(*arguments: str) -> tuple[int, str, str]:
    from optbench.cli import main

    done = CliRunner().invoke(main, ["tune", *arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.slow
def test_the_command_tunes_tests_and_writes_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    monkeypatch.chdir(tmp_path)
    small = ("digits-cnn", "--epochs", "1", "--batch-size", "200", "--seeds", "2")
    asked = (*small, "--optims", "adaplus", "--baselines", "sgdm", "--budget", "4")
    status, text, errors = invoke(*asked)
    assert status == 0, errors
    assert "tuned by validation accuracy, 4 trials an arm, seeds 10000" in text
    assert "best of k trials" in text
    assert "accuracy %" in text
    status, document, errors = invoke(*asked, "--format", "json")
    assert status == 0
    assert "from the store" in errors  # the same trials
    found = json.loads(document)
    assert found["schema"] == "optbench.tune/1"
    assert [len(arm["trials"]) for arm in found["arms"]] == [4, 4]
    assert len(found["arms"][0]["best_of_k"]) == 4
    assert {arm["optimizer"] for arm in found["comparison"]["arms"]} == {"adaplus", "sgdm"}
    assert recipe.load("tuned-digits-cnn.toml").optimizers["adaplus"]["lr"] == found["arms"][0]["best"]["lr"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--grid", "lr=a,b"), "--grid lr=a,b is not KEY=NUMBER"),
        (("--grid", "lr=0.1", "--grid", "lr=0.2"), "--grid lr=0.2 is not KEY=NUMBER"),
        (("--grid", "lr=0.1", "--budget", "4"), "give one of them"),
        (("--protocol", "paper"), "--protocol paper"),
        (("--seeds", "20000"), "reach the tuning seeds"),
        (("--optims", "none", "--baselines", "none"), "no optimizers to tune"),
        (("--budget", "0"), "--budget"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, errors = invoke("digits-cnn", *arguments)
    assert status == 2
    assert words in errors
    assert len(errors.strip().splitlines()) == 1
