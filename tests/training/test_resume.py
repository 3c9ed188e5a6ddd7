"""A run that is interrupted goes on to the same bits, whatever the recipe switches on."""

from pathlib import Path

import pytest
import torch
from small_runs import figures, spec_of

from optbench import session, train
from optbench.results import RunResult
from optbench.schedules import Schedule
from optbench.store import Store
from optbench.train import run

SETTINGS = {
    "iterations": ("xgrad+adamw:s=2", {"schedule": Schedule("cosine", by="iteration", warmup_steps=4)}),
    "warm-up": ("adaplus", {"schedule": Schedule("multistep", (1, 2), 0.5, warmup_steps=9)}),
    "average": ("xgrad+sgdm:lr=0.05", {"ema": 0.9, "schedule": Schedule("quadratic", by="iteration")}),
    "accumulation": ("sgdm:lr=0.05", {"accumulation": 4, "clip_norm": 0.2, "label_smoothing": 0.1}),
    "fp16": ("xgrad+sgdm:lr=0.05:impl=torch", {"precision": "fp16", "clip_norm": 0.2, "accumulation": 2}),
    "augmentation": ("radam", {"augmentation": "crop-flip", "channels_last": True, "precision": "bf16"}),
    "batch norm": ("sgdm:lr=0.05", {"model": "resnet-20", "reestimate_batch_norm": 2, "ema": 0.5, "protocol": "paper"}),
}


INSIDE = {
    **SETTINGS,
    "last epochs": ("adaplus", {"average_last": 2, "model": "resnet-20", "gradient_histograms": 5}),
}


class Interrupting:
    """A Progress that presses Ctrl-C after an epoch."""

    def __init__(self, after: int) -> None:
        self.after = after

    def run_started(self, spec: object) -> None: ...

    def epoch(self, spec: object, epoch: int, epochs: int, row: dict[str, object]) -> None:
        if epoch == self.after:
            raise KeyboardInterrupt

    def within(self, spec: object, epoch: int, epochs: int, part: float) -> None: ...

    def run_finished(self, spec: object, result: RunResult) -> None: ...


@pytest.mark.parametrize("name", SETTINGS)
def test_interrupted_runs_go_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(session.AUTOCAST, "fp16", torch.bfloat16)  # a CPU without fp16 arithmetic is slow
    reference, changes = SETTINGS[name]
    mine = spec_of(
        reference, precision=changes.get("precision", "fp32"), **{k: v for k, v in changes.items() if k != "precision"}
    )
    whole = run(mine, store=Store(tmp_path / "whole"))
    assert whole.status == "ok", whole.message
    store = Store(tmp_path / "parts")
    for epoch in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            run(mine, store=store, progress=Interrupting(epoch))
    assert figures(run(mine, store=store)) == figures(whole)


@pytest.mark.parametrize("name", INSIDE)
def test_runs_interrupted_within_an_epoch_do_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(session.AUTOCAST, "fp16", torch.bfloat16)
    reference, changes = INSIDE[name]
    mine = spec_of(
        reference, precision=changes.get("precision", "fp32"), **{k: v for k, v in changes.items() if k != "precision"}
    )
    whole = run(mine, store=Store(tmp_path / "whole"))
    assert whole.status == "ok", whole.message
    store = Store(tmp_path / "parts")
    iteration, count = session.Session.iteration, 0

    def interrupted(self: session.Session, *args: object) -> torch.Tensor:
        nonlocal count
        count += 1
        if count in (2, 5, 9):  # of the run that goes on too: in its first epoch and in a later one
            raise KeyboardInterrupt
        return iteration(self, *args)

    monkeypatch.setattr(session.Session, "iteration", interrupted)
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0.0)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(mine, store=store)
    assert store.checkpoint(mine.key()).exists()
    assert figures(run(mine, store=store)) == figures(whole)
    assert count == sum(1 for _ in range(3)) + whole.history[-1]["updates"]


def test_a_curve_holds_the_mean_loss_of_every_stretch(tmp_path: Path) -> None:
    result = run(spec_of("sgdm:lr=0.05"), store=Store(tmp_path))
    for before, row in zip((0, *(row["updates"] for row in result.history)), result.history, strict=False):
        ends = [end for end, _ in row["losses"]]
        assert ends == sorted(set(ends))
        assert ends[-1] == row["updates"]
        weights = [end - start for start, end in zip((before, *ends), ends, strict=False)]
        mean = sum(w * loss for w, (_, loss) in zip(weights, row["losses"], strict=True)) / sum(weights)
        assert mean == pytest.approx(row["train_loss"])


def test_the_mean_of_the_last_weights_is_what_the_test_data_see(tmp_path: Path) -> None:
    stages = []

    class Looking(Interrupting):
        def epoch(self, spec: object, epoch: int, epochs: int, row: dict[str, object]) -> None:
            saved = torch.load(store.checkpoint(mine.key()), weights_only=True)
            stages.append(saved["session"]["model"])

    mine, store = spec_of("sgdm:lr=0.05", average_last=2), Store(tmp_path)
    result = run(mine, store=store, progress=Looking(0), keep_weights=True)
    kept = torch.load(store.weights(mine.key()), weights_only=True)
    for name, tensor in kept.items():
        torch.testing.assert_close(tensor, (stages[-1][name] + stages[-2][name]) / 2)
    assert result.reported == "mean of the last 2 epochs' weights"
    assert run(mine, store=store, keep_weights=True).cached
    store.weights(mine.key()).unlink()
    assert not run(mine, store=store, keep_weights=True).cached
