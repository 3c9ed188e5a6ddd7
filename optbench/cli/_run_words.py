"""Sizes, ages, figures and tables as the pages of `optbench runs` show them."""

import time
from collections.abc import Sequence


def size(count: float) -> str:
    """Return bytes as people read them: 512 B, 3.4 KiB, 12 MiB."""
    units = ["TiB", "GiB", "MiB", "KiB", "B"]
    while count >= 1024 and len(units) > 1:
        count /= 1024
        units.pop()
    return f"{count:.0f} {units[-1]}" if units[-1] == "B" or count >= 100 else f"{count:.1f} {units[-1]}"


def counted(number: int, word: str) -> str:
    """Return `1 run` or `2 runs`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def ago(moment: float) -> str:
    """Return how long ago a time was, in its largest unit."""
    seconds = max(time.time() - moment, 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def number(value: object) -> str:
    """Return a figure to five digits; a dash for none."""
    if value is None:
        return "–"
    return f"{value:.5g}" if isinstance(value, float) else f"{value}"


def status(word: str) -> str:
    """Return a status as people read it."""
    return word.replace("_", " ")


def text(value: object) -> str:
    """Return a setting; a question mark for what is not known."""
    return "?" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def table(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> list[str]:
    """Return a table's lines, indented."""
    from tabulate import tabulate

    if not rows:
        return []
    drawn = tabulate(rows, headings, tablefmt="plain", disable_numparse=True)
    return [f"  {line}".rstrip() for line in drawn.splitlines()]
