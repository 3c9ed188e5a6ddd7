"""Figures for papers, by matplotlib (extra `plot`): training curves, arms by colour, a band over seeds.

Colours are Okabe and Ito's, which every kind of colour vision tells apart. A file holds its fonts (PDF: TrueType, SVG:
outlines) and nothing of the time or the machine, so that the same runs give the same bytes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from optbench.errors import OptbenchError, nearest
from optbench.report import _curves, _drawing
from optbench.report._curves import AXES, GRADIENTS, LOSS, Curve, Limits
from optbench.report._drawing import FORMS, check, write
from optbench.report._palette import Style, styles
from optbench.stats import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "AXES",
    "FORMS",
    "GRADIENTS",
    "LOSS",
    "check",
    "check_quantity",
    "curves",
    "draw",
    "legend",
    "panel",
    "write",
]

PANEL = (3.6, 2.7)  # inches: a column of a two-column paper
_ACROSS = 3  # panels beside each other


def check_quantity(y: str, metrics: Sequence[str], recipe: str, gradients: bool, recipes: int = 1) -> None:
    """Refuse a y axis that runs cannot have.

    Args:
        y: what was asked for.
        metrics: names of those that the recipe's task reports.
        recipe: its name.
        gradients: whether its runs record histograms of gradients.
        recipes: how many are drawn.

    Raises:
        OptbenchError: it is no metric, or the gradients of several recipes or of one that does not record them.
    """
    if y != GRADIENTS:
        known = [*metrics, LOSS, GRADIENTS]
        if y not in known:
            raise OptbenchError(
                f"{recipe} has no curve of '{y}'", nearest(y, known) or f"draw one of {', '.join(known)}"
            )
    elif recipes > 1:
        raise OptbenchError(f"a figure of gradients is of one recipe, not {recipes}", "name one of them")
    elif not gradients:
        raise OptbenchError(
            f"{recipe}: its runs do not record their gradients", "set gradient_histograms = N in its [training]"
        )


def draw(comparisons: Sequence[Comparison], x: str = "epoch", y: str | None = None) -> "Figure":
    """Return the figure that `x` and `y` ask for: curves, or with `y` = ``gradients`` what the gradients did.

    Raises:
        OptbenchError: the runs do not have what is asked for, or matplotlib is missing.
    """
    if y != GRADIENTS:
        return curves(comparisons, x, y)
    from optbench.report import figure_gradients

    check_quantity(y, (), comparisons[0].recipe, gradients=True, recipes=len(comparisons))
    return figure_gradients.draw(comparisons[0])


def curves(comparisons: Sequence[Comparison], x: str = "epoch", y: str | None = None) -> "Figure":
    """Return learning curves, a panel a recipe: the mean over the seeds that finished, ± one standard deviation.

    The axes are fitted to the bulk of the finished runs. A run that diverged is a thin line up to a cross, and the
    legend counts it; an arm that lies outside the axes says so there.

    Args:
        comparisons: with their runs.
        x: one of `AXES`.
        y: a metric, None for the primary one, or ``loss``.

    Raises:
        OptbenchError: there is nothing to draw, or matplotlib is missing.
    """
    _drawing.needed()
    from matplotlib.ticker import MaxNLocator

    names = [_curves.quantity(comparison, y) for comparison in comparisons]
    found = [_curves.curves(each, x, name) for each, name in zip(comparisons, names, strict=True)]
    style = styles(arm.optimizer for comparison in comparisons for arm in comparison.arms)
    across = min(_ACROSS, len(comparisons))
    down = math.ceil(len(comparisons) / across)
    with _drawing.settings():
        figure = _drawing.new(across * PANEL[0], down * PANEL[1])
        for i, (comparison, name, lines) in enumerate(zip(comparisons, names, found, strict=True), 1):
            axes = figure.add_subplot(down, across, i)
            panel(axes, lines, style, _curves.most(comparison, name))
            _drawing.plain(axes.set_title(comparison.recipe, fontsize=9))
            axes.set_xlabel("training time in s" if x == "second" else x)
            if x != "second":
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            _drawing.plain(axes.set_ylabel(_curves.title(comparison, name)))
        legend(figure, found, style)
    return figure


def panel(axes: "Axes", lines: Sequence[Curve], style: Mapping[str, Style], most: float = math.inf) -> None:
    """Draw curves into axes that fit them, and that end where there can be no more."""
    limits = _curves.limits(lines)
    if limits.log:
        axes.set_yscale("log")
    for each in lines:
        _line(axes, each, style[each.arm], limits)
    axes.set_ylim(limits.low, min(limits.high, most))


def legend(figure: "Figure", found: Sequence[Sequence[Curve]], style: Mapping[str, Style]) -> None:
    """Say below a figure which arm is which, and of each what its panels (a sequence of curves each) do not show."""
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(each.arm for lines in found for each in lines))
    handles = [Line2D([], [], color=style[name].colour, linestyle=_drawing.line(style[name])) for name in names]
    _drawing.legend(figure, handles, [_label(name, found) for name in names], _band(found))


def _line(axes: "Axes", line: Curve, style: Style, limits: Limits) -> None:
    """Draw one arm: its mean, its band, and thin up to a cross the runs that did not finish."""
    dash = _drawing.line(style)
    marker = "o" if line.x.size == 1 else ""
    axes.plot(line.x, line.mean, color=style.colour, linestyle=dash, marker=marker, markersize=4)
    if line.std is not None:
        low, high = line.mean - line.std, line.mean + line.std
        if limits.log:
            low = low.clip(min=limits.low)
        axes.fill_between(line.x, low, high, color=style.colour, alpha=0.18, linewidth=0)
    for x, y in line.broken:
        axes.plot(x, y, color=style.colour, linestyle=dash, linewidth=0.7, alpha=0.7)
        shown = min(max(float(y[-1]), limits.low), limits.high)
        axes.plot(x[-1:], [shown], marker="x", color=style.colour, markersize=5, clip_on=False)


def _label(name: str, found: Sequence[Sequence[Curve]]) -> str:
    """Return an arm's label, with how many of its runs did not finish and where it lies outside the axes."""
    own = [(each, lines) for lines in found for each in lines if each.arm == name]
    runs, finished = sum(each.runs for each, _ in own), sum(each.finished for each, _ in own)
    text = name if finished == runs else f"{name} ({runs - finished} of {runs} did not finish)"
    outside = [each.mean[-1] for each, lines in own if _curves.outside(each, _curves.limits(lines))]
    return f"{text} (outside: {', '.join(f'{value:.3g}' for value in outside)})" if outside else text


def _band(found: Sequence[Sequence[Curve]]) -> str:
    seeds = {each.finished for lines in found for each in lines if each.std is not None}
    if not seeds:
        return ""
    count = f"{min(seeds)} to {max(seeds)}" if len(seeds) > 1 else str(min(seeds))
    return f"mean ± standard deviation, {count} seeds"
