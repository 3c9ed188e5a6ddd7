"""What timings say: ratios, seconds and overheads with 95 % intervals over launches. NumPy and SciPy, no torch.

The statistical unit is the launch, not the turn: turns of one launch share the memory layout of their processes, so
that their spread says nothing of the next process. Turn j of launch i of every arm of one measurement are neighbours
in time, so a quotient is taken turn by turn, which removes the machine's drift; the median over a launch's turns is
that launch's one figure; and the interval is Student's t over the logarithms of those figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from optbench.results import PHASES, Cost

CONFIDENCE = 0.95
OWN = ("step", "schedule")
"""The phases that an optimizer decides; in all the others the arms of one recipe do the same work."""

Phase = str | Sequence[str]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ratio:
    """A positive quantity with its 95 % interval over launches: of one launch there is none (None).

    Also what `overhead` returns, which may be negative.
    """

    value: float
    low: float | None
    high: float | None
    launches: int

    @property
    def precision(self) -> float | None:
        """The interval's half-width relative to the value."""
        if self.low is None or self.high is None or not self.value:
            return None
        return abs((self.high - self.low) / 2 / self.value)

    @property
    def differs(self) -> bool | None:
        """Whether the interval excludes 1: a difference that is no noise; None without an interval."""
        return None if self.low is None or self.high is None else not self.low <= 1 <= self.high


def ratio(cost: Cost, other: Cost, phase: Phase = "iteration") -> Ratio | None:
    """Return `cost`'s time over `other`'s, both of one measurement.

    Args:
        cost: the arm above the line.
        other: the arm below it.
        phase: one of `results.PHASES`, `iteration`, or several phases whose sum is meant (`OWN`).

    Returns:
        The geometric mean over launches; None where either has no such samples.
    """
    return _geometric(launch_ratios(cost, other, phase))


def launch_ratios(cost: Cost, other: Cost, phase: Phase = "iteration") -> tuple[float, ...]:
    """Return one ratio a launch, the median of its turns' ratios; empty where either has no such samples."""
    return _by_launch(
        lambda mine, theirs: float(np.median(mine / theirs)), _samples(cost, phase), _samples(other, phase)
    )


def seconds(cost: Cost, phase: Phase = "iteration") -> Ratio | None:
    """Return the seconds that an iteration takes in a phase (as in `ratio`), None without samples."""
    return _geometric(_by_launch(lambda turns: float(np.median(turns)), _samples(cost, phase)))


def overhead(cost: Cost, base: Cost) -> Ratio | None:
    """Return how much longer an iteration is with `cost`'s optimizer than with `base`'s, as a fraction.

    Only the phases `OWN` can differ between arms of one recipe, so their difference is taken over an iteration whose
    other phases are pooled from both arms: (own - base's own) / (pooled others + base's own), by launch, with a 95 %
    t interval of the launches. None where either arm has no samples.
    """
    others = [phase for phase in PHASES if phase not in OWN]
    parts = [_samples(arm, phases) for arm in (cost, base) for phases in (OWN, others)]

    def one(own: Array, rest: Array, base_own: Array, base_rest: Array) -> float:
        return float(np.median((own - base_own) / ((rest + base_rest) / 2 + base_own)))

    return _interval(_by_launch(one, *parts))


def resolution(twin: Cost, base: Cost, phase: Phase = "iteration") -> float | None:
    """Return the noise floor that a baseline timed against itself shows: the least difference resolved, as a fraction.

    It is how far the interval of twin / base reaches from 1 on its wider side, so both a spread and an unfairness of
    the measurement show. None with fewer than two launches.
    """
    found = ratio(twin, base, phase)
    if found is None or found.low is None or found.high is None:
        return None
    return max(found.high - 1, 1 - found.low, 0.0)


def _samples(cost: Cost, phase: Phase) -> list[Array]:
    """Return seconds an iteration, an array of turns for each launch; empty where nothing was timed.

    Of several phases the sum; one that does not occur in the recipe took no time.
    """
    names = [phase] if isinstance(phase, str) else [name for name in phase if name in cost.samples]
    if cost.status != "ok" or not names or any(name not in cost.samples for name in names):
        return []
    parts = [[np.asarray(turns, dtype=float) for turns in cost.samples[name]] for name in names]
    return [np.sum(group, axis=0) for group in zip(*parts, strict=True)]


def _by_launch(figure: Callable[..., float], *samples: list[Array]) -> tuple[float, ...]:
    """Return one figure a launch, of the turns that all have; launches that one of them lacks are left out."""
    figures = []
    for group in zip(*samples, strict=False):
        turns = min(map(len, group))
        if turns:
            figures.append(figure(*(each[:turns] for each in group)))
    return tuple(figures)


def _geometric(figures: Sequence[float]) -> Ratio | None:
    """Return the geometric mean of positive figures with the t interval of their logarithms."""
    if not figures or min(figures) <= 0:
        return None
    found = _interval([float(log) for log in np.log(figures)])
    assert found is not None
    value, low, high = (None if each is None else float(np.exp(each)) for each in (found.value, found.low, found.high))
    assert value is not None
    return Ratio(value, low, high, found.launches)


def _interval(figures: Sequence[float]) -> Ratio | None:
    """Return the mean with its 95 % t interval; None of nothing, no interval of one figure."""
    count = len(figures)
    if not count:
        return None
    mean = float(np.mean(figures))
    if count == 1:
        return Ratio(mean, None, None, 1)
    half = _quantile(count - 1) * float(np.std(figures, ddof=1)) / count**0.5
    return Ratio(mean, mean - half, mean + half, count)


@cache
def _quantile(freedom: int) -> float:
    """Return the two-sided 95 % quantile of Student's t distribution."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import, scipy.special a tenth of that

    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2))
