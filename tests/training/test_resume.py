"""A run that is interrupted goes on to the same bits, whatever the recipe switches on."""

from pathlib import Path

import pytest
import torch
from small_runs import spec_of

from optbench import session
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


class Interrupting:
    """A Progress that presses Ctrl-C after an epoch."""

    def __init__(self, after: int) -> None:
        self.after = after

    def run_started(self, spec: object) -> None: ...

    def epoch(self, spec: object, epoch: int, epochs: int, row: dict[str, object]) -> None:
        if epoch == self.after:
            raise KeyboardInterrupt

    def run_finished(self, spec: object, result: RunResult) -> None: ...


def figures(result: RunResult) -> tuple[object, ...]:
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]
    return result.status, result.message, result.metrics, rows, result.weights_sha256


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
