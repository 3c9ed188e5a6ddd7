"""Colours and dashes of the arms, the same in every figure and in the HTML report."""

from collections.abc import Iterable
from dataclasses import dataclass

# Okabe and Ito's colours (jfly.uni-koeln.de/color, 2008), told apart with any kind of colour vision. Their yellow is
# left out: on white it has a contrast of 1.3, and a thin line of it is not seen.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DARK = ("#4DA6DE", "#F08A4B", "#2CC79B", "#E3A0C6", "#9AD4F7", "#F5BC45", "#ECECEC")
"""The same hues for a dark ground, lightened until each has a contrast of 6 or more to it (#16181D)."""

DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (6, 1.5, 1.5, 1.5))
"""Lengths on and off, in line widths, for the arms after the seventh; empty is a solid line."""


@dataclass(frozen=True)
class Style:
    """How an arm is drawn: its `colour` on white, `dark` on a dark ground, and the `dash` of its lines."""

    colour: str
    dark: str
    dash: tuple[float, ...]


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """Return a style for each label, in the order given; after 28 they begin anew."""
    found: dict[str, Style] = {}
    for label in dict.fromkeys(labels):
        number = len(found)
        dash = DASHES[number // len(COLOURS) % len(DASHES)]
        found[label] = Style(COLOURS[number % len(COLOURS)], DARK[number % len(DARK)], dash)
    return found
