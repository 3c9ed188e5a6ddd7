"""Tests on ratios of times: the unit is the launch, and what is tested is the ratio's logarithm."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optbench.results import Cost
from optbench.stats.intervals import CONFIDENCE, t_quantile
from optbench.stats.times import Phase, launch_ratios


@dataclass(frozen=True)
class Change:
    """A ratio new / old as its logarithm: estimate, standard error and degrees of freedom, from `launches` launches.

    `error` is None where one launch leaves the spread unknown.
    """

    log: float
    error: float | None
    freedom: float
    launches: int

    @property
    def ratio(self) -> float:
        """New over old."""
        return float(np.exp(self.log))

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """The ratio's 95 % t interval."""
        if self.error is None:
            return None, None
        half = t_quantile(0.5 + CONFIDENCE / 2, self.freedom) * self.error
        return float(np.exp(self.log - half)), float(np.exp(self.log + half))

    def p_below(self, ratio: float) -> float | None:
        """Return the one-sided p-value of a true ratio of `ratio` or more; None of one launch."""
        from scipy.special import stdtr

        if self.error is None:
            return None
        shift = self.log - float(np.log(ratio))
        return float(stdtr(self.freedom, shift / self.error)) if self.error else float(shift >= 0)

    @property
    def p(self) -> float | None:
        """The two-sided p-value of a true ratio of 1."""
        below = self.p_below(1.0)
        return None if below is None else 2 * min(below, 1 - below)


def interleaved(new: Cost, old: Cost, phase: Phase) -> Change | None:
    """Return the change between arms of one measurement, paired by turn and launch; None without samples."""
    figures = np.log(launch_ratios(new, old, phase))
    n = figures.size
    if not n:
        return None
    error = float(np.std(figures, ddof=1) / n**0.5) if n > 1 else None
    return Change(float(np.mean(figures)), error, n - 1, n)


def apart(new: Cost, old: Cost, phase: Phase) -> Change | None:
    """Return the change between two measurements on one machine: Welch's t over the launches of each."""
    sides = [np.log(_launch_seconds(cost, phase)) for cost in (new, old)]
    fewest = min(side.size for side in sides)
    if not fewest:
        return None
    log = float(np.mean(sides[0]) - np.mean(sides[1]))
    if fewest < 2:
        return Change(log, None, 0, fewest)
    parts = [float(np.var(side, ddof=1)) / side.size for side in sides]
    total = sum(parts)
    weights = sum(part**2 / (side.size - 1) for part, side in zip(parts, sides, strict=True))
    # Welch and Satterthwaite; launches that are all alike have no error, and any freedom will do
    return Change(log, total**0.5, total**2 / weights if weights else fewest - 1, fewest)


def _launch_seconds(cost: Cost, phase: Phase) -> npt.NDArray[np.float64]:
    """Return one figure a launch, the median of its turns; of several phases their sum."""
    names = [phase] if isinstance(phase, str) else [name for name in phase if name in cost.samples]
    launches = zip(*(cost.samples.get(name, ()) for name in names), strict=True)
    return np.asarray([np.median(np.sum(parts, axis=0)) for parts in launches if len(parts[0])], dtype=float)
