"""From differences to verdicts: p-values, Holm's correction, equivalence, and how many seeds a verdict would take.

A verdict rests on Student's paired t test, two-sided at 5 % after Holm's correction over the family. Where a margin is
given, equivalence is asked first: two one-sided t tests (TOST) of 5 % each against -margin and +margin, which is to say
that the 90 % interval lies inside the margin; those p-values are corrected over the same family. Differences that do
not vary have no t: the sign test stands in, which knows that n seeds on one side have a chance of 2^-n.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optbench.stats._types import Difference
from optbench.stats.intervals import ROUNDING, Array, bootstrap_interval, constant, t_interval, t_quantile

LEVEL = 0.05
POWER = 0.8
MOST_SEEDS = 10_000
"""Where a verdict would take more seeds than this, how many more is of no interest."""


@dataclass(frozen=True)
class Paired:
    """Arm minus baseline by seed, of the seeds that both finished; `scale` is the size of what was subtracted."""

    differences: Array
    scale: float

    @classmethod
    def of(cls, arm: Sequence[float | None], baseline: Sequence[float | None]) -> "Paired":
        """Pair two sequences in the order of the seeds; None marks a run that did not finish."""
        pairs = [(a, b) for a, b in zip(arm, baseline, strict=True) if a is not None and b is not None]
        figures = np.asarray(pairs, dtype=float).reshape(-1, 2)
        return cls(figures[:, 0] - figures[:, 1], float(np.max(np.abs(figures), initial=0.0)))

    def __neg__(self) -> "Paired":
        return Paired(-self.differences, self.scale)

    @property
    def constant(self) -> bool:
        """Whether every seed shows the same difference."""
        return constant(self.differences, self.scale)

    @property
    def mean(self) -> float:
        """The mean difference."""
        return float(np.mean(self.differences))

    @property
    def std(self) -> float:
        """Standard deviation over the seeds (ddof 1), 0 where they do not vary."""
        return 0.0 if self.constant else float(np.std(self.differences, ddof=1))

    def p(self) -> float | None:
        """Return the two-sided p-value of a true mean of 0; None with fewer than two seeds."""
        if len(self.differences) < 2:
            return None
        if self.constant and abs(self.mean) <= ROUNDING * self.scale:
            return 1.0
        return 2 * min(self._p_below(0.0), (-self)._p_below(0.0))

    def p_within(self, margin: float) -> float | None:
        """Return TOST's p-value of a true mean outside (-margin, margin); None with fewer than two seeds."""
        p_below, p_above = self.p_below(margin), (-self).p_below(margin)
        return None if p_below is None or p_above is None else max(p_below, p_above)

    def p_below(self, bound: float) -> float | None:
        """Return the one-sided p-value of a true mean of `bound` or more; None with fewer than two seeds."""
        return self._p_below(bound) if len(self.differences) > 1 else None

    def _p_below(self, bound: float) -> float:
        from scipy.special import stdtr

        n = len(self.differences)
        if self.constant:  # all on one side, or none: the sign test
            return float(2.0**-n) if self.mean < bound - ROUNDING * self.scale else 1.0
        return float(stdtr(n - 1, (self.mean - bound) / self.std * n**0.5))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order given (Scandinavian Journal of Statistics 6, 1979)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def power(seeds: int, effect: float, level: float = LEVEL) -> float:
    """Return the power of a two-sided paired t test.

    Args:
        seeds: how many pairs.
        effect: the true mean difference over the differences' standard deviation.
        level: of the test.
    """
    from scipy.special import nctdtr  # the noncentral t distribution

    bound = t_quantile(1 - level / 2, seeds - 1)
    shift = abs(effect) * seeds**0.5
    # the far tail holds less than level / 2 and vanishes as the shift grows; scipy loses its way beyond 30
    return 1.0 if shift - bound > 30 else float(1 - nctdtr(seeds - 1, shift, bound))


def seeds_needed(effect: float, level: float = LEVEL) -> int | None:
    """Return the fewest seeds with which a t test shows `effect` (see `power`) with 80 % power.

    None for no effect, or when it takes more than `MOST_SEEDS`.
    """
    if not effect or power(MOST_SEEDS, effect, level) < POWER:
        return None
    low, high = 1, MOST_SEEDS  # too few, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, effect, level) >= POWER else (middle, high)
    return high


def difference(pair: Paired, step: float | None = None) -> Difference:
    """Return the mean difference with both intervals and its p-value, as yet without a verdict.

    `step` is the metric's resolution, for differences that do not vary.
    """
    n = len(pair.differences)
    if not n:
        return Difference(None, None, None, 0)
    low, high = t_interval(pair.differences, step, pair.scale)
    return Difference(pair.mean, low, high, n, *bootstrap_interval(pair.differences, pair.scale), p=pair.p())


def judge(pairs: Sequence[Paired], direction: str, margin: float | None, step: float | None) -> list[Difference]:
    """Return a family's differences to one baseline in one metric, each with its verdict.

    Args:
        pairs: one an arm of the family.
        direction: whether ``higher`` or ``lower`` is better.
        margin: differences smaller than this count as none; None for no such question.
        step: the metric's resolution.
    """
    tested = [pair for pair in pairs if len(pair.differences) > 1]
    differ = iter(holm([pair.p() or 0.0 for pair in tested]))
    within = iter(holm([pair.p_within(margin or 0.0) or 0.0 for pair in tested]))
    found = []
    for pair in pairs:
        plain = replace(difference(pair, step), margin=margin)
        if len(pair.differences) > 1:
            p_holm, p_within = next(differ), next(within)
            equivalent = margin is not None and p_within <= LEVEL
            plain = _concluded(replace(plain, p_holm=p_holm), pair, direction, equivalent, len(tested))
        found.append(plain)
    return found


def _concluded(found: Difference, pair: Paired, direction: str, equivalent: bool, family: int) -> Difference:
    """Return the difference with its verdict and, where that is open, with the seeds that would settle it."""
    assert found.p_holm is not None
    if equivalent:
        return replace(found, verdict="equivalent")
    if found.p_holm <= LEVEL:
        return replace(found, verdict="better" if (pair.mean > 0) == (direction == "higher") else "worse")
    shown = abs(pair.mean) if found.margin is None else found.margin
    # Holm's strictest step, which the first of the family has to pass
    level = LEVEL / family
    needed = _by_sign(pair, shown, level) if pair.constant else seeds_needed(shown / pair.std, level)
    return replace(found, verdict="not distinguishable", seeds_needed=needed, needed_for=shown)


def _by_sign(pair: Paired, shown: float, level: float) -> int | None:
    """Return the fewest seeds with which the sign test decides, if all of them go on to show the same difference."""
    if abs(pair.mean) < shown - ROUNDING * pair.scale:  # within a margin: one-sided on each side
        return math.ceil(-math.log2(level))
    return 1 + math.ceil(-math.log2(level)) if abs(pair.mean) > ROUNDING * pair.scale else None
