"""The terminal's tables and the lines below them. A narrow terminal gets more tables, never a broken number."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from optbench.report._cells import Cell, Column, Section
from optbench.report._pages import Page

_GAP = 2  # spaces between columns
_COLOURS = {"better": "32", "worse": "31", "failed": "31"}  # ANSI: green, red
_BOLD, _DIM, _YELLOW = "1", "2", "33"


def render(pages: Sequence[Page], *, width: int | None = None, colour: bool = False) -> str:
    """Return the pages for a terminal of `width` columns (None: unlimited), with a final newline."""
    return "\n\n".join(_page(page, width, colour) for page in pages) + "\n"


def _page(page: Page, width: int | None, colour: bool) -> str:
    parts = [_lines_of([page.title], _BOLD, width, colour)]
    for section in page.sections:
        for number, columns in enumerate(_blocks(section, width)):
            text = _table([section.first, *columns], colour)
            title = section.title if number == 0 else ""
            parts.append(f"{_lines_of([title], _BOLD, width, colour)}\n{text}" if title else text)
    warnings = [f"warning: {line}" for line in page.warnings]
    below = [_lines_of(lines, code, width, colour) for lines, code in ((warnings, _YELLOW), (page.notes, _DIM))]
    below = [text for text in below if text]
    return "\n\n".join([*parts, "\n".join(below)] if below else parts)


def _lines_of(lines: Sequence[str], code: str, width: int | None, colour: bool) -> str:
    return "\n".join(_paint(line, code, colour) for line in _wrapped(lines, width))


def _blocks(section: Section, width: int | None) -> list[list[Column]]:
    """Split the columns into runs that fit the width beside the first column, one column at least.

    Columns of one group stay together where the width has room for them.
    """
    if width is None:
        return [list(section.columns)]
    full = width - _width(section.first)
    blocks: list[list[Column]] = []
    room = 0
    for group in _groups(section.columns):
        if sum(map(_taken, group)) <= full and sum(map(_taken, group)) > room:
            blocks.append([])
            room = full
        for column in group:
            if not blocks or _taken(column) > room:
                blocks.append([])
                room = full
            blocks[-1].append(column)
            room -= _taken(column)
    return [block for block in blocks if block]


def _groups(columns: Sequence[Column]) -> Iterator[list[Column]]:
    """Yield runs of columns that belong together; a column without a group stands alone."""
    for group, members in groupby(columns, key=lambda column: column.group):
        if group:
            yield list(members)
        else:
            yield from ([column] for column in members)


def _taken(column: Column) -> int:
    return _width(column) + _GAP


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
    return [
        part
        for line in lines
        for part in wrap(line, max(width, 20), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    ]
