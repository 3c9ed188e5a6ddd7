"""A language model or a translation that is killed within an epoch goes on with the same state, place and bits."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import SMALL, figures

from optbench import plan, session, train
from optbench.results import RunResult
from optbench.store import Store
from optbench.train import run

MODELS = {
    "lstm": {"layers": 1, "embedding": 8, "hidden": 8, "dropout": 0.2},
    "awd-lstm": {"layers": 2, "embedding": 6, "hidden": 8},
    "transformer-xl": {"layers": 2, "width": 8, "heads": 2, "inner": 16, "memory": 6, "cutoffs": ""},
}


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = np.random.Generator(np.random.Philox(3)).integers(0, 20, (300, 5))
    (tmp_path / "words.txt").write_text("\n".join(" ".join(f"w{word}" for word in row) for row in words) + "\n")
    return tmp_path / "words.txt"


def spec_of(corpus: Path, model: str, reference: str) -> plan.RunSpec:
    changed = dataclasses.replace(
        SMALL,
        task="language_modeling",
        data="text",
        data_options={"path": str(corpus)},
        task_options={"bptt": 12, "variable_bptt": model == "awd-lstm"},
        model=model,
        model_options=MODELS[model],
        batch_size=8,
        epochs=2,
    )
    return plan.build(changed, [reference], [], seeds=[0])[0].specs[0]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("reference", ["adaplus:lr=1e-2", "xgrad+sgdm:lr=0.05"])
def test_it_goes_on_with_the_same_hidden_state_memory_and_place(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, model: str, reference: str
) -> None:
    spec = spec_of(corpus, model, reference)
    whole = run(spec, store=Store(tmp_path / "whole"))
    assert whole.status == "ok", whole.message
    assert whole.reported == "best validation epoch"
    store = Store(tmp_path / "parts")
    iteration, count, carried = session.Session.iteration, 0, []

    def interrupted(self: session.Session, *args: object) -> torch.Tensor:
        nonlocal count
        count += 1
        if count in (3, 8, 25):
            carried.append(self.carry)
            raise KeyboardInterrupt
        return iteration(self, *args)

    monkeypatch.setattr(session.Session, "iteration", interrupted)
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0.0)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(spec, store=store)
    saved = torch.load(store.checkpoint(spec.key()), weights_only=True)["session"]["carry"]
    assert all(torch.equal(a, b) for a, b in zip(saved, carried[-1], strict=True))
    assert any(part.abs().sum() > 0 for part in saved)  # there is a state to lose
    assert figures(run(spec, store=store)) == figures(whole)


def test_what_is_reported_is_of_the_best_validation_epoch(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(corpus, "lstm", "sgd:lr=20.0")
    evaluate, epochs = session.Session.evaluate, iter([50.0, 60.0])

    def worse(self: session.Session, split: str, **more: bool) -> dict[str, float]:
        found = evaluate(self, split, **more)
        return {**found, "perplexity": next(epochs)} if split == "validation" else found

    stages = []

    class Looking:
        def run_started(self, spec: object) -> None: ...
        def within(self, *args: object) -> None: ...
        def run_finished(self, spec: object, result: RunResult) -> None: ...
        def epoch(self, *args: object) -> None:
            stages.append(torch.load(store.checkpoint(spec.key()), weights_only=True)["session"]["model"])

    monkeypatch.setattr(session.Session, "evaluate", worse)
    store = Store(tmp_path / "store")
    run(spec, store=store, progress=Looking(), keep_weights=True)
    kept = torch.load(store.weights(spec.key()), weights_only=True)
    assert all(torch.equal(kept[name], stages[0][name]) for name in kept)
    assert not all(torch.equal(kept[name], stages[1][name]) for name in kept)
