"""Where a hyper-parameter is searched: an interval or a list of values. No torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCALES = ("log", "linear")


@dataclass(frozen=True)
class Range:
    """An interval from `low` to `high`, searched evenly in the logarithm (`log`) or in the value (`linear`)."""

    low: float
    high: float
    scale: str = "log"

    def at(self, unit: float) -> float:
        """Return the value at a place from 0 (`low`) to 1 (`high`), to 3 significant digits."""
        if self.scale == "log":
            value = math.exp(math.log(self.low) + unit * math.log(self.high / self.low))
        else:
            value = self.low + unit * (self.high - self.low)
        return float(f"{value:.3g}")

    def place(self, value: float) -> float:
        """Return where a value lies: 0 at `low`, 1 at `high`, outside of [0, 1] beyond them."""
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def beyond(self, below: bool) -> "Range":
        """Return the interval of half this one's width (in its scale) that adjoins it below or above."""
        if self.scale == "log":
            step = math.sqrt(self.high / self.low)
            return Range(self.low / step, self.low) if below else Range(self.high, self.high * step)
        step = (self.high - self.low) / 2
        low, high = (self.low - step, self.low) if below else (self.high, self.high + step)
        return Range(low, high, self.scale)

    def joined(self, other: "Range") -> "Range":
        """Return the interval that covers both."""
        return Range(min(self.low, other.low), max(self.high, other.high), self.scale)

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g}" + ("" if self.scale == "log" else " (linear)")


def read_range(value: Any) -> tuple[Range | None, str]:
    """Read `{ low = 1e-4, high = 1e-1, scale = "log" }`; return the range, or None and what is wrong."""
    if not isinstance(value, Mapping) or not {"low", "high"} <= set(value) <= {"low", "high", "scale"}:
        return None, 'write { low = 1e-4, high = 1e-1 }, with scale = "linear" where it is not logarithmic'
    low, high, scale = value["low"], value["high"], value.get("scale", "log")
    if not all(type(end) in (int, float) and -1e300 < end < 1e300 for end in (low, high)) or low >= high:
        return None, "low and high must be numbers, low the smaller one"
    if scale not in SCALES:
        return None, "scale must be log or linear"
    if scale == "log" and low <= 0:
        return None, "a logarithmic range needs a low above 0"
    return Range(float(low), float(high), scale), ""
