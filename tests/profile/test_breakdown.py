"""The parts of an epoch from samples that are made up: every figure can be computed by hand."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench import optimizers
from optbench.measure.phases import breakdown
from optbench.measure.profile import base_of
from optbench.results import Cost

Samples = dict[str, tuple[tuple[float, ...], ...]]


def cost(samples: Samples, epoch: int = 10) -> Cost:
    return Cost("a", "a", "ok", "", "cpu", samples, 1, epoch, 0.0, None, 100)


def constant(**phases: float) -> Cost:
    return cost({name: ((value, value), (value, value)) for name, value in phases.items()})


def test_a_plain_optimizers_parts_are_its_phases() -> None:
    parts = breakdown(constant(data=0.1, forward=2.0, backward=3.0, step=0.5, iteration=5.6), None, 7.0)
    assert parts == pytest.approx({"data": 1.0, "forward": 20.0, "backward": 30.0, "step": 5.0, "evaluation": 7.0})
    assert list(parts) == ["data", "forward", "backward", "step", "evaluation"]


def test_a_prediction_is_the_difference_of_steps_and_schedules() -> None:
    base = constant(forward=2.0, step=0.5, schedule=0.1)
    parts = breakdown(constant(forward=2.5, step=0.7, schedule=0.4), base, 1.0)
    expected = {"forward": 25.0, "step": 5.0, "prediction": 5.0, "schedule": 1.0, "evaluation": 1.0}
    assert parts == pytest.approx(expected)
    assert list(parts) == ["forward", "step", "prediction", "schedule", "evaluation"]


def test_neighbours_are_paired_before_medians_are_taken() -> None:
    base = cost({"forward": ((1.0,) * 3,), "step": ((1.0, 5.0, 9.0),)}, epoch=1)
    mine = replace(base, samples={"forward": ((1.0,) * 3,), "step": ((9.5, 5.1, 2.0),)})
    # pairs differ by 8.5, 0.1 and -7: the median is 0.1; the medians differ by 0.1 too, but not where a launch drifts
    assert breakdown(mine, base, 0.0)["prediction"] == pytest.approx(0.1)
    drifting = replace(base, samples={"forward": ((1.0,) * 3,), "step": ((1.2, 5.2, 99.0),)})
    assert breakdown(drifting, base, 0.0)["prediction"] == pytest.approx(0.2)


@given(
    step=st.floats(1e-6, 1.0), extra=st.floats(-0.5, 1.0), drift=st.lists(st.floats(0.5, 2.0), min_size=1, max_size=5)
)
def test_step_and_prediction_add_up_to_what_a_step_takes(step: float, extra: float, drift: list[float]) -> None:
    own = step * (1 + extra)
    base = cost({"step": tuple((each * step,) for each in drift)}, epoch=1)
    mine = cost({"step": tuple((each * own,) for each in drift)}, epoch=1)
    parts = breakdown(mine, base, 0.0)
    low, high = min(drift), max(drift)
    assert low * step <= parts["step"] * (1 + 1e-9)
    assert parts["step"] <= high * step * (1 + 1e-9)
    bounds = sorted((low * step * extra, high * step * extra))
    assert bounds[0] - 1e-9 <= parts["prediction"] <= bounds[1] + 1e-9


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("xgrad+adamw", "adamw"),
        ("xgrad+adamw:lr=0.5:s=2:impl=eager:cache=true", "adamw:lr=0.5:impl=eager"),
        ("xgrad+torch.optim.SGD:lr=0.1:s=3", "torch.optim.SGD:lr=0.1"),
        ("adamw", None),
    ],
)
def test_the_base_of_a_prediction(text: str, base: str | None) -> None:
    found = base_of(optimizers.parse(text).resolve({"weight_decay": 0.25} if "adamw" in text else None))
    assert (None if found is None else found.text) == base
    if found is not None:
        same = optimizers.parse(found.text).resolve({"weight_decay": 0.25} if "adamw" in text else None)
        assert found.canonical == same.canonical
