"""Workers: what is timed and guarded in one, and real processes, which must not outlive anybody."""

import dataclasses
import gc
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from optbench import plan, recipe
from optbench.errors import OptbenchError
from optbench.failures import Stopped
from optbench.measure import CostSettings, _launch, _subject, measure_arms
from optbench.measure._clocks import HostClock
from optbench.measure._guard import Guard, bit_sums
from optbench.measure._launch import started
from optbench.measure._messages import ArmFailed, Setup
from optbench.measure._subject import Subject
from optbench.measure._tracks import tracks_of
from optbench.results import PHASES, Measurement
from optbench.stats.times import ratio

SMALL = recipe.load("digits-cnn").override(epochs=2, batch_size=100)
STEPS = 12  # of an epoch: 1,197 images


def setup(reference: str, **settings: Any) -> Setup:
    arms = plan.build(SMALL, [reference], [], seeds=[0])
    return tracks_of(arms, CostSettings(**settings), None)[0].setup


@pytest.fixture
def subjects(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return `Subject`, and put back what it sets for its process."""
    monkeypatch.setattr(_subject, "THAW_SECONDS", 1e6)  # however busy this machine is
    threads = torch.get_num_threads()
    yield Subject
    gc.unfreeze()
    gc.enable()
    torch.set_num_threads(threads)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that writes a module with an optimizer `Mine`, and puts its folder on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def write(name: str, step: str, folder: Path = tmp_path) -> str:
        folder.mkdir(exist_ok=True)
        lines = ["import os, time", "import torch", "class Mine(torch.optim.SGD):", "    taken = 0"]
        lines += ["    def step(self, closure=None):", "        self.taken += 1", f"        {step}"]
        (folder / f"{name}.py").write_text("\n".join(lines) + "\n")
        return f"{name}.Mine:lr=0.01"

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_turn_finds_the_phases_that_occur_and_their_sum(subjects: Any) -> None:
    torch.set_num_threads(2)
    subject = subjects(setup("sgdm:impl=torch"))
    gc.collect()
    assert torch.get_num_threads() == SMALL.threads == 1  # what the recipe says, for as long as the subject lives
    found = subject.turn(2, True)
    assert list(found) == ["data", "forward", "backward", "step", "iteration"]
    assert all(seconds > 0 for seconds in found.values())
    assert found["iteration"] == pytest.approx(sum(found[phase] for phase in PHASES if phase in found))
    assert (subject.facts.epoch_iterations, subject.facts.executor, subject.facts.parameters) == (
        STEPS,
        "torch",
        38_282,
    )


def test_what_only_looks_on_is_not_timed(subjects: Any) -> None:
    looking = dataclasses.replace(setup("sgdm:impl=torch"), recipe=dataclasses.replace(SMALL, gradient_histograms=1))
    subject = subjects(looking)
    subject.turn(2, False)
    assert subject.session.histograms == []


def test_every_turn_starts_from_the_same_weights_and_rates(subjects: Any) -> None:
    subject = subjects(setup("xgrad+adamw"))
    session = subject.session

    def place() -> tuple[bytes, list[float], int]:
        return session.weights_sha256(), [group["lr"] for group in session.optimizer.param_groups], session.rates.done

    subject._go_back()
    first = place()
    subject.turn(STEPS + 2, True)  # into another epoch of the data
    assert place() != first
    subject._go_back()
    assert place() == first


def test_the_clock_adds_up_phases_and_leaves_out_what_is_between_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 1.5, 3.5, 10.0, 10.25, 11.25, 12.25])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    clock = HostClock()
    for phases in (("data", "step"), ("data", "step", "step")):
        clock.begin()
        for phase in phases:
            clock(phase)
    assert clock.seconds() == {"data": 0.75, "step": 4.0}
    assert clock.seconds() == {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64])
def test_one_bit_of_any_parameter_shows(dtype: torch.dtype) -> None:
    tensors = [torch.ones(3, 5, dtype=dtype).t(), torch.ones((), dtype=dtype), torch.ones(0, dtype=dtype)]
    tensors.append(torch.ones(70_000, dtype=dtype))
    before = bit_sums(tensors)
    assert torch.equal(before, bit_sums([tensor.clone() for tensor in tensors]))
    for tensor in (tensors[0], tensors[1], tensors[3]):
        place = tensor.view(-1)[-1:] if tensor.is_contiguous() else tensor[1:2, 2]
        kept = place.clone()
        place.neg_()
        assert not torch.equal(before, bit_sums(tensors))
        place.copy_(kept)
    assert torch.equal(before, bit_sums(tensors))


def test_a_step_that_changes_nothing_is_an_error_with_its_number(subjects: Any, module: Any) -> None:
    subject = subjects(setup(module("idle", "self.taken == 9 or super().step(closure)")))  # 5 steps are the warm-up
    with pytest.raises(Stopped, match="^step 9 changed no parameter"):
        subject.turn(6, True)
    assert subject.turn(4, False)["step"] > 0


def test_an_optimizer_that_never_moves_anything_is_an_error(subjects: Any, module: Any) -> None:
    with pytest.raises(Stopped, match="none of the first 2,505 steps changed a parameter"):
        subjects(setup(module("noop", "pass")))


def test_a_rule_is_timed_after_it_stood_still(subjects: Any, module: Any) -> None:
    subject = subjects(setup(module("late", "self.taken > 300 and super().step(closure)")))
    assert subject.session.optimizer.taken == 301
    assert subject.turn(2, True)["step"] > 0


def test_a_rule_that_says_for_how_long_it_stands_still_is_told_not_to(subjects: Any) -> None:
    subject = subjects(setup("xgrad+adam-2k:impl=eager"))
    assert subject._guard.steps == 5
    assert subject.turn(2, False)["step"] > 0


def test_without_a_learning_rate_nothing_need_move(subjects: Any) -> None:
    assert subjects(setup("sgdm:impl=torch:lr=0")).turn(2, False)["step"] > 0


def test_parameters_that_are_not_finite_are_told_apart_from_a_step_that_does_nothing() -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0, torch.nan]))
    guard = Guard(torch.optim.SGD([parameter], lr=0.1))
    guard.look()
    guard.steps += 1
    guard.look()
    with pytest.raises(Stopped, match="no longer finite at step 1"):
        guard.check()


# -- processes -------------------------------------------------------------------------------------------------------

WAITS = "import time\ntime.sleep(60)"


@pytest.mark.parametrize(
    ("program", "status", "text"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "out_of_memory", "was killed"),
        ("import sys\nprint('chatter')\nsys.exit('the reason')", "error", r"\(exit status 1\): the reason"),
        ("import os\nos.abort()", "error", "SIGABRT"),
    ],
)
def test_a_process_that_dies_is_the_end_of_its_arm_only(
    monkeypatch: pytest.MonkeyPatch, program: str, status: str, text: str
) -> None:
    monkeypatch.setattr(_launch, "BOOT", program)
    with started({"a": setup("sgdm")}) as workers, pytest.raises(ArmFailed, match=text) as caught:
        workers["a"].answer()
    assert caught.value.status == status


def test_nobody_is_left_when_a_launch_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_launch, "BOOT", WAITS)
    processes = []
    with pytest.raises(KeyboardInterrupt), started({"a": setup("sgdm"), "b": setup("sgdm")}) as workers:
        processes = [worker._process for worker in workers.values()]
        raise KeyboardInterrupt
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2


def test_workers_end_with_a_parent_that_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from optbench.measure import _launch\n"
        "_launch.Worker._send = lambda self, message: None\n"  # so that the worker waits
        "from optbench.measure._messages import Setup\n"
        "worker = _launch.Worker(Setup(None, '', 0, 'cpu', 'fp32', 1, '', None, False, None))\n"
        "print(worker._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    try:
        ready, _, _ = select.select([descriptor], [], [], 30)  # readable once the process has ended
        assert ready
    finally:
        os.close(descriptor)


SAYS = """import sys
from multiprocessing.connection import Connection
Connection(int(sys.argv[1])).send({message!r})
"""


def test_what_a_worker_says_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def said(*message: str, **settings: Any) -> Any:
        monkeypatch.setattr(_launch, "BOOT", SAYS.format(message=message))
        with started({"a": Setup(**{**vars(setup("sgdm")), **settings})}) as workers:
            return workers["a"].answer()

    assert said("done", "it") == "it"
    with pytest.raises(ArmFailed, match="no room"):
        said("failed", "out_of_memory", "no room")
    with pytest.raises(OptbenchError, match="momentum -1; give another"):
        said("refused", "momentum -1", "give another")
    with pytest.raises(ArmFailed, match="momentum"):  # another checkout need not know what this one knows
        said("refused", "unknown key momentum", "", checkout=tmp_path)
    with pytest.raises(RuntimeError, match="Traceback"):
        said("broken", "KeyError: 1", "Traceback ...")


PLANTED = """
_build = build
def build(entry, params, options):
    import time
    optimizer = _build(entry, params, options)
    optimizer.register_step_pre_hook(lambda *anything: time.sleep(0.05))
    return optimizer
"""
BRISK = (
    "import torch, time\nclass Mine(torch.optim.SGD):\n    def step(self, closure=None):\n        {}super().step()\n"
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measurement]:
    """One real launch: a class and torch's SGD, each beside its older and slower version, and a twin of SGD."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "brisk.py").write_text("print('stray')\n" + BRISK.format(""))
    package = Path(plan.__file__).parent / "optimizers"
    old = folder / "old" / "src" / "optbench" / "optimizers"
    shutil.copytree(package, old, ignore=shutil.ignore_patterns("__pycache__"))
    with (old / "_torch.py").open("a") as file:
        file.write(PLANTED)
    (folder / "old" / "brisk.py").write_text(BRISK.format("time.sleep(0.05); "))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("tempfile.tempdir", str(folder))
        arms = plan.build(SMALL, ["brisk.Mine:lr=0.01"], ["sgdm:impl=torch"], seeds=[0])
        settings = CostSettings(launches=1, budget=0.0, aa=True, against_path=folder / "old", synthetic=True)
        yield measure_arms(arms, settings=settings)


@pytest.mark.slow
def test_real_workers_find_every_figure(measured: Measurement) -> None:
    assert [cost.status for cost in measured.costs.values()] == ["ok"] * 5
    brisk, sgdm, twin, *_ = measured.costs.values()
    assert twin.canonical == sgdm.canonical + "#aa"
    assert (measured.launches, measured.reached, measured.synthetic) == (1, False, True)
    for cost in (brisk, sgdm, twin):
        assert set(cost.samples) == {"data", "forward", "backward", "step", "iteration"}
        assert (len(cost.samples["step"]), len(cost.samples["step"][0])) == (1, measured.turns)
        assert (cost.executor, cost.parameters, cost.epoch_iterations) == ("torch", 38_282, STEPS)
        assert cost.warmup_seconds is not None
        assert cost.ledger is not None
        assert cost.ledger.parameters == 4 * 38_282


@pytest.mark.slow
def test_another_checkouts_code_really_runs(measured: Measurement) -> None:
    old = [cost for cost in measured.costs.values() if cost.canonical.endswith("#old")]
    assert len(old) == 2
    for cost in old:
        found = ratio(cost, measured.costs[cost.canonical.removesuffix("#old")], "step")
        assert found is not None
        assert found.value > 1.5  # 50 ms were planted in a step that takes some tenths of one
