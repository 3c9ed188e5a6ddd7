import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from optbench.stats.intervals import BOOTSTRAP_SEEDS, bootstrap_interval, resolution, t_interval

SKEWED = np.array([0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.5, 0.9, 1.7, 3.1])


def test_the_bootstrap_interval_is_scipys_percentile_interval_at_the_expanded_level() -> None:
    # Hesterberg 2015: alpha' / 2 = Phi(-sqrt(n / (n - 1)) t)
    tail = stats.norm.cdf(-np.sqrt(10 / 9) * stats.t.ppf(0.975, 9))
    expected = stats.bootstrap(
        (SKEWED,), np.mean, method="percentile", confidence_level=1 - 2 * tail, n_resamples=200_000, rng=1
    ).confidence_interval
    assert bootstrap_interval(SKEWED, 4.0) == pytest.approx(tuple(expected), abs=0.03)


def test_the_bootstrap_interval_is_as_wide_as_the_t_interval_on_symmetric_data_and_lopsided_on_skewed() -> None:
    even = np.linspace(-1, 1, 12)
    low, high = t_interval(even, None, 1.0)
    assert bootstrap_interval(even, 1.0) == pytest.approx((low, high), rel=0.05)
    low, high = bootstrap_interval(SKEWED, 4.0)
    assert high - SKEWED.mean() > 1.3 * (SKEWED.mean() - low)


def test_the_bootstrap_interval_is_the_same_every_time_and_none_for_few_seeds() -> None:
    assert bootstrap_interval(SKEWED, 4.0) == bootstrap_interval(SKEWED, 4.0)
    assert bootstrap_interval(SKEWED[: BOOTSTRAP_SEEDS - 1], 4.0) == (None, None)
    assert bootstrap_interval(np.full(10, 0.5), 100.0) == (None, None)


@given(st.lists(st.integers(-50, 50), min_size=BOOTSTRAP_SEEDS, max_size=12), st.integers(-1000, 1000))
def test_the_bootstrap_moves_with_its_data(steps: list[int], shift: int) -> None:
    here, there = np.array(steps) / 8, (np.array(steps) + shift) / 8
    low, high = bootstrap_interval(here, 1000.0)
    if low is None:
        assert len(set(steps)) == 1
    else:
        assert low <= high
        assert bootstrap_interval(there, 1000.0) == pytest.approx((low + shift / 8, high + shift / 8), abs=1e-9)


def test_the_resolution_is_the_least_step_and_blind_to_rounding() -> None:
    thirds = [100 * correct / 300 for correct in (297, 290, 297, 298, 294)]
    assert resolution([*thirds, thirds[0] + 1e-13]) == pytest.approx(1 / 3)
    assert resolution([2.0, 2.0]) is None
    assert resolution([]) is None


def test_differences_that_do_not_vary_have_an_interval_of_the_metrics_step() -> None:
    same = np.array([99.3333333333 - 99.0, 98.3333333333 - 98.0, 97.3333333333 - 97.0])  # a third, but for rounding
    assert t_interval(same, 1 / 3, 100.0) == pytest.approx((1 / 6, 1 / 2))
    assert t_interval(same, None, 100.0) == (None, None)
    assert t_interval(same[:1], 1 / 3, 100.0) == (None, None)


def test_another_confidence_is_scipys_too() -> None:
    low, high = stats.ttest_1samp(SKEWED, 0).confidence_interval(0.9)
    assert t_interval(SKEWED, None, 4.0, 0.9) == (pytest.approx(low), pytest.approx(high))
