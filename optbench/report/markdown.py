"""Markdown, for an issue or a README: the terminal table's columns as pipe tables, its notes as a list."""

from collections.abc import Sequence

from optbench.report._cells import Column, cost, optimizers, quality
from optbench.report._notes import notes, title
from optbench.stats import Comparison


def render(comparison: Comparison, *, width: int | None = None, colour: bool = False) -> str:
    """Return Markdown with a final newline; `width` and `colour` mean nothing here."""
    first = optimizers(comparison)
    parts = [f"**{_escape(title(comparison))}**"]
    parts += [_table([first, *columns]) for columns in (quality(comparison), cost(comparison))]
    parts.append("\n".join(f"- {_escape(line)}" for line in notes(comparison)))
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[Column]) -> str:
    from tabulate import tabulate

    heads = [_escape(" ".join(column.heading).strip()) for column in columns]
    rows = zip(*([_escape(cell.text) for cell in column.cells] for column in columns), strict=True)
    aligns = [column.align for column in columns]
    text: str = tabulate(list(rows), heads, tablefmt="pipe", colalign=aligns, disable_numparse=True)
    return text


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
