"""Schedules against torch's own, and what holds of every one of them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from optbench.schedules import NAMES, Schedule

STEPS, EPOCHS = 5, 12


def by_torch(make, count: int) -> list[float]:
    """The learning rates, of 1, that one of torch's schedulers gives when stepped `count` times."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    found = []
    for _ in range(count):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


BY_TORCH = [
    (Schedule("multistep", (3, 7), 0.5), lambda o, n: lr_scheduler.MultiStepLR(o, [3, 7], 0.5)),
    (Schedule("cosine"), lambda o, n: lr_scheduler.CosineAnnealingLR(o, n)),
    (Schedule("cosine", final=0.25), lambda o, n: lr_scheduler.CosineAnnealingLR(o, n, eta_min=0.25)),
    (Schedule("polynomial", power=0.9), lambda o, n: lr_scheduler.PolynomialLR(o, n, 0.9)),
    (Schedule("linear", final=0.1), lambda o, n: lr_scheduler.LinearLR(o, 1.0, 0.1, n)),
    (Schedule("quadratic"), lambda o, n: lr_scheduler.PolynomialLR(o, n, 2.0)),
]


@pytest.mark.parametrize(("schedule", "make"), BY_TORCH, ids=lambda value: getattr(value, "name", ""))
def test_by_epoch_it_is_torchs(schedule: Schedule, make) -> None:
    expected = by_torch(lambda optimizer: make(optimizer, EPOCHS), EPOCHS)
    found = [schedule.multiplier(done, STEPS, EPOCHS) for done in range(STEPS * EPOCHS)]
    assert found[::STEPS] == pytest.approx(expected)
    assert found == [found[done - done % STEPS] for done in range(STEPS * EPOCHS)]  # constant within an epoch


@pytest.mark.parametrize(("schedule", "make"), BY_TORCH, ids=lambda value: getattr(value, "name", ""))
def test_by_iteration_it_is_torchs(schedule: Schedule, make) -> None:
    from dataclasses import replace

    count = STEPS * EPOCHS
    expected = by_torch(lambda optimizer: make(optimizer, count), count)
    moved = replace(schedule, by="iteration")
    assert moved.every_iteration
    assert [moved.multiplier(done, STEPS, EPOCHS) for done in range(count)] == pytest.approx(expected)


def test_warm_up_is_linear_and_then_the_decay_begins() -> None:
    schedule = Schedule("linear", by="iteration", warmup_steps=4)
    found = [schedule.multiplier(done, 5, 2) for done in range(10)]
    assert found == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_warm_up_multiplies_a_schedule_by_epoch() -> None:
    schedule = Schedule("multistep", (1,), 0.1, warmup_steps=7)
    assert schedule.every_iteration
    found = [schedule.multiplier(done, 5, 2) for done in range(10)]
    assert found == pytest.approx([*(k / 7 for k in (1, 2, 3, 4, 5)), 0.1 * 6 / 7, 0.1, 0.1, 0.1, 0.1])


def test_constant_is_exactly_one_and_has_nothing_to_do_every_iteration() -> None:
    assert {Schedule().multiplier(done, 3, 3) for done in range(9)} == {1.0}
    assert not Schedule(by="iteration").every_iteration


@given(
    name=st.sampled_from([name for name in NAMES if name != "multistep"]),
    by=st.sampled_from(["epoch", "iteration"]),
    power=st.floats(0.1, 5),
    final=st.floats(0, 0.9),
    warmup=st.integers(0, 200),
    steps=st.integers(1, 20),
    epochs=st.integers(1, 10),
    done=st.integers(0, 500),
)
def test_every_decay_stays_positive_and_falls_after_the_warm_up(
    name: str, by: str, power: float, final: float, warmup: int, steps: int, epochs: int, done: int
) -> None:
    schedule = Schedule(name, power=power, final=final, by=by, warmup_steps=warmup)
    here, then = (schedule.multiplier(at, steps, epochs) for at in (done, done + 1))
    assert 0 < here <= 1
    assert math.isfinite(here)
    if done >= warmup:
        assert then <= here * (1 + 1e-12)
    last = steps * epochs - 1
    if done >= last:  # past the end the last iteration's value holds
        assert here == schedule.multiplier(last, steps, epochs)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Schedule(), "constant"),
        (Schedule("multistep", (3, 4), 0.1), "multistep, x 0.1 after epochs 3, 4"),
        (
            Schedule("polynomial", power=2, final=0.5, by="iteration"),
            "polynomial, power 2, down to 0.5 of lr, by iteration",
        ),
        (Schedule("cosine", warmup_steps=8), "cosine, by epoch, warm-up of 8 iterations"),
    ],
)
def test_it_is_shown_in_words(schedule: Schedule, text: str) -> None:
    assert str(schedule) == text


def test_figures_hold_what_the_schedule_has_and_nothing_else() -> None:
    assert Schedule("constant", power=3).figures() == {"name": "constant"}
    assert Schedule("multistep", (2,), 0.5).figures() == {
        "name": "multistep",
        "milestones": [2],
        "factor": 0.5,
        "by": "epoch",
    }
    assert Schedule("linear", warmup_steps=3).figures()["warmup_steps"] == 3
