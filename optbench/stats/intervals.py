"""Means, and the two 95 % intervals of a mean difference: Student's t and the bootstrap. NumPy and SciPy, no torch.

Both hold what they promise on real, discrete data (README, section "How sure a verdict is"). What that took:

- The accuracy of 300 test images moves in steps of a third of a point, so three seeds often show the very same
  difference. Its standard deviation is then 0 by the coarseness of the metric and not by certainty. The interval is
  then step / (n - 1) to either side, which keeps the coverage at n = 2 to 10 where an interval of width 0 loses it.
- The usual bootstrap intervals are too narrow for ten seeds: BCa covered 87 to 90 % on the digits recipe. Hesterberg's
  expanded percentile interval corrects for n.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
BOOTSTRAP_SEEDS = 8
"""Fewer seeds have too few distinct resamples: below, the bootstrap covered less than 93 % on the digits recipe."""
RESAMPLES = 9999
ROUNDING = 1e-9
"""Relative to the metric's values: differences closer than this are one difference, told apart by rounding alone."""

Array = npt.NDArray[np.float64]
Bounds = tuple[float | None, float | None]


def mean_std(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return mean and sample standard deviation (ddof 1); None where there are too few values."""
    mean = float(np.mean(values)) if len(values) else None
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return mean, std


@cache
def t_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t distribution with `freedom` degrees of freedom."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import, scipy.special a tenth of that

    return float(stdtrit(freedom, probability))


def resolution(values: Sequence[float]) -> float | None:
    """Return the least step between two of a metric's values, None where they are all the same."""
    steps = np.diff(np.unique(values))
    steps = steps[steps > ROUNDING * np.max(np.abs(values), initial=0.0)]
    return float(steps.min()) if steps.size else None


def constant(differences: Array, scale: float) -> bool:
    """Return whether the differences are one number but for rounding; `scale` is the size of what was subtracted."""
    return bool(np.ptp(differences) <= ROUNDING * scale)


def t_interval(differences: Array, step: float | None, scale: float, confidence: float = CONFIDENCE) -> Bounds:
    """Return the t interval of the mean.

    Args:
        differences: one a seed.
        step: the metric's resolution, for differences that do not vary.
        scale: the size of the figures that were subtracted.
        confidence: how often it holds the true mean.

    Returns:
        Its ends; None of fewer than two differences, and of differences that do not vary where no step is known.
    """
    if len(differences) < 2:
        return None, None
    mean = float(np.mean(differences))
    freedom = len(differences) - 1
    if not constant(differences, scale):
        half = t_quantile(0.5 + confidence / 2, freedom) * float(np.std(differences, ddof=1)) / len(differences) ** 0.5
    elif step is not None:
        half = step / freedom
    else:
        return None, None
    return mean - half, mean + half


def bootstrap_interval(differences: Array, scale: float) -> Bounds:
    """Return the expanded percentile interval of the mean over resampled seeds, always of the same resamples.

    The tails are taken at Phi(-sqrt(n / (n - 1)) t) instead of 2.5 %, which makes it as wide as the t interval on
    normal data and leaves it free to be lopsided on others (Hesterberg, What Teachers Should Know About the
    Bootstrap, The American Statistician 69, 2015, the section on small samples).

    Returns:
        Its ends; None of fewer than `BOOTSTRAP_SEEDS` differences, or when they do not vary.
    """
    from scipy.special import ndtr

    n = len(differences)
    if n < BOOTSTRAP_SEEDS or constant(differences, scale):
        return None, None
    tail = float(ndtr(-((n / (n - 1)) ** 0.5) * t_quantile(0.5 + CONFIDENCE / 2, n - 1)))
    low, high = np.quantile(differences[_resamples(n)].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


@cache
def _resamples(n: int) -> npt.NDArray[np.int64]:
    """Return which of n seeds each resample holds: (RESAMPLES, n)."""
    return np.random.default_rng(n).integers(0, n, (RESAMPLES, n))
