"""Performance profiles: the definitions by brute force, and what is counted."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import METRICS, Measure, run
from scipy.integrate import quad

from optbench.errors import OptbenchError
from optbench.report import FORMATS, performance_text
from optbench.report.performance_profile import R_MAX, TAUS, profile, rho, score
from optbench.stats import ArmResult, Comparison, compare

ratios = st.lists(st.one_of(st.floats(1, 10), st.just(math.inf)), min_size=1, max_size=6)


@given(ratios)
def test_the_score_is_the_integral_of_the_profile(found: list[float]) -> None:
    array = np.array(found)
    steps = sorted({r for r in found if r < R_MAX})
    area, _ = quad(lambda tau: sum(r <= tau for r in found) / len(found), 1, R_MAX, points=steps or None, limit=200)
    assert score(array) == pytest.approx(area / (R_MAX - 1), abs=1e-6)


@given(ratios)
def test_a_profile_rises_from_the_part_that_is_best_to_the_part_that_is_solved(found: list[float]) -> None:
    shares = rho(np.array(found))
    assert np.all(np.diff(shares) >= 0)
    assert shares[0] == pytest.approx(sum(r == 1 for r in found) / len(found))
    assert shares[-1] == pytest.approx(sum(r <= TAUS[-1] for r in found) / len(found))


def recipe(
    name: str, arms: Mapping[str, Sequence[Sequence[float]]], target: float | None = None, **changes
) -> Comparison:
    """Return a comparison whose arms have these accuracies by seed and epoch; an epoch takes 2 s and 10 updates."""

    def rows(accuracies: Sequence[float]) -> tuple:
        return tuple(
            {"epoch": i, "train_loss": 1.0, "seconds": 2.0, "updates": 10 * i, "validation": {"accuracy": value}}
            for i, value in enumerate(accuracies, 1)
        )

    results = [
        ArmResult(
            label,
            "arm",
            "cpu",
            tuple(
                run(label, seed, values[-1] if values else None, history=rows(values))
                if values
                else run(label, seed, None, None, status="diverged")
                for seed, values in enumerate(seeds)
            ),
        )
        for label, seeds in arms.items()
    ]
    metrics = changes.pop("metrics", METRICS)
    return compare(
        results, metrics, "accuracy", recipe=name, target=None if target is None else ("accuracy", target), **changes
    )


FAST, SLOW = [[50, 90, 95]] * 3, [[10, 20, 90]] * 3
MIXED = [[90, 90, 90], [10, 20, 30], [20, 90, 90]]  # in 1, never, 2: the median is 2


@pytest.mark.parametrize(("by", "unit"), [("epoch", 1), ("update", 10), ("second", 2)])
def test_until_the_target_medians_over_seeds_count(by: str, unit: int) -> None:
    found = profile([recipe("p", {"fast": FAST, "slow": SLOW, "mixed": MIXED, "never": [[1, 2, 3]] * 3}, 90)], by)
    (problem,) = found.problems
    assert problem.ratios == {"fast": 1.0, "slow": 1.5, "mixed": 1.0, "never": math.inf}
    assert found.scores == {"fast": 1.0, "mixed": 1.0, "slow": pytest.approx(2.5 / 3), "never": 0.0}
    assert problem.counted == f"{by}s until accuracy % reaches 90"


def test_a_target_that_nobody_reaches_is_solved_by_nobody() -> None:
    found = profile([recipe("p", {"a": FAST, "b": SLOW}, 99.9)])
    assert set(found.scores.values()) == {0.0}


def test_without_a_target_final_errors_are_compared() -> None:
    found = profile([recipe("p", {"a": [[98.0]], "b": [[96.0]], "gone": [[]]})])
    assert found.problems[0].ratios == {"a": 1.0, "b": pytest.approx(2.0), "gone": math.inf}


@pytest.mark.parametrize(
    ("unit", "direction", "values", "ratio"),
    [
        ("nats", "lower", (2.0, 3.0), 1.5),
        ("points", "higher", (30.0, 20.0), 1.5),
        ("percent", "higher", (100, 99), math.inf),
    ],
)
def test_what_a_final_figure_costs_depends_on_its_kind(
    unit: str, direction: str, values: tuple[float, float], ratio: float
) -> None:
    metric = Measure("accuracy", unit, direction, "it")
    found = profile([recipe("p", {"a": [[values[0]]], "b": [[values[1]]]}, metrics=[metric])])
    assert found.problems[0].ratios == {"a": 1.0, "b": pytest.approx(ratio)}


def test_only_optimizers_of_all_recipes_are_compared() -> None:
    found = profile([recipe("p", {"a": FAST, "b": SLOW, "c": FAST}), recipe("q", {"b": FAST, "a": SLOW, "d": FAST})])
    assert (set(found.scores), set(found.left_out)) == ({"a", "b"}, {"c", "d"})
    with pytest.raises(OptbenchError, match="1 optimizers have runs on all of p, q"):
        profile([recipe("p", {"a": FAST}), recipe("q", {"a": FAST})])


def test_an_older_runs_updates_are_not_guessed() -> None:
    found = recipe("p", {"a": FAST, "b": SLOW}, 90)
    arms = [
        replace(
            arm, runs=tuple(replace(r, history=tuple({**row, "updates": None} for row in r.history)) for r in arm.runs)
        )
        for arm in found.arms
    ]
    with pytest.raises(OptbenchError, match="do not say how many updates"):
        profile([replace(found, arms=tuple(arms))], "update")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_scores_and_says_what_was_counted(form: str) -> None:
    found = profile([recipe("p_1", {"a": FAST, "b$": SLOW}, 90), recipe("q", {"a": SLOW, "b$": [[1.0]] * 3})])
    text = performance_text.render(found, form)
    assert text.endswith("\n")
    if form == "json":
        document = json.loads(text)
        assert document["schema"] == "optbench.performance-profile/1"
        assert document["scores"] == found.scores
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [float(row["score"]) for row in rows] == list(found.scores.values())
    else:
        assert "accuracy" in text
        assert "2306.07179" in text


def test_the_figure_has_a_step_for_every_optimizer() -> None:
    found = profile([recipe("p", {"a": FAST, "b": SLOW}, 90)])
    drawn = performance_text.draw(found)
    assert [line.get_ydata()[0] for line in drawn.axes[0].lines] == [1.0, 0.0]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["a, score 1.00", "b, score 0.83"]
