"""Figures: what is drawn where, which axes stray runs leave alone, and files that are the same every time."""

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import METRICS, run

from optbench.errors import OptbenchError
from optbench.report import _curves, _drawing, figure
from optbench.report._palette import COLOURS
from optbench.results import GRADIENT_EDGES, RunResult
from optbench.stats import ArmResult, Comparison, compare

BINS = len(GRADIENT_EDGES) - 1


def history(accuracies: Sequence[float | None], losses: Sequence[float | None] = (), gradients: bool = False) -> tuple:
    """Return a history of 10 updates an epoch."""
    rows = []
    for epoch, accuracy in enumerate(accuracies, 1):
        loss = losses[epoch - 1] if losses else 1 / epoch
        row = {"epoch": epoch, "train_loss": loss, "lr": 0.1, "seconds": 0.5 * epoch, "updates": 10 * epoch}
        row["validation"] = {"accuracy": accuracy, "cross_entropy": loss}
        row["losses"] = [[10 * epoch - 5, 2.0], [10 * epoch, loss]]
        if gradients:
            row["gradients"] = [[10 * epoch, [0] * (30 + epoch) + [100] + [0] * (BINS - 31 - epoch)]]
        rows.append(row)
    return tuple(rows)


def seed(name: str, number: int, *args, status: str = "ok", **kwargs) -> RunResult:
    rows = history(*args, **kwargs)
    return run(name, number, rows[-1]["validation"]["accuracy"] if rows else None, history=rows, status=status)


def made(**arms: Sequence[RunResult]) -> Comparison:
    found = [ArmResult(name, "arm", "cpu", tuple(runs)) for name, runs in arms.items()]
    return compare(found, METRICS, "accuracy", recipe="tiny")


@pytest.fixture
def two() -> Comparison:
    return made(
        adam=[seed("adam", 0, [50.0, 80.0, 90.0]), seed("adam", 1, [60.0, 82.0, 91.0])],
        sgd=[seed("sgd", 0, [40.0, 70.0, 80.0]), seed("sgd", 1, [40.0, 71.0, 85.0])],
    )


def lines(found) -> dict[str, list[list[float]]]:
    """Return the thick lines of a figure's first panel by colour."""
    return {line.get_color(): line.get_ydata().tolist() for line in found.axes[0].lines if line.get_linewidth() > 1}


def test_a_curve_is_the_mean_over_seeds_in_the_arms_colour(two: Comparison) -> None:
    found = lines(figure.draw([two]))
    means = {"adam": [55.0, 81.0, 90.5], "sgd": [40.0, 70.5, 82.5]}
    order = [arm.optimizer for arm in two.arms]
    assert found == {colour: pytest.approx(means[name]) for colour, name in zip(COLOURS, order, strict=False)}


figures = st.lists(st.floats(0, 100), min_size=3, max_size=3)


@given(st.lists(figures, min_size=1, max_size=5))
def test_the_band_is_the_sample_standard_deviation(rows: list[list[float]]) -> None:
    (curve,) = _curves.curves(made(a=[seed("a", i, row) for i, row in enumerate(rows)]), "epoch", "accuracy")
    columns = list(zip(*rows, strict=True))
    assert curve.mean.tolist() == pytest.approx([statistics.mean(column) for column in columns])
    if len(rows) == 1:
        assert curve.std is None
    else:
        assert curve.std.tolist() == pytest.approx([statistics.stdev(column) for column in columns], abs=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "points"),
    [
        ("epoch", "loss", ([1, 2, 3], [1, 1 / 2, 1 / 3])),
        ("update", "accuracy", ([10, 20, 30], [50, 80, 90])),
        ("second", "accuracy", ([0.5, 1.5, 3.0], [50, 80, 90])),
        ("update", "loss", ([5, 10, 15, 20, 25, 30], [2, 1, 2, 1 / 2, 2, 1 / 3])),
    ],
)
def test_curves_go_by_epoch_update_or_second(x: str, y: str, points: tuple) -> None:
    (curve,) = _curves.curves(made(a=[seed("a", 0, [50.0, 80.0, 90.0])]), x, y)
    assert (curve.x.tolist(), curve.mean.tolist()) == (pytest.approx(points[0]), pytest.approx(points[1]))


def test_runs_of_an_older_version_cannot_go_by_update() -> None:
    rows = tuple({k: v for k, v in row.items() if k not in ("updates", "losses")} for row in history([50.0]))
    with pytest.raises(OptbenchError, match="do not say how many updates"):
        figure.draw([made(a=[replace(seed("a", 0, [50.0]), history=rows)])], "update")


@pytest.mark.parametrize("stray", [math.inf, math.nan, None, 1e30])
def test_a_run_that_diverged_does_not_move_the_axes(two: Comparison, stray: float | None) -> None:
    usual = figure.draw([two], y="loss").axes[0].get_ylim()
    wild = [1.0, stray, stray]
    bad = [seed("bad", i, [10.0, None, None], wild, status="diverged") for i in (0, 1)]
    runs = {arm.optimizer: arm.runs for arm in two.arms}
    drawn = figure.draw([made(**runs, bad=bad)], y="loss")
    assert drawn.axes[0].get_ylim() == usual
    assert "bad (2 of 2 did not finish)" in [text.get_text() for text in drawn.legends[0].get_texts()]
    crosses = [line for line in drawn.axes[0].lines if line.get_marker() == "x"]
    assert len(crosses) == 2
    assert all(usual[0] <= line.get_ydata()[0] <= usual[1] for line in crosses)


def test_an_arm_far_away_is_told_and_the_others_still_fill_the_axes(two: Comparison) -> None:
    runs = {arm.optimizer: arm.runs for arm in two.arms}
    more = {name: [seed(name, i, [70.0 + i, 85.0, 92.0 + i]) for i in (0, 1)] for name in ("b", "c", "d")}
    far = [seed("far", i, [50.0, 80.0, 90.0], [1e12] * 3) for i in (0, 1)]
    drawn = figure.draw([made(**runs, **more, far=far)], y="cross_entropy")
    assert drawn.axes[0].get_ylim()[1] < 10
    assert "far (outside: 1e+12)" in [text.get_text() for text in drawn.legends[0].get_texts()]


def test_what_spans_orders_of_magnitude_is_logarithmic() -> None:
    fast = [seed("fast", 0, [1.0] * 6, [10.0**-k for k in range(6)])]
    drawn = figure.draw([made(fast=fast)], y="loss")
    assert drawn.axes[0].get_yscale() == "log"
    assert figure.draw([made(fast=fast)]).axes[0].get_yscale() == "linear"


@given(st.lists(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=6), min_size=1, max_size=4))
def test_axes_are_finite_and_not_empty_whatever_happens(rows: list[list[float]]) -> None:
    empty = np.empty(0)
    found = [
        _curves.Curve("a", np.arange(len(row)), np.array(row), None, 1, 1, ((empty, empty),) if len(row) > 3 else ())
        for row in rows
    ]
    limits = _curves.limits(found)
    assert math.isfinite(limits.low)
    assert limits.low < limits.high


def test_no_runs_no_limits_no_crash() -> None:
    bad = [seed("bad", 0, [], status="diverged")]
    good = [seed("good", 0, [50.0])]
    assert len(figure.draw([made(bad=bad, good=good)]).legends[0].get_texts()) == 2


def test_recipes_get_a_panel_each_and_one_legend(two: Comparison) -> None:
    others = [replace(two, recipe=name) for name in ("a", "b", "$c_1$")]
    drawn = figure.draw([two, *others])
    assert [axes.get_title() for axes in drawn.axes] == ["tiny", "a", "b", "$c_1$"]
    assert len(drawn.legends) == 1


@pytest.mark.parametrize("form", figure.FORMS)
def test_the_same_runs_give_the_same_bytes(two: Comparison, form: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}{form}" for i in (0, 1)]
    for path in paths:
        figure.write(figure.draw([two]), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith({".pdf": b"%PDF", ".svg": b"<?xml", ".png": b"\x89PNG"}[form])
    assert not re.search(rb"CreationDate|<dc:date>|Matplotlib v", first)


def test_a_pdf_holds_its_fonts_and_an_svg_needs_none(two: Comparison) -> None:
    assert b"/FontFile2" in _drawing.content(figure.draw([two]), ".pdf")
    assert b"<text" not in _drawing.content(figure.draw([two]), ".svg")


def test_names_are_text_and_not_mathematics() -> None:
    name = "_m.$x_{1$:lr=1"
    drawn = figure.draw([replace(made(**{name: [seed(name, 0, [50.0, 60.0])]}), recipe="$y_{")])
    assert drawn.legends[0].get_texts()[0].get_text().strip() == name
    _drawing.content(drawn, ".png")  # mathematics that does not parse would raise


@pytest.mark.parametrize(("x", "y", "said"), [("epoch", "accurcy", "accuracy"), ("epoch", "top5", "draw one of")])
def test_an_unknown_metric_is_one_line(two: Comparison, x: str, y: str, said: str) -> None:
    with pytest.raises(OptbenchError, match=said):
        figure.draw([two], x, y)


def test_a_comparison_without_histories_says_so() -> None:
    with pytest.raises(OptbenchError, match="no run has a history"):
        figure.draw([made(a=[run("a", 0, 90.0)])])


@pytest.mark.parametrize("name", ["a.gif", "a", "a.PDF.txt"])
def test_other_files_are_refused(name: str) -> None:
    with pytest.raises(OptbenchError, match=r"\.pdf, \.svg or \.png"):
        figure.check(Path(name))


def test_without_matplotlib_it_says_what_to_install(two: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_drawing, "find_spec", lambda name: None)
    with pytest.raises(OptbenchError, match=r"needs the package matplotlib; pip install 'optbench\[plot\]'"):
        figure.draw([two])


def test_gradients_are_a_panel_an_arm_below_the_loss() -> None:
    arms = {name: [seed(name, 0, [50.0, 60.0, 70.0], gradients=True)] for name in ("radam", "adam")}
    drawn = figure.draw([made(**arms, none=[seed("none", 0, [50.0, 60.0, 70.0])])], y="gradients")
    above, *below = drawn.axes
    assert above.get_ylabel() == "training loss"
    assert sorted(axes.get_title() for axes in below) == ["adam", "radam"]
    ridges = sorted(below[0].lines, key=lambda line: line.get_ydata().min())
    tops = [line.get_xdata()[line.get_ydata().argmax()] for line in ridges]
    assert [line.get_ydata().min() for line in ridges] == [10, 20, 30]  # at its update
    assert tops == [GRADIENT_EDGES[30 + epoch] + 0.5 for epoch in (1, 2, 3)]  # in the middle of its bin


def test_gradients_that_nobody_recorded_are_one_line(two: Comparison) -> None:
    with pytest.raises(OptbenchError, match="no run recorded its gradients"):
        figure.draw([two], y="gradients")
    with pytest.raises(OptbenchError, match="of one recipe, not 2"):
        figure.draw([two, two], y="gradients")
