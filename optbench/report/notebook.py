"""A comparison as a notebook's cell shows it: the verdict and the tables, without script. Every name is text."""

from collections.abc import Sequence
from html import escape

from optbench.report._cells import Column, Section
from optbench.report._pages import page
from optbench.stats import Comparison

_COLOURS = {"better": "#00795a", "worse": "#b94a00", "failed": "#b94a00"}  # contrast 4.5 on white and on #16181d alike


def render(comparison: Comparison, verdict: str) -> str:
    """Return the comparison as HTML.

    Args:
        comparison: what is shown.
        verdict: the sentence above the tables.
    """
    found = page(comparison)
    parts = [f"<p><b>{escape(found.title)}</b><br>{escape(verdict)}</p>", *map(_section, found.sections)]
    parts += [f"<p>warning: {escape(line)}</p>" for line in found.warnings]
    notes = "".join(f"<li>{escape(line)}</li>" for line in found.notes)
    return "\n".join([*parts, f"<details><summary>how to read this</summary><ul>{notes}</ul></details>"])


def _section(section: Section) -> str:
    columns = [section.first, *section.columns]
    title = f"<caption style='text-align:left'>{escape(section.title)}</caption>" if section.title else ""
    heads = "".join(f"<th style='{_align(each)}'>{'<br>'.join(map(escape, each.heading))}</th>" for each in columns)
    rows = "\n".join(f"<tr>{_row(columns, i)}</tr>" for i in range(len(section.first.cells)))
    return f"<table>{title}<thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _row(columns: Sequence[Column], i: int) -> str:
    return "".join(
        f"<td style='{_align(each)}{_colour(each, i)}'>{escape(each.cells[i].text)}</td>" for each in columns
    )


def _align(column: Column) -> str:
    return f"text-align:{column.align};white-space:nowrap"


def _colour(column: Column, i: int) -> str:
    colour = _COLOURS.get(column.cells[i].verdict)
    return f";color:{colour}" if colour else ""
