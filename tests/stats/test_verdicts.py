import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import METRICS, arm
from scipy import stats

from optbench.stats import Tolerance, compare
from optbench.stats.verdicts import MOST_SEEDS, Paired, holm, judge, power, seeds_needed

A, B = [98.1, 99.0, 98.7, 99.3, 98.9], [98.4, 98.6, 98.8, 98.9, 98.1]


def paired(*differences: float) -> Paired:
    return Paired.of(differences, [0.0] * len(differences))


def spread(mean: float, std: float, n: int = 10) -> Paired:
    """Return differences with just this mean and standard deviation."""
    shape = np.linspace(-1, 1, n)
    return paired(*(mean + std * shape / shape.std(ddof=1)))


def test_p_values_are_scipys() -> None:
    pair = Paired.of(A, B)
    assert pair.p() == pytest.approx(stats.ttest_rel(A, B).pvalue)
    below = stats.ttest_1samp(np.subtract(A, B), 0.7, alternative="less").pvalue
    above = stats.ttest_1samp(np.subtract(A, B), -0.7, alternative="greater").pvalue
    assert pair.p_below(0.7) == pytest.approx(below)
    assert pair.p_within(0.7) == pytest.approx(max(below, above))


def test_differences_that_do_not_vary_are_judged_by_the_sign_test() -> None:
    same = Paired.of([99.3333333333, 98.3333333333, 97.3333333333], [99.0, 98.0, 97.0])
    assert same.constant
    assert same.p() == stats.binomtest(3, 3).pvalue == 0.25
    assert (same.p_within(0.5), same.p_within(0.2)) == (2**-3, 1.0)
    nothing = Paired.of([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (nothing.p(), nothing.p_within(0.1)) == (1.0, 2**-3)


def test_one_seed_has_no_p_value() -> None:
    one = paired(0.5)
    assert (one.p(), one.p_within(1.0), one.p_below(1.0)) == (None, None, None)
    (found,) = judge([one], "higher", 1.0, None)
    assert (found.value, found.low, found.p_holm, found.verdict, found.seeds_needed) == (0.5, None, None, "", None)


def test_holm_by_hand() -> None:
    # the step-down example of Wikipedia's article on the method: 0.01, 0.04, 0.03, 0.005 times 3, 1, 2, 4
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_order_lies_between_the_plain_p_value_and_bonferronis_and_ends_at_1(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, found in zip(p_values, adjusted, strict=True):
        assert p <= found <= min(1.0, len(p_values) * p) + 1e-15
    ranks = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[i] for i in ranks] == sorted(adjusted)
    assert adjusted[ranks[0]] == min(1.0, len(p_values) * p_values[ranks[0]])


@pytest.mark.parametrize(("n", "effect", "level"), [(5, 1.0, 0.05), (10, 0.4, 0.05), (34, 0.5, 0.05), (20, 1.2, 0.01)])
def test_power_is_that_of_simulated_experiments(n: int, effect: float, level: float) -> None:
    samples = np.random.default_rng(1).normal(effect, 1, (40_000, n))
    found = stats.ttest_1samp(samples, 0, axis=1)
    seen = float(np.mean((found.pvalue < level) & (found.statistic > 0)))
    assert power(n, effect, level) == pytest.approx(seen, abs=0.01)


def test_seeds_needed_are_those_of_the_textbook() -> None:
    # Cohen 1988, a paired t test at 5 % with 80 % power: 34 pairs for d = 0.5, 15 for 0.8, 199 for 0.2
    assert [seeds_needed(d) for d in (0.2, 0.5, 0.8)] == [199, 34, 15]
    assert seeds_needed(0.0) is None
    assert seeds_needed(0.001) is None  # more than MOST_SEEDS
    assert seeds_needed(1000.0) == 2


@given(st.floats(0.05, 50), st.sampled_from([0.05, 0.01, 0.1]))
def test_seeds_needed_are_the_fewest(effect: float, level: float) -> None:
    n = seeds_needed(effect, level)
    assert n is not None
    assert 2 <= n <= MOST_SEEDS
    assert power(n, effect, level) >= 0.8
    assert n == 2 or power(n - 1, effect, level) < 0.8


@pytest.mark.parametrize(
    ("mean", "std", "direction", "margin", "verdict"),
    [
        (0.5, 0.2, "higher", None, "better"),
        (0.5, 0.2, "lower", None, "worse"),
        (-0.5, 0.2, "higher", None, "worse"),
        (-0.5, 0.2, "lower", None, "better"),
        (0.05, 0.5, "higher", None, "not distinguishable"),
        (0.05, 0.1, "higher", 0.3, "equivalent"),
        (0.2, 0.1, "higher", 0.3, "equivalent"),  # significantly better too, but by less than the user cares for
        (0.2, 0.1, "higher", 0.1, "better"),
        (0.05, 0.8, "higher", 0.3, "not distinguishable"),
    ],
)
def test_verdicts(mean: float, std: float, direction: str, margin: float | None, verdict: str) -> None:
    (found,) = judge([spread(mean, std)], direction, margin, None)
    assert found.verdict == verdict
    assert (found.seeds_needed is not None) == (verdict == "not distinguishable")
    if verdict == "not distinguishable":
        assert found.needed_for == pytest.approx(margin or mean)
        assert found.seeds_needed == seeds_needed((margin or mean) / std)


def test_equivalent_means_that_the_90_percent_interval_lies_inside_the_margin() -> None:
    pair = Paired.of(A, B)
    low, high = stats.ttest_rel(A, B).confidence_interval(0.9)
    edge = max(-low, high)
    (inside,), (outside,) = (judge([pair], "higher", edge * factor, None) for factor in (1.001, 0.999))
    assert (inside.verdict, outside.verdict) == ("equivalent", "not distinguishable")


def test_holm_can_take_a_verdict_back() -> None:
    alone = spread(0.5, 0.65)
    assert 0.025 < alone.p() < 0.05
    assert judge([alone], "higher", None, None)[0].verdict == "better"
    first, second = judge([alone, spread(0.1, 0.65)], "higher", None, None)
    assert first.verdict == second.verdict == "not distinguishable"
    assert (first.p_holm, first.low > 0) == (pytest.approx(2 * alone.p()), True)  # its own interval excludes 0
    assert first.seeds_needed == seeds_needed(0.5 / 0.65, 0.025)  # the level that Holm asks for first


def test_no_difference_at_all_needs_no_number_of_seeds() -> None:
    (found,) = judge([paired(0, 0, 0)], "higher", None, 0.5)
    assert (found.verdict, found.seeds_needed, found.p) == ("not distinguishable", None, 1.0)
    assert (found.low, found.high) == (-0.25, 0.25)


@pytest.mark.parametrize(("mean", "margin", "verdict"), [(0.5, None, "better"), (0.5, 2.0, "equivalent")])
def test_the_same_difference_in_every_seed_needs_as_many_as_the_sign_test_does(
    mean: float, margin: float | None, verdict: str
) -> None:
    (few,) = judge([paired(mean, mean, mean)], "higher", margin, 0.5)
    assert few.verdict == "not distinguishable"
    needed = few.seeds_needed
    assert needed is not None
    for n, said in ((needed - 1, "not distinguishable"), (needed, verdict)):
        assert judge([paired(*[mean] * n)], "higher", margin, 0.5)[0].verdict == said


def test_each_role_is_a_family_of_its_own_and_reference_rows_get_no_verdict() -> None:
    better = [99.0, 99.2, 98.9, 99.1, 99.3]
    base = [98.0, 98.1, 98.2, 98.1, 98.0]
    arms = [
        arm("new", better),
        arm("newer", better),
        arm("adamw", base, "baseline"),
        arm("sgdm", better, "baseline"),
        arm("adamw:impl=torch", better, "reference"),
    ]
    found = compare(arms, METRICS, "accuracy")
    by_name = {row.optimizer: row.metrics["accuracy"].difference["adamw"] for row in found.arms}
    p = stats.ttest_rel(better, base).pvalue
    assert by_name["new"].p_holm == pytest.approx(2 * p)
    assert by_name["sgdm"].p_holm == pytest.approx(p)  # the only other baseline
    assert [by_name[name].verdict for name in ("new", "newer", "sgdm")] == ["better"] * 3
    assert by_name["adamw:impl=torch"].verdict == ""
    assert (by_name["adamw"].value, by_name["adamw"].low, by_name["adamw"].verdict) == (0.0, 0.0, "")
    assert found.family == "the 2 optimizers compared, for each metric and baseline"


def test_one_seed_and_no_baselines_correct_nothing() -> None:
    one = compare([arm("a", [1.0]), arm("b", [2.0]), arm("adamw", [1.5], "baseline")], METRICS, "accuracy")
    assert one.family == ""
    assert {d.verdict for row in one.arms for d in row.metrics["accuracy"].difference.values()} == {""}
    assert compare([arm("a", [1, 2]), arm("b", [2, 4])], METRICS, "accuracy").family == ""


def test_a_relative_margin_is_of_the_baselines_mean() -> None:
    arms = [arm("new", [90.0, 91.0, 89.0]), arm("adamw", [80.0, 80.5, 79.5], "baseline")]
    found = compare(arms, METRICS, "accuracy", margins={"accuracy": Tolerance(0.25, relative=True)})
    row = found.arms[0].metrics
    assert row["accuracy"].difference["adamw"].margin == pytest.approx(20.0)
    assert row["accuracy"].difference["adamw"].verdict == "equivalent"
    assert row["cross_entropy"].difference["adamw"].margin is None
    assert found.margins == {"accuracy": "25 %"}
