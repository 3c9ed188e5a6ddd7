"""What timings say: ratios by turn and launch against figures by hand, and intervals that cover what they should."""

import math
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench.results import Cost
from optbench.stats.times import OWN, launch_ratios, overhead, ratio, resolution, seconds

T_4 = 2.7764451051977987  # two-sided 95 % of Student's t with 4 degrees of freedom, from a printed table
Launches = Sequence[Sequence[float]]


def cost(status: str = "ok", **samples: Launches) -> Cost:
    """Return a cost whose `iteration` is the sum of the phases given, unless it is given too."""
    phases = {name: tuple(tuple(turns) for turns in launches) for name, launches in samples.items()}
    if "iteration" not in phases and phases:
        total = [tuple(map(sum, zip(*launch, strict=True))) for launch in zip(*phases.values(), strict=True)]
        phases["iteration"] = tuple(total)
    return Cost("x", "x", status, "", "cpu", phases, 1, 10, None, None, None)  # type: ignore[arg-type]


def test_a_ratio_is_taken_by_turn_and_the_median_by_launch() -> None:
    mine = cost(iteration=[[2.0, 30.0, 4.0], [4.0, 4.0, 1.0]])
    other = cost(iteration=[[1.0, 10.0, 1.0], [1.0, 1.0, 1.0]])
    assert launch_ratios(mine, other) == (3.0, 4.0)  # of 2, 3, 4 and of 4, 4, 1; ratios of medians would be 4 and 4
    found = ratio(mine, other)
    assert found is not None
    assert found.value == pytest.approx(math.sqrt(12))
    assert found.launches == 2


def test_the_interval_is_students_over_launches() -> None:
    logs = [0.01, 0.03, -0.02, 0.05, 0.04]
    found = ratio(cost(iteration=[[math.exp(log)] for log in logs]), cost(iteration=[[1.0]] * 5))
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    mean = sum(logs) / 5
    half = T_4 * math.sqrt(sum((log - mean) ** 2 for log in logs) / 4 / 5)
    assert (math.log(found.low), math.log(found.high)) == pytest.approx((mean - half, mean + half))
    assert found.differs is False
    assert found.precision == pytest.approx(math.sinh(half))


def test_one_launch_has_no_interval() -> None:
    found = ratio(cost(iteration=[[3.0, 3.0]]), cost(iteration=[[2.0, 2.0]]))
    assert found is not None
    assert (found.value, found.low, found.high, found.differs, found.precision) == (1.5, None, None, None, None)
    assert resolution(cost(iteration=[[1.0]]), cost(iteration=[[1.0]])) is None


def test_seconds_and_sums_of_phases() -> None:
    mine = cost(step=[[1.0, 9.0, 2.0]], schedule=[[1.0, 1.0, 1.0]])
    found, both = seconds(mine, "step"), seconds(mine, OWN)
    assert found is not None
    assert both is not None
    assert (found.value, both.value) == pytest.approx((2.0, 3.0))
    plain = cost(step=[[1.0, 9.0, 2.0]])
    assert seconds(plain, OWN) == seconds(plain, "step")  # a schedule that does not occur takes no time


def test_overhead_is_the_difference_of_the_own_phases_over_a_pooled_iteration() -> None:
    mine = cost(data=[[1.0]], forward=[[2.0]], backward=[[3.0]], step=[[2.0]], schedule=[[0.5]])
    base = cost(data=[[1.0]], forward=[[4.0]], backward=[[5.0]], step=[[1.0]])
    found = overhead(mine, base)
    assert found is not None
    assert found.value == pytest.approx((2.5 - 1.0) / ((6 + 10) / 2 + 1.0))
    # a forward pass that took longer by chance is no overhead
    slow = cost(data=[[1.0]], forward=[[9.0]], backward=[[9.0]], step=[[1.0]])
    assert overhead(slow, base) is not None
    assert overhead(slow, base).value == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        (cost(), cost(step=[[1.0]])),
        (cost(step=[[1.0]]), cost(forward=[[1.0]])),
        (cost(status="error", step=[[1.0]]), cost(step=[[1.0]])),
        (cost(step=[[0.0]]), cost(step=[[1.0]])),
    ],
)
def test_what_was_not_timed_has_no_ratio(mine: Cost, other: Cost) -> None:
    assert ratio(mine, other, "step") is None


def test_turns_and_launches_that_only_one_arm_has_are_left_out() -> None:
    assert launch_ratios(cost(step=[[2.0, 2.0, 9.0], [8.0]]), cost(step=[[1.0, 1.0]]), "step") == (2.0,)


times = st.lists(st.lists(st.floats(1e-4, 10.0), min_size=3, max_size=3), min_size=2, max_size=6)


@given(times, times, st.floats(0.1, 10.0))
def test_ratios_turn_over_and_scale(mine: Launches, other: Launches, factor: float) -> None:
    count = min(len(mine), len(other))
    one, two = cost(iteration=mine[:count]), cost(iteration=other[:count])
    there, back = ratio(one, two), ratio(two, one)
    assert there is not None
    assert back is not None
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)  # type: ignore[operator]
    scaled = ratio(cost(iteration=[[factor * x for x in launch] for launch in mine[:count]]), two)
    assert scaled is not None
    assert scaled.value == pytest.approx(factor * there.value)


def simulated(generator: np.random.Generator, truth: float, launches: int, turns: int) -> tuple[Cost, Cost]:
    """Return two arms: 2 % log-normal spread between launches, 5 % and outliers between turns, and a common drift."""
    drift = np.exp(np.cumsum(generator.normal(0, 0.05, (launches, turns)), axis=1))

    def arm(factor: float) -> Cost:
        layout = np.exp(generator.normal(0, 0.02, (launches, 1)))
        noise = np.exp(generator.normal(0, 0.05, (launches, turns)))
        noise *= np.where(generator.random((launches, turns)) < 0.1, 3.0, 1.0)  # another process took the core
        return cost(iteration=(factor * layout * noise * drift).tolist())

    return arm(truth), arm(1.0)


@pytest.mark.parametrize(("launches", "turns"), [(5, 5), (5, 10), (8, 4)])
def test_intervals_cover_the_truth_as_often_as_they_say(launches: int, turns: int) -> None:
    generator = np.random.default_rng(launches * 100 + turns)
    repeats, hits, floors = 1000, 0, 0
    for _ in range(repeats):
        mine, base = simulated(generator, 1.1, launches, turns)
        found = ratio(mine, base)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1.1 <= found.high
        twin, base = simulated(generator, 1.0, launches, turns)
        null = ratio(twin, base)
        assert null is not None
        floors += bool(null.differs)
    # 4 standard deviations of a binomial share of 0.95 over 1,000 are 0.028
    assert abs(hits / repeats - 0.95) < 0.028
    assert abs(floors / repeats - 0.05) < 0.028


def test_the_resolution_is_the_farther_end_of_the_twins_interval() -> None:
    logs = [0.01, 0.03, -0.02, 0.05, 0.04]
    twin, base = cost(iteration=[[math.exp(log)] for log in logs]), cost(iteration=[[1.0]] * 5)
    found = ratio(twin, base)
    assert found is not None
    assert resolution(twin, base) == pytest.approx(found.high - 1)  # type: ignore[operator]
    assert resolution(base, twin) == pytest.approx(1 - 1 / found.high)  # type: ignore[operator]


def test_statistics_of_times_need_no_torch() -> None:
    code = "import sys, optbench.stats.times, optbench.measure, optbench.measure._rounds; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
