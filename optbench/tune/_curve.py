"""How good the best of k trials is: expected, with its interval, from all the trials that were made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
SEED = 0  # the interval of the same trials is the same


@dataclass(frozen=True)
class Point:
    """The expected value of the best of k trials, and its 95 % bootstrap interval over the trials."""

    k: int
    value: float
    low: float
    high: float


def best_of_k(values: Sequence[float | None], direction: str) -> list[Point]:
    """Return the curve for k from 1 to the number of trials; empty where no trial succeeded.

    With the n values in ascending order the expected maximum of k of them, drawn without replacement, is the sum over i
    of C(i - 1, k - 1) / C(n, k) times the i-th (the unbiased estimate; Dodge et al. 2019, arXiv:1909.03004, has the
    biased one). The interval resamples the trials. A trial that failed counts as the worst that succeeded.

    Args:
        values: of the trials; None for one that failed.
        direction: `higher` or `lower` is better.
    """
    known = [value for value in values if value is not None]
    if not known:
        return []
    sign = 1.0 if direction == "higher" else -1.0
    worst = min(sign * value for value in known)
    scores = np.array([worst if value is None else sign * value for value in values])
    n = len(scores)
    weights = np.array([[math.comb(i, k - 1) / math.comb(n, k) for i in range(n)] for k in range(1, n + 1)])
    draws = np.random.default_rng(SEED).integers(0, n, (RESAMPLES, n))
    resampled = _expected(weights, scores[draws])
    ends = sign * np.quantile(resampled, [0.025, 0.975], axis=0)
    expected = sign * _expected(weights, scores[None])[0]
    low, high = np.sort(ends, axis=0)
    return [Point(k + 1, float(expected[k]), float(low[k]), float(high[k])) for k in range(n)]


def _expected(weights: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the expected maxima (samples, k) of scores (samples, trials)."""
    found: npt.NDArray[np.float64] = np.sort(scores, axis=1) @ weights.T
    return found
