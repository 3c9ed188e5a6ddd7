"""Whether intervals cover, and verdicts and gates err, as often as they promise, on data resampled from real seeds."""

from collections.abc import Callable

import numpy as np
import pytest
from digits import ARMS, METRICS, PAIRS, figures
from null_gates import recorded, shares, simulated

from optbench.gate import Rule, decide
from optbench.saved import Saved, SavedArm
from optbench.stats import Tolerance, paired_difference
from optbench.stats.intervals import resolution, t_interval
from optbench.stats.verdicts import Paired, judge

SEEDS = len(figures("adamw", "accuracy"))


def coverage(first: str, second: str, metric: str, n: int, samples: int) -> float:
    """Return how often the t interval of n resampled seeds holds the mean difference over all seeds."""
    a, b = figures(first, metric), figures(second, metric)
    truth = float(np.mean(a - b))
    chosen = np.random.default_rng(n).integers(0, SEEDS, (samples, n))
    hits = []
    for picked in chosen:
        mine, theirs = a[picked], b[picked]
        low, high = t_interval(mine - theirs, resolution([*mine, *theirs]), 100.0 if metric == "accuracy" else 1.0)
        if low is not None and high is not None:
            hits.append(low - 1e-12 <= truth <= high + 1e-12)
    return float(np.mean(hits))


def at_most(rate: float, samples: int) -> float:
    """Return the share that a nominal rate leads to in so many samples, three standard errors included."""
    return rate + 3 * (rate * (1 - rate) / samples) ** 0.5


def test_at_least_100_real_seeds_are_resampled() -> None:
    assert SEEDS == 120
    assert ARMS == ("adamw", "sgdm", "adaplus", "radam")


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("metric", METRICS)
def test_95_percent_intervals_cover_93_to_97_percent(metric: str, n: int) -> None:
    found = [coverage(*pair, metric, n, 1000) for pair in PAIRS]
    assert 0.93 <= np.mean(found) <= 0.97
    # each pair by itself, as far as 1,000 samples can tell: a standard error of 0.7 points
    assert min(found) >= 0.915
    assert max(found) <= 0.985


@pytest.mark.parametrize("metric", METRICS)
def test_bootstrap_intervals_of_10_seeds_cover_93_to_97_percent(metric: str) -> None:
    rng, hits = np.random.default_rng(3), []
    for first, second in PAIRS:
        a, b = figures(first, metric), figures(second, metric)
        truth = float(np.mean(a - b))
        for _ in range(150):
            picked = rng.integers(0, SEEDS, 10)
            found = paired_difference(a[picked], b[picked])
            assert found.bootstrap_low is not None
            assert found.bootstrap_high is not None
            hits.append(found.bootstrap_low <= truth <= found.bootstrap_high)
    assert 0.93 <= np.mean(hits) <= 0.97


def null_families(metric: str, n: int, samples: int, arms: int = 3) -> list[list[Paired]]:
    """Return families of arms that all are adamw with other seeds, and so are its baseline."""
    values = figures("adamw", metric)
    drawn = values[np.random.default_rng(n).integers(0, SEEDS, (samples, arms + 1, n))]
    return [[Paired.of(row, rows[0]) for row in rows[1:]] for rows in drawn]


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("metric", METRICS)
def test_verdicts_on_null_data_are_false_in_at_most_5_percent_of_families(metric: str, n: int) -> None:
    families = null_families(metric, n, 600 if n < 10 else 250)
    step = resolution(figures("adamw", metric))
    found = [judge(family, "higher", None, step) for family in families]
    false = np.mean([any(d.verdict != "not distinguishable" for d in family) for family in found])
    assert false <= at_most(0.05, len(families))


def saved(arms: dict[str, np.ndarray]) -> Saved:
    rows = [
        SavedArm(name, name, "arm", "cpu", ("ok",) * len(values), {"accuracy": tuple(values)}, None)
        for name, values in arms.items()
    ]
    seeds = tuple(range(len(next(iter(arms.values())))))
    return Saved("digits-cnn", {}, {}, {"accuracy": "higher"}, seeds, tuple(rows), None)


def gates(n: int, samples: int, change: Callable[[np.ndarray], np.ndarray], tolerance: float) -> list[str]:
    """Return how gates on two arms end, whose new runs are other seeds of the old code, changed."""
    rng = np.random.default_rng(n)
    found = []
    for _ in range(samples):
        old, new = ({name: figures(name, "accuracy")[rng.integers(0, SEEDS, n)] for name in ARMS[:2]} for _ in "01")
        rule = Rule("accuracy", Tolerance(tolerance))
        changed = {name: change(values) for name, values in new.items()}
        found.append(decide(saved(changed), saved(old), [rule]).status)
    return found


@pytest.mark.parametrize("n", [3, 5, 10])
def test_quality_gates_on_null_data_fail_at_most_at_their_nominal_rate(n: int) -> None:
    # with nothing allowed a gate is a one-sided test: half of the two-sided 5 %, over both arms together by Holm
    found = gates(n, 800, lambda values: values, 0.0)
    assert found.count("regression") / len(found) <= at_most(0.025, len(found))
    # what may get half a point worse fails more seldom still
    assert gates(n, 300, lambda values: values, 0.5).count("regression") / 300 <= 0.025


def test_a_loss_as_large_as_the_tolerance_passes_at_most_in_5_percent() -> None:
    found = gates(10, 400, lambda values: values - 0.5, 0.5)
    assert found.count("pass") / len(found) <= 0.05
    assert gates(10, 200, lambda values: values - 1.5, 0.5).count("regression") >= 180


def test_time_gates_on_recorded_null_rounds_fail_at_most_in_1_percent_at_5_percent_tolerance() -> None:
    found = shares(recorded(), 1000, 0.05)
    assert found["regression"] <= 0.01
    assert found["pass"] > found["inconclusive"]  # how much more often depends on the machine that recorded


def test_a_planted_slowdown_is_seen_and_one_at_the_tolerance_does_not_pass() -> None:
    twins = recorded()
    assert shares(twins, 300, 0.05, 0.3)["regression"] >= 0.95
    assert shares(twins, 300, 0.05, 0.05)["pass"] <= 0.08  # nominal: 5 %


def test_time_gates_on_simulated_rounds() -> None:
    twins = simulated()
    assert shares(twins, 300, 0.05)["regression"] <= 0.01
    assert shares(twins, 300, 0.0)["regression"] <= at_most(0.025, 300)
    assert shares(twins, 200, 0.05, 0.1)["regression"] >= 0.95
