"""Tables as data: cells, columns and sections, shared by the terminal's tables and the Markdown tables.

All numbers of a column have the same unit, which its heading names, and the same number of decimals, so that the eye
can compare them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

NOTHING = "–"
TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
BYTE_UNITS = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_TIME_DIGITS, _BYTE_DIGITS = 3, 4  # significant digits of a column's largest number

Units = Sequence[tuple[float, str]]


class Interval(Protocol):
    """A number with its 95 % interval, such as `optbench.stats.Difference` and `Ratio`; None where undefined."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True)
class Cell:
    """Text, and what it says of its row: ``better`` or ``worse`` beyond chance, ``failed``, or nothing."""

    text: str
    verdict: str = ""


@dataclass(frozen=True)
class Column:
    """A heading of one or more lines, and a cell for every row.

    Columns that follow each other and have the same `group` stay together where a table has to be split.
    """

    heading: tuple[str, ...]
    cells: tuple[Cell, ...]
    align: str = "right"
    group: str = ""


@dataclass(frozen=True)
class Section:
    """A table: its title (may be empty), the column that names its rows, and the others."""

    title: str
    first: Column
    columns: tuple[Column, ...]


def words(heading: str, texts: Sequence[str], align: str = "left") -> Column:
    """Return a column of words; what is empty shows as nothing."""
    return Column((heading,), tuple(Cell(text or NOTHING) for text in texts), align)


def seconds(heading: str, values: Sequence[float | None], units: Units | None = None) -> Column:
    """Return a column of times, in the unit of the largest unless `units` names one."""
    return scaled(heading, values, units or unit_of(values, TIME_UNITS), _TIME_DIGITS)


def sizes(heading: str, values: Sequence[float | None]) -> Column:
    """Return a column of bytes."""
    return scaled(heading, values, unit_of(values, BYTE_UNITS), _BYTE_DIGITS)


def unit_of(values: Sequence[float | None], units: Units) -> Units:
    """Return the largest unit that the largest value reaches (the smallest where it reaches none), alone in a list."""
    largest = max((value for value in values if value is not None), default=0.0)
    return [next((unit for unit in units if largest >= unit[0]), units[-1])]


def scaled(heading: str, values: Sequence[float | None], units: Units, digits: int) -> Column:
    """Return a column of numbers in one unit, the largest with `digits` significant digits, the unit in the heading."""
    ((scale, unit),) = units
    largest = max((value / scale for value in values if value is not None), default=0.0)
    places = 0 if unit == "B" or largest <= 0 else max(0, digits - 1 - math.floor(math.log10(largest)))
    cells = tuple(Cell(NOTHING if value is None else f"{value / scale:.{places}f}") for value in values)
    return Column((heading, unit), cells)


def ratios(heading: tuple[str, ...], values: Sequence[float | None]) -> Column:
    """Return a column of plain ratios, such as 1.07x."""
    return Column(heading, tuple(Cell(NOTHING if value is None else f"{value:.2f}x") for value in values))


def intervals(
    values: Sequence[Interval | None], places: int, *, sign: str = "", factor: float = 1.0, neutral: float | None = None
) -> tuple[Cell, ...]:
    """Return cells such as ``+0.27 [-0.15, +0.68]``, their brackets lined up.

    Args:
        values: a number with its interval each; None, or one whose value is None, is nothing.
        places: decimals.
        sign: ``+`` writes the sign of positive numbers too.
        factor: what the numbers are multiplied with first.
        neutral: where less is better: the number that means no difference. A cell's verdict says on which side of it
            the whole interval lies.
    """
    form = f"{sign}z.{places}f"  # z: no minus sign before a zero

    def text(number: float) -> str:
        return format(number * factor, form)

    found = [value for value in values if value is not None]
    wide = [
        max((len(text(end)) for end in ends if end is not None), default=0)
        for ends in ([value.low for value in found], [value.high for value in found])
    ]

    def cell(value: Interval | None) -> Cell:
        if value is None or value.value is None:
            return Cell(NOTHING)
        if value.low is None or value.high is None:
            return Cell(text(value.value))
        low, high = (text(end).rjust(width) for end, width in zip((value.low, value.high), wide, strict=True))
        return Cell(f"{text(value.value)} [{low}, {high}]", _side(value.low, value.high, neutral))

    return tuple(map(cell, values))


def _side(low: float, high: float, neutral: float | None) -> str:
    """Return whether the whole interval lies below or above a number, where less is better."""
    if neutral is None or low <= neutral <= high:
        return ""
    return "better" if high < neutral else "worse"
