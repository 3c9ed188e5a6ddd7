import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import ACCURACY, CROSS_ENTROPY, METRICS, arm, run
from priced import cost, ledger, measurement, samples
from scipy.stats import t, ttest_rel

from optbench.stats import ArmResult, Difference, compare, mean_std, paired_difference, t_quantile

STEP = 0.1  # the least that two of the accuracies below differ by
ACCURACIES = st.integers(0, 1000).map(lambda tenths: tenths / 10)  # as test sets give them: in steps
PAIRS = st.lists(st.tuples(ACCURACIES, ACCURACIES), min_size=2, max_size=12)


def test_mean_and_sample_standard_deviation_by_hand() -> None:
    assert mean_std([2, 4, 4, 4, 5, 5, 7, 9]) == (5.0, pytest.approx(math.sqrt(32 / 7)))
    assert mean_std([3.5]) == (3.5, None)
    assert mean_std([]) == (None, None)


def test_interval_by_hand() -> None:
    # differences 1, 2, 3: mean 2, std 1; with 2 degrees of freedom t(p) = (2p - 1) / sqrt(2p (1 - p))
    half = 0.95 / math.sqrt(2 * 0.975 * 0.025) / math.sqrt(3)
    found = paired_difference([11, 22, 33], [10, 20, 30])
    assert (found.value, found.seeds) == (2.0, 3)
    assert found.low == pytest.approx(2 - half, rel=1e-12)
    assert found.high == pytest.approx(2 + half, rel=1e-12)


def test_interval_is_scipys_paired_t_interval() -> None:
    a, b = [98.1, 99.0, 98.7, 99.3, 98.9], [98.4, 98.6, 98.8, 98.9, 98.1]
    low, high = ttest_rel(a, b).confidence_interval(0.95)
    found = paired_difference(a, b)
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-12), pytest.approx(high, rel=1e-12))


@pytest.mark.parametrize("freedom", [1, 2, 9, 99])
def test_t_quantile_is_scipys(freedom: int) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(t.ppf(0.975, freedom), rel=1e-12)


def test_one_seed_has_a_difference_but_no_interval() -> None:
    assert paired_difference([99.0], [98.5]) == Difference(0.5, None, None, 1)


def test_only_seeds_that_both_finished_count() -> None:
    assert paired_difference([1.0, None, 3.0, 9.0], [0.0, 1.0, 1.0, None]) == paired_difference([1, 3], [0, 1])
    assert paired_difference([None, 1.0], [1.0, None]) == Difference(None, None, None, 0)


@given(PAIRS)
def test_difference_is_antisymmetric(pairs: list[tuple[float, float]]) -> None:
    there = paired_difference([a for a, _ in pairs], [b for _, b in pairs], STEP)
    back = paired_difference([b for _, b in pairs], [a for a, _ in pairs], STEP)
    assert there.value == pytest.approx(-back.value, abs=1e-9)
    assert (there.low, there.high) == (
        pytest.approx(-back.high, abs=1e-9),
        pytest.approx(-back.low, abs=1e-9),
    )


@given(PAIRS, st.lists(ACCURACIES, min_size=12, max_size=12))
def test_a_shift_that_both_share_in_a_seed_changes_nothing(
    pairs: list[tuple[float, float]], shifts: list[float]
) -> None:
    plain = paired_difference([a for a, _ in pairs], [b for _, b in pairs], STEP)
    moved = paired_difference(
        [a + s for (a, _), s in zip(pairs, shifts, strict=False)],
        [b + s for (_, b), s in zip(pairs, shifts, strict=False)],
        STEP,
    )
    assert moved.value == pytest.approx(plain.value, abs=1e-8)
    assert (moved.low, moved.high) == (
        pytest.approx(plain.low, abs=1e-6),
        pytest.approx(plain.high, abs=1e-6),
    )


@given(PAIRS)
def test_interval_holds_the_mean_in_its_middle(pairs: list[tuple[float, float]]) -> None:
    found = paired_difference([a for a, _ in pairs], [b for _, b in pairs], STEP)
    assert found.low <= found.value <= found.high
    assert found.value - found.low == pytest.approx(found.high - found.value, abs=1e-9)


def test_comparison_holds_every_metric_against_every_baseline() -> None:
    found = compare(
        [arm("new", [99, 98]), arm("adamw", [97, 97], "baseline"), arm("sgdm", [96, 95], "baseline")],
        METRICS,
        "accuracy",
    )
    assert found.baselines == ("adamw", "sgdm")
    assert found.seeds == (0, 1)
    new = found.arms[0]
    assert new.metrics["accuracy"].per_seed == (99, 98)
    assert new.metrics["accuracy"].mean == 98.5
    assert {name: d.value for name, d in new.metrics["accuracy"].difference.items()} == {
        "adamw": 1.5,
        "sgdm": 3.0,
    }
    assert new.metrics["cross_entropy"].difference["sgdm"].value == 0


def test_per_seed_values_are_in_the_order_of_the_seeds_whatever_the_order_of_the_runs() -> None:
    shuffled = ArmResult("a", "arm", "cpu", tuple(run("a", seed, 90 + seed) for seed in (2, 0, 1)))
    assert compare([shuffled], METRICS, "accuracy").arms[0].metrics["accuracy"].per_seed == (90, 91, 92)


def test_the_best_comes_first_by_the_primary_metrics_direction() -> None:
    arms = [arm("low", [10, 20]), arm("high", [80, 90])]
    by_accuracy = compare(arms, (ACCURACY,), "accuracy")
    by_loss = compare(arms, (replace(ACCURACY, direction="lower"), CROSS_ENTROPY), "accuracy")
    assert [a.optimizer for a in by_accuracy.arms] == ["high", "low"]
    assert [a.optimizer for a in by_loss.arms] == ["low", "high"]


def test_an_arm_with_a_diverged_seed_is_diverged_and_comes_last_with_honest_figures() -> None:
    found = compare(
        [
            arm("gone", [None, None, None]),
            arm("shaky", [99.9, None, 99.7]),
            arm("adamw", [90, 91, 92], "baseline"),
        ],
        METRICS,
        "accuracy",
    )
    assert [(a.optimizer, a.status) for a in found.arms] == [
        ("adamw", "ok"),
        ("shaky", "diverged"),
        ("gone", "diverged"),
    ]
    shaky = found.arms[1]
    assert shaky.metrics["accuracy"].per_seed == (99.9, None, 99.7)
    assert shaky.metrics["accuracy"].mean == pytest.approx(99.8)
    assert shaky.metrics["accuracy"].seeds == 2
    assert shaky.metrics["accuracy"].difference["adamw"].value == pytest.approx((9.9 + 7.7) / 2)
    assert shaky.statuses == {"ok": 1 + 1, "diverged": 1}
    assert shaky.messages == ("the loss is NaN at epoch 3",)
    gone = found.arms[2].metrics["accuracy"]
    assert (gone.mean, gone.std, gone.difference["adamw"].value) == (None, None, None)


def test_a_figure_that_is_not_finite_is_undefined() -> None:
    odd = ArmResult("odd", "arm", "cpu", (run("odd", 0, math.nan), run("odd", 1, math.inf)))
    assert compare([odd], METRICS, "accuracy").arms[0].metrics["accuracy"].per_seed == (None, None)


def test_costs_come_with_ratios_to_each_baseline() -> None:
    arms = [
        arm("new", [1, 2], price=cost("new", 2e-4, ledger=ledger(peak=300), iterations=50)),
        arm("adamw", [1, 2], "baseline", price=cost("adamw", 1e-4, ledger=ledger(peak=200))),
        arm("sgdm", [1, 2], "baseline"),
    ]
    found = compare(arms, METRICS, "accuracy", measurement=measurement())
    new = next(a for a in found.arms if a.optimizer == "new")
    assert new.epoch_seconds == pytest.approx(100 * 1.01 * (1e-5 + 1e-3 + 2e-3 + 2e-4))  # the middle launch's median
    assert new.step_ratio["adamw"].value == pytest.approx(2)
    assert new.epoch_ratio["adamw"].value == pytest.approx(3.21 / 3.11)
    assert new.overhead["adamw"].value == pytest.approx(0.1 / 3.11)
    assert new.memory_ratio == {"adamw": 1.5, "sgdm": None}
    assert (new.epoch_ratio["sgdm"], new.step_ratio["sgdm"], new.overhead["sgdm"]) == (None, None, None)
    assert (new.timed_part, new.warmup_seconds, new.state_bytes) == (0.5, 1.5, 300 * 2**10)
    assert found.measurement == measurement()
    adamw = next(a for a in found.arms if a.optimizer == "adamw")
    assert adamw.epoch_ratio == {"adamw": None, "sgdm": None}  # to itself there is nothing to say


def test_costs_alone_make_a_comparison_in_the_order_given_with_failures_last() -> None:
    arms = [
        ArmResult("b", "arm", "cpu", (), cost("b", status="error", message="no", samples={}, ledger=None)),
        ArmResult("c", "arm", "cpu", (), cost("c")),
        ArmResult("a", "baseline", "cpu", (), cost("a")),
    ]
    found = compare(arms, (), "", measurement=measurement())
    assert (found.seeds, found.metrics, found.family) == ((), {}, "")
    assert [(a.optimizer, a.status, a.canonical) for a in found.arms] == [
        ("c", "ok", "c:full=1"),
        ("a", "ok", "a:full=1"),
        ("b", "error", "b:full=1"),
    ]
    assert found.arms[0].metrics == {}


def test_a_failed_cost_measurement_makes_the_arms_status() -> None:
    price = cost("big", status="out_of_memory", message="no room", samples=samples(1.0, launches=0), ledger=None)
    found = compare([arm("big", [1, 2], price=price)], METRICS, "accuracy").arms[0]
    assert (found.status, found.messages, found.epoch_seconds) == ("out_of_memory", ("no room",), None)
    assert found.state_bytes == 2048  # the runs still know it


def test_runs_from_the_store_are_counted() -> None:
    runs = (run("a", 0, 1.0, cached=True), run("a", 1, 1.0))
    assert compare([ArmResult("a", "arm", "cpu", runs)], METRICS, "accuracy").arms[0].cached == 1


def test_arms_must_share_seeds_and_differ_in_label() -> None:
    with pytest.raises(ValueError, match="seeds"):
        compare([arm("a", [1, 2]), arm("b", [1])], METRICS, "accuracy")
    with pytest.raises(ValueError, match="same label"):
        compare([arm("a", [1]), arm("a", [2])], METRICS, "accuracy")
