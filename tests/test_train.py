"""Training: reproducible, resumable to the bit, and no optimizer's failure is anybody else's."""

import dataclasses
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from optbench import plan, recipe, session, train
from optbench.errors import OptbenchError
from optbench.failures import Stopped
from optbench.parallel import run_all
from optbench.plan import RunSpec
from optbench.results import RunResult
from optbench.store import Store
from optbench.train import run

SMALL = recipe.load("digits-cnn").override(epochs=3, batch_size=200)
ITERATIONS = 6  # of an epoch: 1,197 images in batches of 200

THEIRS = """
import os, signal, torch

class Mine(torch.optim.SGD):
    def __init__(self, params, lr=0.1, mood="fine"):
        super().__init__(params, lr=lr)
        self.mood, self.steps = mood, 0

    def step(self, closure=None):
        self.steps += 1
        if self.steps == 9:
            if self.mood == "broken":
                raise RuntimeError("two lines\\nof trouble")
            if self.mood == "cuda":
                raise torch.OutOfMemoryError("no more")
            if self.mood == "cpu":
                torch.empty(2**60)
            if self.mood == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
        return super().step(closure)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_optimizer.py").write_text(THEIRS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_optimizer", raising=False)


def spec(reference: str, seed: int = 0, of: recipe.Recipe = SMALL, **changes: object) -> RunSpec:
    made = plan.build(of, [reference], [], seeds=[seed])[0].specs[0]
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def figures(result: RunResult) -> tuple[object, ...]:
    """Return everything of a result that must not depend on when and where it was made."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]
    return result.status, result.metrics, rows, result.weights_sha256


class Recorder:
    """A Progress that remembers, and can press Ctrl-C after an epoch."""

    def __init__(self, interrupt_after: int = 0) -> None:
        self.told: list[str] = []
        self.interrupt_after = interrupt_after

    def run_started(self, spec: RunSpec) -> None:
        self.told.append("started")

    def epoch(self, spec: RunSpec, epoch: int, epochs: int, row: dict[str, object]) -> None:
        self.told.append(f"{epoch}/{epochs}")
        if epoch == self.interrupt_after:
            raise KeyboardInterrupt

    def run_finished(self, spec: RunSpec, result: RunResult) -> None:
        self.told.append("cached" if result.cached else result.status)


def test_a_run_learns_and_says_what_it_did(store: Store) -> None:
    result = run(spec("adamw:lr=3e-3"), store=store)
    assert result.status == "ok"
    assert result.message == ""
    assert result.reported == "final weights"
    assert result.parameters == 38_282
    assert result.state_bytes is not None
    assert result.state_bytes >= 2 * 4 * 38_282
    assert set(result.metrics) == {"accuracy", "cross_entropy"}
    accuracy = result.metrics["accuracy"]
    assert accuracy is not None
    assert accuracy > 60
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    first, last = result.history[0], result.history[-1]
    assert last["train_loss"] < first["train_loss"] < 2.5
    assert set(last["validation"]) == {"accuracy", "cross_entropy"}
    assert "test" not in last
    assert store.result(spec("adamw:lr=3e-3").key()) == result


def test_schedule_is_stepped_by_epoch(store: Store) -> None:
    result = run(spec("sgdm:lr=0.1"), store=store)
    cosine = [0.1 * (1 + math.cos(math.pi * epoch / 3)) / 2 for epoch in range(3)]
    assert [row["lr"] for row in result.history] == pytest.approx(cosine)
    steps = dataclasses.replace(SMALL, schedule=recipe.Schedule("multistep", (1, 2), 0.5))
    result = run(spec("sgdm:lr=0.1", of=steps), store=store)
    assert [row["lr"] for row in result.history] == pytest.approx([0.1, 0.05, 0.025])


def test_paper_protocol_reports_the_best_epoch_on_more_data(store: Store) -> None:
    mine = spec("sgdm:lr=0.05", of=SMALL.override(protocol="paper"))
    result = run(mine, store=store)
    assert result.reported == "best epoch"
    tests = [row["test"] for row in result.history]
    assert result.metrics["accuracy"] == max(row["accuracy"] for row in tests)
    assert result.metrics["cross_entropy"] == min(row["cross_entropy"] for row in tests)
    assert all("validation" not in row for row in result.history)
    assert session.Session(mine).steps == 8  # of 1,197 + 300 images


def test_the_same_spec_gives_the_same_bits_and_another_seed_does_not(tmp_path: Path) -> None:
    one, two = (run(spec("adaplus"), store=Store(tmp_path / name)) for name in "ab")
    assert figures(one) == figures(two)
    other = run(spec("adaplus", seed=1), store=Store(tmp_path / "a"))
    assert other.weights_sha256 != one.weights_sha256


def test_every_optimizer_meets_the_same_weights_and_the_same_data(store: Store) -> None:
    still = [run(spec(f"{name}:lr=0:weight_decay=0"), store=store) for name in ("sgdm", "adamw", "radam")]
    assert len({result.weights_sha256 for result in still}) == 1
    assert len({result.history[-1]["train_loss"] for result in still}) == 1


def test_second_call_takes_the_stored_result(store: Store) -> None:
    first, second, third = Recorder(), Recorder(), Recorder()
    fresh = run(spec("sgdm"), store=store, progress=first)
    cached = run(spec("sgdm"), store=store, progress=second)
    again = run(spec("sgdm"), store=store, progress=third, rerun=True)
    assert first.told == third.told == ["started", "1/3", "2/3", "3/3", "ok"]
    assert second.told == ["cached"]
    assert (fresh.cached, cached.cached, again.cached) == (False, True, False)
    assert cached == fresh
    assert figures(again) == figures(fresh)


@pytest.mark.parametrize(
    ("reference", "precision"),
    [
        ("sgdm:nesterov=true", "fp32"),
        ("adaplus:impl=eager", "fp32"),
        ("novograd", "fp32"),
        ("adamw:impl=torch", "fp16"),
        ("radam", "bf16"),
        ("xgrad+adamw:s=2", "fp32"),
        ("xgrad+sgdm:impl=torch:s=1", "fp16"),
    ],
)
def test_interrupted_run_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, precision: str
) -> None:
    # the scaler's state is what fp16 adds; a CPU without fp16 arithmetic would take ten seconds to show it
    monkeypatch.setitem(session.AUTOCAST, "fp16", torch.bfloat16)
    mine = spec(reference, of=SMALL.override(precision=precision))
    whole = run(mine, store=Store(tmp_path / "whole"))
    assert whole.status == "ok"
    store, progress = Store(tmp_path / "parts"), Recorder()
    for epoch in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            run(mine, store=store, progress=Recorder(interrupt_after=epoch))
        assert store.checkpoint(mine.key()).exists()
    assert figures(run(mine, store=store, progress=progress)) == figures(whole)
    assert progress.told == ["started", "3/3", "ok"]


def test_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    mine = spec("xgrad+adamw:impl=torch:s=2")
    whole = run(mine, store=Store(tmp_path / "whole"))
    program = f"""
import os, signal
from optbench import plan, recipe, session, store, train
iteration, done = session.Session.iteration, []
def mortal(self, batch):
    done.append(1)
    if len(done) == {ITERATIONS + 3}:
        os.kill(os.getpid(), signal.SIGKILL)
    return iteration(self, batch)
session.Session.iteration = mortal
found = recipe.load("digits-cnn").override(epochs=3, batch_size=200)
spec = plan.build(found, ["xgrad+adamw:impl=torch:s=2"], [], seeds=[0])[0].specs[0]
train.run(spec, store=store.Store({str(tmp_path / "parts")!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    store, progress = Store(tmp_path / "parts"), Recorder()
    assert store.checkpoint(mine.key()).exists()
    assert figures(run(mine, store=store, progress=progress)) == figures(whole)
    assert progress.told == ["started", "2/3", "3/3", "ok"]


@pytest.mark.parametrize("keep", [0, 1000, -100])
def test_damaged_checkpoint_means_a_fresh_start_and_a_note(tmp_path: Path, keep: int) -> None:
    notes: list[str] = []
    store, mine = Store(tmp_path / "runs", notes.append), spec("sgdm:lr=0.05")
    with pytest.raises(KeyboardInterrupt):
        run(mine, store=store, progress=Recorder(interrupt_after=2))
    path = store.checkpoint(mine.key())
    path.write_bytes(path.read_bytes()[:keep])
    progress = Recorder()
    assert run(mine, store=store, progress=progress).status == "ok"
    assert progress.told == ["started", "1/3", "2/3", "3/3", "ok"]
    assert len(notes) == 1
    assert "starts again" in notes[0]


@pytest.mark.parametrize("lr", ["1e3", "1e30"])
def test_divergence_is_a_stored_result(store: Store, lr: str) -> None:
    mine = spec(f"sgdm:lr={lr}")
    result = run(mine, store=store)
    assert result.status == "diverged"
    assert "loss" in result.message
    assert "epoch 1" in result.message
    assert set(result.metrics.values()) == {None}
    assert len(result.history) == 1
    progress = Recorder()
    assert run(mine, store=store, progress=progress) == result
    assert progress.told == ["cached"]


def test_stored_result_bears_the_name_it_is_asked_by(store: Store) -> None:
    run(spec("sgdm"), store=store)
    again = run(spec("sgdm:dampening=0"), store=store)
    assert (again.cached, again.optimizer) == (True, "sgdm:dampening=0")


@pytest.mark.parametrize(
    ("mood", "status", "words"),
    [
        ("broken", "error", "RuntimeError: two lines of trouble"),
        ("cuda", "out_of_memory", "no more"),
        ("cpu", "out_of_memory", "memory"),
    ],
)
@pytest.mark.usefixtures("theirs")
def test_failing_optimizer_is_a_status_and_is_tried_again(store: Store, mood: str, status: str, words: str) -> None:
    mine = spec(f"their_optimizer.Mine:mood={mood}")
    result = run(mine, store=store)
    assert result.status == status
    assert words in result.message
    assert "\n" not in result.message
    assert [row["epoch"] for row in result.history] == [1]
    progress = Recorder()
    run(mine, store=store, progress=progress)
    assert progress.told[0] == "started"


@pytest.mark.usefixtures("theirs")
def test_third_party_class_trains(store: Store) -> None:
    result = run(spec("their_optimizer.Mine:lr=0.1"), store=store)
    assert (result.status, result.executor) == ("ok", "torch")


@pytest.mark.parametrize("reference", ["their_optimizer.Yours", "their_optimizer.os", "no_such_module.X"])
@pytest.mark.usefixtures("theirs")
def test_import_path_that_leads_nowhere_is_the_users_mistake(store: Store, reference: str) -> None:
    with pytest.raises(OptbenchError):
        run(spec(reference), store=store)


def test_threads_are_put_back(store: Store) -> None:
    before = torch.get_num_threads()
    run(spec("sgdm", threads=before + 1), store=store)
    assert torch.get_num_threads() == before


def test_cudnn_stays_on_and_is_made_deterministic() -> None:
    before = (torch.backends.cudnn.enabled, torch.backends.cudnn.deterministic)
    with session.settings(spec("sgdm"), deterministic=True):
        assert (torch.backends.cudnn.enabled, torch.backends.cudnn.deterministic) == (before[0], True)
        assert not torch.backends.cudnn.allow_tf32
    assert (torch.backends.cudnn.enabled, torch.backends.cudnn.deterministic) == before


def test_missing_cuda_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptbenchError, match="CUDA"):
        run(spec("sgdm", device="cuda"), store=store)


def test_waiting_for_another_process_takes_its_result(tmp_path: Path) -> None:
    mine = spec("sgdm")
    other = Store(tmp_path / "runs")
    theirs = run(spec("sgdm"), store=Store(tmp_path / "elsewhere"))
    lock = other.lock(mine.key())
    lock.__enter__()
    notes: list[str] = []

    def finish(note: str) -> None:
        notes.append(note)
        other.save_result(mine.key(), theirs)
        lock.__exit__(None, None, None)

    progress = Recorder()
    assert run(mine, store=Store(tmp_path / "runs", finish), progress=progress) == theirs
    assert progress.told == ["cached"]
    assert len(notes) == 1
    assert "sgdm seed 0" in notes[0]


def test_parallel_runs_equal_those_in_turn(tmp_path: Path) -> None:
    specs = [spec("sgdm:impl=torch"), spec("adamw:impl=torch"), spec("sgdm:impl=torch", seed=1)]
    progress = Recorder()
    side_by_side = run_all(specs, store=Store(tmp_path / "a"), jobs=2, progress=progress)
    in_turn = run_all(specs, store=Store(tmp_path / "b"))
    assert [figures(result) for result in side_by_side] == [figures(result) for result in in_turn]
    assert sorted(progress.told) == sorted(3 * ["started", "1/3", "2/3", "3/3", "ok"])
    again = run_all(specs, store=Store(tmp_path / "a"), jobs=1)
    assert all(result.cached for result in again)


@pytest.mark.usefixtures("theirs")
def test_worker_that_is_killed_is_named_and_finished_runs_stay(store: Store) -> None:
    specs = [spec("their_optimizer.Mine:mood=killed"), spec("sgd:lr=0.01"), spec("sgd:lr=0.02")]
    with pytest.raises(OptbenchError, match=r"Mine:mood=killed seed 0 was ended \(SIGKILL\)"):
        run_all(specs, store=store, jobs=2)
    assert run_all(specs[1:], store=store)[0].status == "ok"


@pytest.mark.usefixtures("theirs")
def test_mistake_in_a_worker_reaches_the_user(store: Store) -> None:
    specs = [spec("their_optimizer.Mine:lr=-1"), spec("their_optimizer.Mine:lr=-2")]
    with pytest.raises(OptbenchError, match="lr"):
        run_all(specs, store=store, jobs=2)


def test_jobs_must_be_positive(store: Store) -> None:
    with pytest.raises(OptbenchError, match="jobs 0"):
        run_all([], store=store, jobs=0)


def test_no_state_that_cannot_be_saved_stops_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    state_dict = session.Session.state_dict
    monkeypatch.setattr(session.Session, "state_dict", lambda self: state_dict(self) | {"hook": lambda: None})
    result = run(spec("sgdm"), store=Store(tmp_path / "runs", notes.append))
    assert result.status == "ok"
    assert "cannot be resumed" in notes[0]


def test_explosion_is_against_the_untrained_model() -> None:
    trace = train._Trace(history=[{"train_loss": 2.3e3}], initial_loss=2.3)
    train._check_divergence(trace, 1)
    trace.history[-1] = {"train_loss": 2.4e3}
    with pytest.raises(Stopped):
        train._check_divergence(trace, 1)
