"""Curves of training by arm: a mean over seeds with its deviation, and the axes that show them. NumPy, no matplotlib.

Only runs that finished make a curve. One that did not is kept apart, as far as its figures are finite, and has no say
in where the axes end.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optbench.errors import OptbenchError, nearest
from optbench.results import RunResult
from optbench.stats import ArmSummary, Comparison

Array = npt.NDArray[np.float64]
LOSS, GRADIENTS = "loss", "gradients"
AXES = ("epoch", "update", "second")
_LOG_FROM = 30.0  # a quantity whose upper decile is so many times its lower one is drawn on a logarithmic scale
_FENCE = (
    3.0  # quartile distances beyond the quartiles where Tukey's outer fences stand (Exploratory Data Analysis, 1977)
)
_ROOM = 0.04  # of the axis left free at its ends


@dataclass(frozen=True)
class Curve:
    """One arm's curve.

    Attributes:
        arm: its label.
        x, mean: (points,), over the runs that finished; empty where none did.
        std: (points,), ddof 1; None with fewer than two such runs.
        finished, runs: how many runs finished, of how many.
        broken: x and y of each run that did not, up to its last finite figure.
    """

    arm: str
    x: Array
    mean: Array
    std: Array | None
    finished: int
    runs: int
    broken: tuple[tuple[Array, Array], ...]


@dataclass(frozen=True)
class Limits:
    """Where the y axis begins and ends, and whether it is logarithmic."""

    low: float
    high: float
    log: bool


def quantity(comparison: Comparison, wanted: str | None) -> str:
    """Return the name of what is drawn: a metric of the comparison (None: its primary one), or `loss`.

    Raises:
        OptbenchError: there is no such metric, or nothing was trained.
    """
    if not any(run.history for arm in comparison.arms for run in arm.runs):
        raise OptbenchError(
            f"{comparison.recipe}: no run has a history to draw", "draw stored runs, not a saved comparison or costs"
        )
    name = wanted or comparison.primary
    known = [*comparison.metrics, LOSS]
    if name not in known:
        raise OptbenchError(
            f"{comparison.recipe} has no curve of '{name}'", nearest(name, known) or f"draw one of {', '.join(known)}"
        )
    return name


def title(comparison: Comparison, name: str) -> str:
    """Return what the y axis says: which data, and what of them."""
    if name not in comparison.metrics:
        return "training loss"
    rows = [row for arm in comparison.arms for run in arm.runs for row in run.history]
    split = "test" if any("test" in row for row in rows) else "validation"
    return f"{split} {comparison.metrics[name].title}"


def most(comparison: Comparison, name: str) -> float:
    """Return the largest value that a quantity can have."""
    metric = comparison.metrics.get(name)
    return 100.0 if metric and metric.unit == "percent" else math.inf


def curves(comparison: Comparison, x: str, name: str) -> list[Curve]:
    """Return a curve for each arm, in the arms' order.

    Args:
        comparison: with its runs.
        x: one of `AXES`. Seconds are of training alone, by the run's own clock.
        name: what `quantity` returned.

    Raises:
        OptbenchError: the runs do not say how many updates they made.
    """
    return [_curve(arm, x, name) for arm in comparison.arms]


def limits(found: Sequence[Curve]) -> Limits:
    """Return axes in which the bulk of the finished curves fills the height, whatever a stray one does."""
    parts = [each.mean + sign * spread for each in found for sign in (-1, 1) for spread in [_spread(each)]]
    values = np.concatenate(parts or [np.empty(0)])
    if not values.size:
        values = np.concatenate([y for each in found for _, y in each.broken] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if not values.size:
        return Limits(0.0, 1.0, log=False)
    means = np.concatenate([each.mean for each in found] or [values])
    means = means[np.isfinite(means)] if means.size else values
    low, high = np.quantile(means, [0.1, 0.9])
    log = bool(means.min() > 0 and math.log(high) - math.log(low) > math.log(_LOG_FROM))
    scaled = np.log(values[values > 0]) if log else values
    first, third = np.quantile(scaled, [0.25, 0.75])
    reach = _FENCE * (third - first) or np.inf
    inside = scaled[(scaled >= first - reach) & (scaled <= third + reach)]
    low, high = float(inside.min()), float(inside.max())
    room = _ROOM * (high - low) or 0.05 * (abs(low) or 1.0)
    low, high = low - room, high + room
    return Limits(float(np.exp(low)), float(np.exp(high)), log=True) if log else Limits(low, high, log=False)


def outside(curve: Curve, found: Limits) -> bool:
    """Return whether nothing of the second half of a curve lies within the limits, so that it cannot be seen."""
    late = curve.mean[curve.mean.size // 2 :]
    return bool(late.size and not np.any((late >= found.low) & (late <= found.high)))


def _spread(curve: Curve) -> Array:
    return np.zeros_like(curve.mean) if curve.std is None else curve.std


def _curve(arm: ArmSummary, x: str, name: str) -> Curve:
    points = [_points(run, x, name) for run in arm.runs if run.status == "ok"]
    broken = tuple(_finite(*_points(run, x, name)) for run in arm.runs if run.status != "ok")
    count = min((each[0].size for each in points), default=0)
    across = np.array([each[0][:count] for each in points]).reshape(len(points), count)  # (seeds, points)
    up = np.array([each[1][:count] for each in points]).reshape(len(points), count)
    empty = np.empty(0)
    return Curve(
        arm=arm.optimizer,
        x=across.mean(axis=0) if points else empty,
        mean=up.mean(axis=0) if points else empty,
        std=up.std(axis=0, ddof=1) if len(points) > 1 else None,
        finished=len(points),
        runs=len(arm.runs),
        broken=tuple(each for each in broken if each[0].size),
    )


def _points(run: RunResult, x: str, name: str) -> tuple[Array, Array]:
    """Return a run's points; what is undefined is NaN."""
    if name == LOSS and x == "update" and any(row.get("losses") for row in run.history):
        pairs = np.array([pair for row in run.history for pair in row.get("losses", ())], dtype=float).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]
    if x == "second":
        across = np.cumsum([float(row["seconds"]) for row in run.history])
    else:
        across = np.array([_count(row.get("epoch" if x == "epoch" else "updates")) for row in run.history], dtype=float)
    figures = [_figure(row, name) for row in run.history]
    return across, np.array([np.nan if value is None else value for value in figures], dtype=float)


def _count(value: object) -> float:
    if not isinstance(value, int):
        raise OptbenchError(
            "these runs do not say how many updates they made: an older optbench trained them",
            "draw them by epoch, or train them again with --rerun",
        )
    return value


def _figure(row: object, name: str) -> float | None:
    assert isinstance(row, dict)
    value = row.get("train_loss") if name == LOSS else (row.get("validation") or row.get("test") or {}).get(name)
    return None if value is None else float(value)


def _finite(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the points before the first that is not finite."""
    wrong = np.flatnonzero(~np.isfinite(y))
    end = int(wrong[0]) if wrong.size else y.size
    return x[:end], y[:end]
