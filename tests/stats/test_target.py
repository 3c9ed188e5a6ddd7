import pytest
from making import ACCURACY, CROSS_ENTROPY, METRICS, run

from optbench.stats import ArmResult, ToTarget, compare
from optbench.stats.target import to_target


def history(*accuracies: float, split: str = "validation") -> tuple[dict[str, object], ...]:
    """Return epochs of 1, 2, 3, ... seconds with these accuracies, and a cross-entropy of 1 - accuracy / 100."""
    return tuple(
        {"epoch": i, "seconds": float(i), split: {"accuracy": value, "cross_entropy": 1 - value / 100}}
        for i, value in enumerate(accuracies, 1)
    )


def runs(*histories: tuple[dict[str, object], ...], **changes: object):
    return [run("a", seed, 99.0, history=rows, **changes) for seed, rows in enumerate(histories)]


def test_the_first_epoch_that_reaches_the_target_counts_and_its_seconds_are_the_sum_until_then() -> None:
    found = to_target(runs(history(90, 97, 96, 98)), ACCURACY, 97.0, None)
    assert found == ToTarget(1, 1, 2.0, 3.0, (2,))


def test_a_measured_epoch_time_is_taken_before_the_runs_own_clocks() -> None:
    assert to_target(runs(history(90, 97)), ACCURACY, 97.0, 0.25).seconds == 0.5


def test_misses_count_as_infinite_in_the_median() -> None:
    reach, late, miss = history(98), history(1, 2, 98), history(1, 2, 3)
    assert to_target(runs(reach, late, miss), ACCURACY, 97.0, 1.0) == ToTarget(2, 3, 3.0, 3.0, (1, 3, None))
    assert to_target(runs(reach, miss, miss), ACCURACY, 97.0, 1.0) == ToTarget(1, 3, None, None, (1, None, None))
    assert to_target(runs(reach, miss), ACCURACY, 97.0, 1.0).epochs is None  # half of them miss
    assert to_target(runs(reach, late), ACCURACY, 97.0, 1.0).epochs == 2.0
    assert to_target([], ACCURACY, 97.0, 1.0) == ToTarget(0, 0, None, None, ())


def test_a_loss_is_reached_from_above_and_the_papers_protocol_judges_on_test_data() -> None:
    found = to_target(runs(history(80, 90, 95, split="test")), CROSS_ENTROPY, 0.11, None)
    assert found.per_seed == (2,)


def test_a_run_that_failed_has_missed_and_an_undefined_figure_reaches_nothing() -> None:
    assert to_target(runs(history(99), status="diverged"), ACCURACY, 97.0, None).reached == 0
    odd = ({"epoch": 1, "seconds": 1.0, "validation": {"accuracy": None}}, {"epoch": 2, "seconds": 1.0})
    assert to_target(runs(odd), ACCURACY, 97.0, None).reached == 0


def test_a_comparison_says_of_each_arm_how_soon() -> None:
    arms = [ArmResult(name, "arm", "cpu", tuple(runs(history(*rows)))) for name, rows in (("a", [98]), ("b", [1, 2]))]
    found = compare(arms, METRICS, "accuracy", target=("accuracy", 97.0))
    assert found.target == ("accuracy", 97.0)
    assert {row.optimizer: row.to_target.reached for row in found.arms if row.to_target} == {"a": 1, "b": 0}
    assert compare(arms, METRICS, "accuracy").arms[0].to_target is None


@pytest.mark.parametrize("seeds", range(1, 8))
def test_the_median_is_defined_just_where_more_than_half_reach_it(seeds: int) -> None:
    for reached in range(seeds + 1):
        found = to_target(runs(*[history(98)] * reached, *[history(1)] * (seeds - reached)), ACCURACY, 97.0, None)
        assert (found.epochs is not None) == (2 * reached > seeds)
