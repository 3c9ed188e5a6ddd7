from dataclasses import replace

import numpy as np
import pytest
from making import METRICS, arm

from optbench.report import _verdict as words
from optbench.stats import Comparison, Difference, Tolerance, ToTarget, compare

BASE = list(98 + np.linspace(-1, 1, 10))


def comparison(*news: list[float], margin: float | None = None) -> Comparison:
    arms = [arm(f"new{i}", values) for i, values in enumerate(news)] + [arm("adamw", BASE, "baseline")]
    return compare(arms, METRICS, "accuracy", margins={"accuracy": Tolerance(margin)} if margin else None)


def shifted(by: float, spread: float) -> list[float]:
    return [value + by + spread * (-1) ** i * (1 + i / 10) for i, value in enumerate(BASE)]


def open_difference(**changes: object) -> Difference:
    found = Difference(0.1, -0.4, 0.6, 10, verdict="not distinguishable", seeds_needed=34, needed_for=0.1)
    return replace(found, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (open_difference(verdict="better"), "better"),
        (open_difference(verdict="equivalent"), "equivalent"),
        (open_difference(), "not distinguishable (34)"),
        (open_difference(seeds_needed=None), "not distinguishable (>10000)"),
        (open_difference(seeds_needed=None, needed_for=0.0), "not distinguishable"),
        (Difference(0.1, None, None, 1), "–"),
    ],
)
def test_a_cell_is_a_word_and_what_it_would_take(difference: Difference, text: str) -> None:
    assert words.cell(difference) == text


def test_the_notes_name_test_level_and_family_and_show_the_bootstrap() -> None:
    lines = words.notes(comparison(shifted(0.1, 1.0), shifted(1.0, 0.1)))
    assert lines[0] == (
        "verdicts: paired t test at 5 %, two-sided, Holm's correction over the 2 optimizers compared, for each metric "
        "and baseline; the intervals are of each difference alone"
    )
    assert lines[1] == (
        "not distinguishable: in brackets the number of seeds that would show a true difference of what was observed "
        "with 80 % power"
    )
    assert lines[2].startswith("by the bootstrap, accuracy %: new")
    assert "new1 minus adamw [+0.8" in lines[2]


def test_a_margin_is_told_and_what_equivalent_means() -> None:
    lines = words.notes(comparison(shifted(0.05, 0.1), margin=0.5))
    assert lines[0].endswith("equivalent: the 90 % interval lies inside the margin (TOST), which is asked first")
    assert lines[1] == "margin of accuracy: 0.5"


def test_the_same_difference_in_every_seed_is_explained() -> None:
    lines = words.notes(comparison([value + 0.5 for value in BASE]))
    (line,) = (line for line in lines if "minus adamw, accuracy %: +0.5 in each of 10 seeds" in line)
    assert "the sign test stands in for t" in line


def test_intervals_that_disagree_are_told() -> None:
    skewed = [value + 0.1 for value in BASE[:-1]] + [BASE[-1] + 30.0]
    assert any("the bootstrap's interval is" in line for line in words.notes(comparison(skewed)))
    assert not any("the bootstrap's interval is" in line for line in words.notes(comparison(shifted(0.1, 1.0))))
    assert not words.disagree(Difference(0.1, -1.0, 1.0, 3))


def test_one_seed_says_nothing_here() -> None:
    assert words.notes(compare([arm("a", [1.0]), arm("adamw", [2.0], "baseline")], METRICS, "accuracy")) == []


def test_documents_hold_everything_and_a_target_that_is_missed_says_so() -> None:
    row = comparison(shifted(0.1, 1.0)).arms[0]
    difference = row.metrics["accuracy"].difference["adamw"]
    document = words.document(difference)
    assert document["bootstrap"] == {"low": difference.bootstrap_low, "high": difference.bootstrap_high}
    assert {key for key, value in document.items() if value is None} <= {
        "margin",
        "verdict",
        "seeds_needed",
        "needed_for",
    }
    assert words.document(Difference(0.1, None, None, 1))["verdict"] is None
    assert words.target_document(None) is None
    assert words.target_document(ToTarget(1, 2, None, None, (3, None))) == {
        "reached": 1,
        "seeds": 2,
        "epochs": None,
        "seconds": None,
        "per_seed": [3, None],
    }
    assert words.target_cells(row) == ("–", "–", "–")
    assert words.target_cells(replace(row, to_target=ToTarget(1, 2, None, None, (3, None)))) == (
        "1 of 2",
        "missed",
        "missed",
    )
    assert words.target_cells(replace(row, to_target=ToTarget(2, 2, 2.5, 0.31, (2, 3)))) == ("2 of 2", "2.5", "0.31 s")


def test_one_arm_is_corrected_for_nothing_and_told_so() -> None:
    lines = words.notes(comparison(shifted(0.1, 1.0)))
    assert lines[0].endswith("with one optimizer compared there is nothing for Holm to correct")
