"""From runs to a comparison: means over seeds, differences paired by seed, ranks. NumPy and SciPy, no torch.

Every arm of a comparison trains with the same seeds, so seed k gives each arm the same initial weights and
the same order of the data. A difference to a baseline is therefore taken seed by seed, which removes the spread
that the arms share, and its 95 % interval is Student's t over those paired differences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from optbench.results import STATUSES, Cost, RunResult

CONFIDENCE = 0.95


class Metric(Protocol):
    """What statistics need to know of a task's metric; `optbench.tasks.Metric` is one."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def direction(self) -> str: ...  # "higher" or "lower" is better
    @property
    def title(self) -> str: ...


@dataclass(frozen=True)
class ArmResult:
    """One optimizer of a comparison as it came from training and measuring: its runs by seed, and its cost.

    Attributes:
        label: the reference as the user wrote it; names the arm in every report.
        role: ``arm``, ``baseline`` or ``reference``.
        executor: what ran the optimizer's step: ``cpu``, ``eager``, ``torch``, ...
        runs: one result a seed.
        cost: time and memory, or None where none could be measured.
    """

    label: str
    role: str
    executor: str
    runs: tuple[RunResult, ...]
    cost: Cost | None = None

    @property
    def epoch_seconds(self) -> float | None:
        """Seconds of a training epoch, the median over the rounds that were timed."""
        return self.cost.median_epoch_seconds if self.cost else None

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most bytes alive in a training iteration."""
        return self.cost.peak_memory_bytes if self.cost else None

    @property
    def state_bytes(self) -> int | None:
        """Bytes of the optimizer's state: as measured with the cost, or else as a run reported them."""
        if self.cost and self.cost.state_bytes is not None:
            return self.cost.state_bytes
        return next((run.state_bytes for run in self.runs if run.state_bytes is not None), None)

    def epoch_ratio(self, baseline: "ArmResult") -> float | None:
        """Return epoch time over the baseline's: the median of the ratios of neighbours in time."""
        if not self.cost or not baseline.cost:
            return None
        return _finite(self.cost.ratio.get(baseline.cost.canonical))


@dataclass(frozen=True)
class Difference:
    """Arm minus baseline, mean over the `seeds` seeds that both finished, with its 95 % interval.

    `value` is None without a common seed; `low` and `high` are None with fewer than two.
    """

    value: float | None
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True)
class Summary:
    """One metric of one arm: `mean` and `std` (ddof 1) over the seeds that finished.

    `per_seed` is in the order of `Comparison.seeds`, None where the run did not finish.
    """

    mean: float | None
    std: float | None
    per_seed: tuple[float | None, ...]
    difference: Mapping[str, Difference]  # by the baseline's label

    @property
    def seeds(self) -> int:
        """Number of seeds behind the mean."""
        return sum(value is not None for value in self.per_seed)


@dataclass(frozen=True)
class ArmSummary:
    """One row of a comparison. Times in seconds, sizes in bytes; None where undefined."""

    optimizer: str
    role: str
    status: str  # the worst of its runs and of its cost measurement
    executor: str
    metrics: Mapping[str, Summary]
    epoch_seconds: float | None  # of training, evaluation excluded
    epoch_ratio: Mapping[str, float | None]  # by the baseline's label
    warmup_seconds: float | None  # compilation and first touch of memory, not in epoch_seconds
    timed_part: float | None  # share of an epoch that was timed; below 1 epoch_seconds is scaled up
    peak_memory_bytes: int | None
    memory_ratio: Mapping[str, float | None]
    state_bytes: int | None
    statuses: Mapping[str, int] = field(default_factory=dict)  # how many runs ended with which status
    messages: tuple[str, ...] = ()  # why runs failed, each reason once
    cached: int = 0  # runs that came from the store


@dataclass(frozen=True)
class Comparison:
    """All that a report needs; arms are ranked by the primary metric, arms with a failed run last."""

    recipe: str
    settings: Mapping[str, object]
    machine: Mapping[str, object]
    primary: str
    metrics: Mapping[str, Metric]
    baselines: tuple[str, ...]
    seeds: tuple[int, ...]
    arms: tuple[ArmSummary, ...]


def mean_std(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return mean and sample standard deviation (ddof 1); None where there are too few values."""
    mean = float(np.mean(values)) if len(values) else None
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return mean, std


def paired_difference(arm: Sequence[float | None], baseline: Sequence[float | None]) -> Difference:
    """Return the mean of `arm` - `baseline` over the seeds that both have, with its 95 % t interval.

    Both sequences are in the order of the seeds; None marks a run that did not finish.
    """
    pairs = [(a, b) for a, b in zip(arm, baseline, strict=True) if a is not None and b is not None]
    mean, std = mean_std([a - b for a, b in pairs])
    if mean is None or std is None:
        return Difference(mean, None, None, len(pairs))
    half = t_quantile(0.5 + CONFIDENCE / 2, len(pairs) - 1) * std / len(pairs) ** 0.5
    return Difference(mean, mean - half, mean + half, len(pairs))


def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution with `freedom` degrees of freedom."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import, scipy.special a tenth of that

    return float(stdtrit(freedom, probability))


def compare(
    arms: Sequence[ArmResult],
    metrics: Sequence[Metric],
    primary: str,
    *,
    recipe: str = "",
    settings: Mapping[str, object] | None = None,
    machine: Mapping[str, object] | None = None,
) -> Comparison:
    """Summarise `arms` over their seeds and against the arms whose role is ``baseline``.

    Args:
        arms: every arm with one run a seed, the same seeds for all.
        metrics: the task's metrics.
        primary: the name of the metric that ranks the arms.
        recipe: the recipe's name.
        settings: the recipe's settings as they were run, for the reports.
        machine: what ran, for the reports.

    Raises:
        ValueError: the arms differ in their seeds, or two have the same label.
    """
    seeds = tuple(sorted({run.seed for arm in arms for run in arm.runs}))
    for arm in arms:
        if tuple(sorted(run.seed for run in arm.runs)) != seeds:
            raise ValueError(f"{arm.label} was not run with the seeds {seeds}")
    if len({arm.label for arm in arms}) != len(arms):
        raise ValueError("two arms have the same label")
    baselines = [arm for arm in arms if arm.role == "baseline"]
    rows = [_summary(arm, baselines, metrics) for arm in arms]
    by_name = {metric.name: metric for metric in metrics}
    return Comparison(
        recipe=recipe,
        settings=settings or {},
        machine=machine or {},
        primary=primary,
        metrics=by_name,
        baselines=tuple(arm.label for arm in baselines),
        seeds=seeds,
        arms=tuple(_ranked(rows, by_name[primary])),
    )


def _summary(arm: ArmResult, baselines: Sequence[ArmResult], metrics: Sequence[Metric]) -> ArmSummary:
    statuses: list[str] = [run.status for run in arm.runs]
    cost = arm.cost
    failed = [part.message for part in (*arm.runs, cost) if part and part.status != "ok" and part.message]
    return ArmSummary(
        optimizer=arm.label,
        role=arm.role,
        status=max((*statuses, cost.status if cost else "ok"), key=STATUSES.index),
        executor=arm.executor,
        metrics={metric.name: _metric(arm, baselines, metric.name) for metric in metrics},
        epoch_seconds=arm.epoch_seconds,
        epoch_ratio={base.label: arm.epoch_ratio(base) for base in baselines},
        warmup_seconds=cost.warmup_seconds if cost else None,
        timed_part=min(1.0, cost.timed_iterations / cost.epoch_iterations) if cost and cost.epoch_iterations else None,
        peak_memory_bytes=arm.peak_memory_bytes,
        memory_ratio={base.label: _ratio(arm.peak_memory_bytes, base.peak_memory_bytes) for base in baselines},
        state_bytes=arm.state_bytes,
        statuses={status: statuses.count(status) for status in STATUSES if status in statuses},
        messages=tuple(dict.fromkeys(failed)),
        cached=sum(run.cached for run in arm.runs),
    )


def _metric(arm: ArmResult, baselines: Sequence[ArmResult], name: str) -> Summary:
    values = _per_seed(arm, name)
    mean, std = mean_std([value for value in values if value is not None])
    against = {base.label: paired_difference(values, _per_seed(base, name)) for base in baselines}
    return Summary(mean, std, values, against)


def _per_seed(arm: ArmResult, name: str) -> tuple[float | None, ...]:
    """Return the metric by ascending seed; a run that did not finish has none, whatever it last reported."""
    runs = sorted(arm.runs, key=lambda run: run.seed)
    return tuple(_finite(run.metrics.get(name)) if run.status == "ok" else None for run in runs)


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _ratio(value: float | None, baseline: float | None) -> float | None:
    return value / baseline if value is not None and baseline else None


def _ranked(arms: Sequence[ArmSummary], primary: Metric) -> list[ArmSummary]:
    """Return the arms, best mean of `primary` first; those with a failed run last, by how it failed."""
    sign = -1.0 if primary.direction == "higher" else 1.0

    def rank(arm: ArmSummary) -> tuple[int, float]:
        mean = arm.metrics[primary.name].mean
        return STATUSES.index(arm.status), float("inf") if mean is None else sign * mean

    return sorted(arms, key=rank)
