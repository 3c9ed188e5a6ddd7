"""Epoch times: the order of rounds, what a ratio pairs, what is kept, and that one arm's failure stays its own."""

from pathlib import Path
from typing import Any

import pytest

from optbench import plan, recipe
from optbench.errors import OptbenchError
from optbench.measure import measure_arms, settings_key, timing
from optbench.plan import Arm
from optbench.store import Store

SMALL = recipe.load("digits-cnn").override(epochs=2, batch_size=400)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TOTAL_SECONDS", 0.0)
    monkeypatch.setattr(timing, "ROUNDS", (4, 4))


def arms(*references: str, baselines: tuple[str, ...] = ("sgdm",)) -> list[Arm]:
    return plan.build(SMALL, references, baselines, seeds=[0])


def scripted(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, list[float]]) -> list[str]:
    """Replace the clock's figures by given ones; return the order in which samples are taken."""
    order: list[str] = []

    def sample(subject: Any, epoch_number: int, iterations: int, epoch: int) -> None:
        name = subject.spec.optimizer.text
        subject.seconds.append(seconds[name][order.count(name)])
        order.append(name)

    monkeypatch.setattr(timing, "_sample", sample)
    return order


def test_rounds_go_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    order = scripted(monkeypatch, {name: [1.0] * 4 for name in ("adamw", "radam", "sgdm")})
    measure_arms(arms("adamw", "radam"))
    there = ["adamw", "radam", "sgdm"]
    assert order == there + there[::-1] + there + there[::-1]


def test_ratio_is_the_median_of_the_ratios_within_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, {"adamw": [2.0, 30.0, 4.0, 9.0], "sgdm": [1.0, 10.0, 1.0, 9.0]})
    costs = list(measure_arms(arms("adamw")).values())
    baseline = costs[1].canonical
    assert costs[0].epoch_seconds == (2.0, 30.0, 4.0, 9.0)
    assert costs[0].ratio == {baseline: 2.5}  # of 2, 3, 4 and 1; the ratio of medians would be 1.2
    assert costs[1].ratio == {baseline: 1.0}


def test_real_costs_have_every_figure() -> None:
    told: list[tuple[int, int]] = []
    costs = measure_arms(arms("adamw"), progress=lambda done, rounds: told.append((done, rounds)))
    assert [cost.optimizer for cost in costs.values()] == ["adamw", "sgdm"]
    assert list(costs) == [cost.canonical for cost in costs.values()]
    for cost in costs.values():
        assert cost.status == "ok"
        assert len(cost.epoch_seconds) == 4
        assert min(cost.epoch_seconds) > 0
        assert cost.warmup_seconds is not None
        assert (cost.timed_iterations, cost.epoch_iterations, cost.scaled) == (3, 3, False)
        assert cost.peak_memory_bytes is not None
        assert cost.state_bytes is not None
        assert cost.peak_memory_bytes > cost.state_bytes > 4 * 38_000
        assert cost.memory_method == "live tensors"
        assert cost.executor
        assert not cost.cached
    assert told[-1] == (4, 4)


def test_a_long_epoch_is_timed_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "SAMPLE_SECONDS", 0.0)
    (cost,) = measure_arms(arms("sgdm", baselines=())).values()
    assert (cost.timed_iterations, cost.epoch_iterations, cost.scaled) == (1, 3, True)


@pytest.mark.parametrize(
    ("seconds", "epoch", "expected"),
    [
        ([0.01, 0.01], 20, (20, 12)),  # an epoch of 0.2 s, two arms, 12.5 rounds
        ([0.01, 0.01], 1000, (40, 6)),  # 0.4 s of an epoch of 10 s
        ([1.0], 1000, (1, 6)),  # an iteration is the least
        ([0.0001], 10, (10, 20)),  # many rounds of a short epoch
        ([0.01, 0.0123], 32, (32, 8)),  # 7 rounds would fit best; they come in pairs
    ],
)
def test_samples_and_rounds_fit_the_time_there_is(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float], epoch: int, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(timing, "TOTAL_SECONDS", 5.0)
    monkeypatch.setattr(timing, "ROUNDS", (6, 20))
    assert timing._plan_rounds(seconds, epoch) == expected


def test_costs_are_kept_and_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "runs")
    order = scripted(monkeypatch, {"adamw": [2.0] * 8, "sgdm": [1.0] * 8})
    fresh = measure_arms(arms("adamw"), store=store)
    cached = measure_arms(arms("adamw"), store=store)
    assert len(order) == 8
    assert cached == fresh
    assert [cost.cached for cost in (*fresh.values(), *cached.values())] == [False, False, True, True]
    again = measure_arms(arms("adamw"), store=store, rerun=True)
    assert len(order) == 16
    assert not any(cost.cached for cost in again.values())


def test_one_process_measures_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = scripted(monkeypatch, {"adamw": [2.0] * 4, "sgdm": [1.0] * 4})
    other = Store(tmp_path / "runs")
    lock = other.costs_lock()
    lock.__enter__()
    theirs = measure_arms(arms("adamw"))
    notes: list[str] = []

    def finish(note: str) -> None:
        notes.append(note)
        other.save_costs(plan.cost_key(arms("adamw"), settings_key(arms("adamw")[0].specs[0])), theirs)
        lock.__exit__(None, None, None)

    mine = measure_arms(arms("adamw"), store=Store(tmp_path / "runs", finish))
    assert mine == theirs
    assert all(cost.cached for cost in mine.values())
    assert len(notes) == 1
    assert len(order) == 8


@pytest.mark.parametrize(
    ("body", "status"),
    [("raise RuntimeError('no')", "error"), ("raise MemoryError('no')", "out_of_memory")],
)
def test_an_arm_that_fails_is_left_out_of_the_others_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, status: str
) -> None:
    module = f"fails_{status}"
    (tmp_path / f"{module}.py").write_text(
        f"import torch\nclass Mine(torch.optim.SGD):\n    def step(self, closure=None):\n        {body}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    store = Store(tmp_path / "runs")
    broken, sgdm = measure_arms(arms(f"{module}.Mine:lr=0.1"), store=store).values()
    assert (broken.status, broken.epoch_seconds, broken.ratio) == (status, (), {})
    assert broken.peak_memory_bytes is None
    assert "no" in broken.message
    assert sgdm.status == "ok"
    assert len(sgdm.epoch_seconds) == 4
    # what failed may work the next time, so nothing was kept
    assert not any(cost.cached for cost in measure_arms(arms(f"{module}.Mine:lr=0.1"), store=store).values())


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(OptbenchError, match="nothing to measure"):
        measure_arms([])
