"""A paper's tables beside ours, as tables for the page."""

from optbench.overlay import Overlay, Part
from optbench.report import published
from optbench.report._cells import NOTHING, Cell, Column, Section
from optbench.report.html._types import Published

_WORDS = ("optimizer", "arm", "verdict")  # columns that are no numbers
_COLOURS = {"reproduced": "better", "not reproduced": "worse"}


def tables(found: Overlay) -> tuple[Published, ...]:
    """Return every table of an overlay."""
    return tuple(
        Published(published.heading(part), _table(part), tuple(published.remarks(part))) for part in found.parts
    )


def paper(found: Overlay) -> str:
    """Return what the figures are from."""
    return f"{found.paper.title} (arXiv:{found.paper.arxiv})"


def _table(part: Part) -> Section:
    columns = [
        Column((heading,), tuple(map(_cell, texts)), "left" if heading in _WORDS else "right")
        for heading, texts in zip(published.HEADINGS, zip(*published.rows(part), strict=True), strict=True)
    ]
    return Section("", columns[0], tuple(columns[1:]))


def _cell(text: str) -> Cell:
    return Cell(text or NOTHING, _COLOURS.get(text.partition(":")[0], ""))
