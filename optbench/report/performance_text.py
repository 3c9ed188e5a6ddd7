"""Performance profiles as text in every format, and as a figure; see `optbench.report.performance_profile`."""

import csv
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optbench.report import json_
from optbench.report._cells import NOTHING, Cell, Column, Section
from optbench.report._pages import Page
from optbench.report.performance_profile import R_MAX, TAUS, Profile, rho

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = "optbench.performance-profile/1"
_EQUATION = (
    f"score: the area below rho(tau), tau from 1 to {R_MAX:g}, over {R_MAX - 1:g} (AlgoPerf, arXiv:2306.07179); "
    "rho(tau): the part of the recipes on which an optimizer's ratio to the best of these is at most tau"
)


def render(found: Profile, form: str = "table", *, width: int | None = None, colour: bool = False) -> str:
    """Return profiles as text with a final newline; the arguments are those of `optbench.report.render`."""
    if form == "json":
        return json_.text(document(found))
    if form == "csv":
        return _csv(found)
    from optbench.report import markdown, table

    if form == "latex":
        return _latex(_page(found))
    return (
        markdown.render([_page(found)])
        if form == "markdown"
        else table.render([_page(found)], width=width, colour=colour)
    )


def document(found: Profile) -> dict[str, Any]:
    """Return profiles ready for JSON; an infinite ratio is null."""
    return {
        "schema": SCHEMA,
        "r_max": R_MAX,
        "scores": dict(found.scores),
        "left_out": list(found.left_out),
        "recipes": [
            {"recipe": each.recipe, "counted": each.counted, "ratios": dict(each.ratios)} for each in found.problems
        ],
    }


def draw(found: Profile) -> "Figure":
    """Return the profiles as a figure: rho by tau, an optimizer by colour.

    Raises:
        OptbenchError: matplotlib is missing.
    """
    from optbench.report import _drawing
    from optbench.report._palette import styles
    from optbench.report.figure import PANEL

    _drawing.needed()
    style = styles(found.scores)
    with _drawing.settings():
        figure = _drawing.new(*PANEL)
        axes = figure.add_subplot()
        handles = []
        for name in found.scores:
            dash = _drawing.line(style[name])
            share = rho(found.ratios(name))
            handles += axes.step(TAUS, share, where="post", color=style[name].colour, linestyle=dash)
        axes.set(xlabel="tau: times the best", ylabel=f"part of {len(found.problems)} recipes", ylim=(-0.03, 1.03))
        axes.set_xlim(1, R_MAX)
        labels = [f"{name}, score {value:.2f}" for name, value in found.scores.items()]
        _drawing.legend(figure, handles, labels, "")
    return figure


def _page(found: Profile) -> Page:
    names = list(found.scores)
    first = Column(("optimizer",), tuple(map(Cell, names)), "left")
    ratios = [found.ratios(name) for name in names]
    columns = (
        Column(("score",), tuple(Cell(f"{value:.3f}") for value in found.scores.values())),
        Column(("best on",), tuple(Cell(str(int((row == 1).sum()))) for row in ratios)),
        Column(("solved",), tuple(Cell(f"{sum(map(math.isfinite, row))} of {len(row)}") for row in ratios)),
    )
    by_recipe = tuple(
        Column((each.recipe,), tuple(Cell(_ratio(each.ratios[name])) for name in names)) for each in found.problems
    )
    sections = (Section("", first, columns), Section("ratio to the best, by recipe", first, by_recipe))
    notes = [_EQUATION, *(f"{each.recipe}: {each.counted}, the median over seeds" for each in found.problems)]
    warnings = [f"not run on every recipe, and left out: {', '.join(found.left_out)}"] if found.left_out else []
    return Page(f"performance profile over {len(found.problems)} recipes", sections, tuple(warnings), tuple(notes))


def _ratio(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else NOTHING


def _csv(found: Profile) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["optimizer", "score", *(each.recipe for each in found.problems)])
    for name, value in found.scores.items():
        ratios: Sequence[float] = [each.ratios[name] for each in found.problems]
        writer.writerow([name, value, *(ratio if math.isfinite(ratio) else "" for ratio in ratios)])
    return text.getvalue()


def _latex(page: Page) -> str:
    from optbench.report._latex_text import escape, floating, of_columns
    from optbench.report.latex import HEADER

    notes = [escape(f"{line}.") for line in (*page.warnings, *page.notes)]
    title = page.title.capitalize()
    parts = [
        floating(
            of_columns([section.first, *section.columns]),
            escape(": ".join(filter(None, (title, section.title)))) + ".",
            f"optbench-profile-{i}",
            [] if i else notes,
        )
        for i, section in enumerate(page.sections)
    ]
    return "\n\n".join([HEADER, *parts]) + "\n"
