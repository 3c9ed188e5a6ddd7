"""Pictures of a profile as SVG: growth as lines over logarithmic axes, the parts of an epoch as stacked bars."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbench.measure._profiled import ArmProfile
    from optbench.measure.scale import ScalePoint

# Okabe and Ito's colours, told apart by people with any kind of colour vision
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
_TEXT = 'font-family="sans-serif" font-size="12"'
_WIDTH, _HEIGHT = 360, 300  # of one panel, in pixels
_LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT = 62, 34, 282, 216

Point = tuple[float, float]
QUANTITIES: tuple[tuple[str, "Callable[[ScalePoint], float | None]"], ...] = (
    ("step, ms", lambda point: None if point.step_seconds is None else 1e3 * point.step_seconds),
    ("memory, MiB", lambda point: None if point.memory_bytes is None else point.memory_bytes / 2**20),
)
"""What is drawn over the number of parameters: a title, and what to take."""


def growth(points: Sequence["ScalePoint"]) -> str:
    """Return a picture of step time and of memory over the number of parameters."""
    drawn = [(title, series(points, pick)) for title, pick in QUANTITIES]
    panels = [_panel(title, list(lines.values()), i * _WIDTH) for i, (title, lines) in enumerate(drawn)]
    names = list(drawn[0][1])
    legend = [_key(name, i, 20 + _WIDTH * (i % 2), _HEIGHT + 8 + 18 * (i // 2)) for i, name in enumerate(names)]
    height = _HEIGHT + 16 + 18 * math.ceil(len(names) / 2)
    return _document(_WIDTH * len(QUANTITIES), height, [*panels, *legend])


def series(points: Sequence["ScalePoint"], pick: "Callable[[ScalePoint], float | None]") -> dict[str, list[Point]]:
    """Return by optimizer the pairs of a number of parameters and a quantity; failures are left out."""
    found: dict[str, list[Point]] = {}
    for point in points:
        if value := pick(point):
            found.setdefault(point.optimizer, []).append((point.parameters, value))
    return found


def _panel(title: str, lines: Sequence[Sequence[Point]], left: float) -> str:
    """Return one pair of axes with its lines, both axes logarithmic."""
    if not any(lines):
        return _label(left + _WIDTH / 2, _TOP - 14, title, "middle")
    (x_low, x_high), (y_low, y_high) = decades_of(lines)

    def place(point: Point) -> Point:
        across = (math.log10(point[0]) - x_low) / (x_high - x_low)
        up = (math.log10(point[1]) - y_low) / (y_high - y_low)
        return left + _LEFT + _PLOT_WIDTH * across, _TOP + _PLOT_HEIGHT * (1 - up)

    parts = [_label(left + _LEFT + _PLOT_WIDTH / 2, _TOP - 14, title, "middle")]
    bottom, right = _TOP + _PLOT_HEIGHT, left + _LEFT + _PLOT_WIDTH
    for decade in range(x_low, x_high + 1):
        x, _ = place((10.0**decade, 10.0**y_low))
        parts += [_line((x, _TOP), (x, bottom)), _label(x, bottom + 16, _short(10.0**decade), "middle")]
    for decade in range(y_low, y_high + 1):
        _, y = place((10.0**x_low, 10.0**decade))
        parts += [_line((left + _LEFT, y), (right, y)), _label(left + _LEFT - 6, y + 4, _short(10.0**decade), "end")]
    parts.append(_label(left + _LEFT + _PLOT_WIDTH / 2, bottom + 36, "parameters", "middle"))
    for i, line in enumerate(lines):
        placed = [place(point) for point in line]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        colour = COLOURS[i % len(COLOURS)]
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed]
    return "".join(parts)


def decades_of(lines: Sequence[Sequence[Point]]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the powers of ten between which both axes go."""
    across, up = zip(*(point for line in lines for point in line), strict=True)
    return _decades(across), _decades(up)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten around some numbers, one apart at least."""
    low, high = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    return low, max(high, low + 1)


def epochs(arms: Sequence["ArmProfile"], parts: Sequence[str]) -> str:
    """Return a bar for each arm: an epoch's time, stacked by part. What noise makes negative has no width."""
    fit = [arm for arm in arms if arm.parts]
    longest = max((sum(max(value, 0.0) for value in arm.parts.values()) for arm in fit), default=0.0) or 1.0
    width, names = 2 * _WIDTH, 16 + 7 * max((len(arm.optimizer) for arm in fit), default=0)
    drawn: list[str] = []
    for row, arm in enumerate(fit):
        y, x = 10 + 30 * row, float(names)
        drawn.append(_label(names - 8, y + 15, arm.optimizer, "end"))
        for i, part in enumerate(parts):
            length = (width - 10) * max(arm.parts.get(part, 0.0), 0.0) / longest
            fill = COLOURS[i % len(COLOURS)]
            drawn.append(f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="20" fill="{fill}"/>')
            x += length
    below = 10 + 30 * len(fit)
    drawn += [_key(part, i, 20 + 170 * (i % 4), below + 8 + 18 * (i // 4)) for i, part in enumerate(parts)]
    return _document(names + width, below + 16 + 18 * math.ceil(len(parts) / 4), drawn)


def _document(width: float, height: float, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return f'{head}<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'


def _key(name: str, number: int, x: float, y: float) -> str:
    colour = COLOURS[number % len(COLOURS)]
    return f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>{_label(x + 18, y + 10, name, "start")}'


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {_TEXT}>{escape(text)}</text>'


def _line(begin: Point, end: Point) -> str:
    (x1, y1), (x2, y2) = begin, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _short(value: float) -> str:
    """Return a power of ten as 0.01, 100, 10k, 1M or 10G."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
