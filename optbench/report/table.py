"""The terminal table: quality, cost, notes. A narrow terminal gets more tables, never a broken number."""

from collections.abc import Sequence

from optbench.report._cells import Cell, Column, cost, optimizers, quality
from optbench.report._notes import notes, title
from optbench.stats import Comparison

_GAP = 2  # spaces between columns
_COLOURS = {"better": "32", "worse": "31", "failed": "31"}  # ANSI: green, red


def render(comparison: Comparison, *, width: int | None = None, colour: bool = False) -> str:
    """Return the tables for a terminal of `width` columns (None: unlimited), with a final newline."""
    first = optimizers(comparison)
    parts = [_paint(title(comparison), "1", colour)]
    for columns in (quality(comparison), cost(comparison)):
        parts += [_table([first, *block], colour) for block in _blocks(first, columns, width)]
    parts.append("\n".join(_paint(line, "2", colour) for line in _wrapped(notes(comparison), width)))
    return "\n\n".join(parts) + "\n"


def _blocks(first: Column, columns: Sequence[Column], width: int | None) -> list[list[Column]]:
    """Split the columns into runs that fit the width beside the first column, one column at least."""
    if width is None:
        return [list(columns)]
    blocks: list[list[Column]] = []
    room = 0
    for column in columns:
        if not blocks or _width(column) + _GAP > room:
            blocks.append([])
            room = width - _width(first)
        blocks[-1].append(column)
        room -= _width(column) + _GAP
    return blocks


def _width(column: Column) -> int:
    return max(map(len, (*column.heading, *(cell.text for cell in column.cells))))


def _table(columns: Sequence[Column], colour: bool) -> str:
    depth = max(len(column.heading) for column in columns)
    parts = [_lines(column, depth, colour) for column in columns]
    return "\n".join((" " * _GAP).join(line).rstrip() for line in zip(*parts, strict=True))


def _lines(column: Column, depth: int, colour: bool) -> list[str]:
    """Return a column's heading in `depth` lines, a rule and its cells, each as wide as the column."""
    width = _width(column)
    heading = [""] * (depth - len(column.heading)) + list(column.heading)
    cells = [Cell(text) for text in (*heading, "─" * width)] + list(column.cells)
    aligned = [cell.text.ljust(width) if column.align == "left" else cell.text.rjust(width) for cell in cells]
    return [
        text.replace(cell.text, _paint(cell.text, _COLOURS.get(cell.verdict, ""), colour))
        for text, cell in zip(aligned, cells, strict=True)
    ]


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code and text else text


def _wrapped(lines: Sequence[str], width: int | None) -> list[str]:
    from textwrap import wrap

    if width is None:
        return list(lines)
    return [part for line in lines for part in wrap(line, max(width, 20), subsequent_indent="  ")]
