"""From runs to a comparison: means over seeds, differences paired by seed, verdicts, ratios of cost, ranks.

Every arm of a comparison trains with the same seeds, so seed k gives each arm the same initial weights and
the same order of the data. A difference to a baseline is therefore taken seed by seed, which removes the spread
that the arms share.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from optbench.results import STATUSES, Cost, Measurement
from optbench.stats import times
from optbench.stats._types import ArmResult, ArmSummary, Comparison, Difference, Metric, Summary
from optbench.stats.intervals import mean_std, resolution
from optbench.stats.target import to_target
from optbench.stats.times import Ratio
from optbench.stats.tolerance import Tolerance
from optbench.stats.verdicts import Paired, difference, judge

Figures = Mapping[str, tuple[float | None, ...]]  # by the arm's label, in the order of the seeds


def paired_difference(
    arm: Sequence[float | None], baseline: Sequence[float | None], step: float | None = None
) -> Difference:
    """Return the mean of `arm` - `baseline` over the seeds that both have, with its intervals and no verdict.

    Args:
        arm: in the order of the seeds; None marks a run that did not finish.
        baseline: likewise.
        step: the metric's resolution, which differences that do not vary need for an interval.
    """
    return difference(Paired.of(arm, baseline), step)


def compare(
    arms: Sequence[ArmResult],
    metrics: Sequence[Metric],
    primary: str,
    *,
    recipe: str = "",
    settings: Mapping[str, object] | None = None,
    machine: Mapping[str, object] | None = None,
    margins: Mapping[str, Tolerance] | None = None,
    target: tuple[str, float] | None = None,
    measurement: Measurement | None = None,
) -> Comparison:
    """Summarise `arms` over their seeds and against the arms whose role is ``baseline``.

    Args:
        arms: every arm with one run a seed, the same seeds for all; or all without runs, where only cost was measured.
        metrics: the task's metrics; none where only cost was measured.
        primary: the name of the metric that ranks the arms.
        recipe: the recipe's name.
        settings: the recipe's settings as they were run, for the reports.
        machine: what ran, for the reports.
        margins: by metric, the difference below which two arms are equivalent.
        target: a metric's name and the value to reach in it.
        measurement: the session that the arms' costs are from.

    Raises:
        ValueError: the arms differ in their seeds, or two have the same label.
    """
    seeds = _common_seeds(arms)
    by_name = {metric.name: metric for metric in metrics}
    baselines = [arm for arm in arms if arm.role == "baseline"]
    summaries = {metric.name: _summaries(arms, metric, (margins or {}).get(metric.name)) for metric in metrics}
    rows = []
    for arm in arms:
        own = {name: of_arm[arm.label] for name, of_arm in summaries.items()}
        rows.append(_row(arm, own, baselines, (by_name[target[0]], target[1]) if target else None))
    return Comparison(
        recipe=recipe,
        settings=settings or {},
        machine=machine or {},
        primary=primary,
        metrics=by_name,
        baselines=tuple(arm.label for arm in baselines),
        seeds=seeds,
        arms=tuple(_ranked(rows, by_name.get(primary))),
        family=_family(arms) if metrics and len(seeds) > 1 else "",
        margins={name: str(margin) for name, margin in (margins or {}).items()},
        target=target,
        measurement=measurement,
    )


def _common_seeds(arms: Sequence[ArmResult]) -> tuple[int, ...]:
    seeds = tuple(sorted({run.seed for arm in arms for run in arm.runs}))
    for arm in arms:
        if tuple(sorted(run.seed for run in arm.runs)) != seeds:
            raise ValueError(f"{arm.label} was not run with the seeds {seeds}")
    if len({arm.label for arm in arms}) != len(arms):
        raise ValueError("two arms have the same label")
    return seeds


def _families(arms: Sequence[ArmResult]) -> list[list[ArmResult]]:
    """Return the arms that are judged together: those asked about; the baselines among themselves are another."""
    by_role = [[arm for arm in arms if arm.role == role] for role in ("arm", "baseline")]
    return [family for family in by_role if family]


def _family(arms: Sequence[ArmResult]) -> str:
    """Return in words what Holm corrects over; empty where no family has two members."""
    asked = sum(arm.role == "arm" for arm in arms)
    baselines = sum(arm.role == "baseline" for arm in arms)
    parts = [f"the {asked} optimizers compared"] if asked > 1 and baselines else []
    parts += [f"the {baselines - 1} other baselines"] if baselines > 2 else []
    return " and, apart, ".join(parts) + ", for each metric and baseline" if parts else ""


def _summaries(arms: Sequence[ArmResult], metric: Metric, margin: Tolerance | None) -> dict[str, Summary]:
    """Return every arm's summary of one metric, by label."""
    figures = {arm.label: _per_seed(arm, metric.name) for arm in arms}
    against: dict[str, dict[str, Difference]] = {arm.label: {} for arm in arms}
    for base in (arm for arm in arms if arm.role == "baseline"):
        for label, found in _differences(arms, base, figures, metric, margin).items():
            against[label][base.label] = found
    summaries = {}
    for label, values in figures.items():
        mean, std = mean_std(_known(values))
        summaries[label] = Summary(mean, std, values, against[label])
    return summaries


def _differences(
    arms: Sequence[ArmResult], base: ArmResult, figures: Figures, metric: Metric, margin: Tolerance | None
) -> dict[str, Difference]:
    """Return every arm's difference to one baseline; its own is 0 by definition, and without a verdict."""
    step = resolution([value for values in figures.values() for value in _known(values)])
    mean, _ = mean_std(_known(figures[base.label]))
    pairs = {arm.label: Paired.of(figures[arm.label], figures[base.label]) for arm in arms}
    found = {label: difference(pair, step) for label, pair in pairs.items()}
    for family in _families(arms):
        labels = [arm.label for arm in family if arm is not base]
        allowed = margin.of(mean) if margin and mean is not None else None
        found.update(
            zip(labels, judge([pairs[label] for label in labels], metric.direction, allowed, step), strict=True)
        )
    n = len(_known(figures[base.label]))
    end = 0.0 if n > 1 else None
    found[base.label] = Difference(0.0 if n else None, end, end, n)
    return found


def _row(
    arm: ArmResult,
    summaries: Mapping[str, Summary],
    baselines: Sequence[ArmResult],
    target: tuple[Metric, float] | None,
) -> ArmSummary:
    runs = sorted(arm.runs, key=lambda run: run.seed)
    statuses: list[str] = [run.status for run in runs]
    cost = arm.cost
    failed = [part.message for part in (*runs, cost) if part and part.status != "ok" and part.message]
    return ArmSummary(
        optimizer=arm.label,
        role=arm.role,
        status=max((*statuses, cost.status if cost else "ok"), key=STATUSES.index),
        executor=arm.executor,
        metrics=summaries,
        epoch_seconds=arm.epoch_seconds,
        epoch_ratio=_against(arm, baselines, times.ratio),
        warmup_seconds=cost.warmup_seconds if cost else None,
        timed_part=min(1.0, cost.iterations / cost.epoch_iterations) if cost and cost.epoch_iterations else None,
        peak_memory_bytes=arm.peak_memory_bytes,
        memory_ratio={base.label: _ratio(arm.peak_memory_bytes, base.peak_memory_bytes) for base in baselines},
        state_bytes=arm.state_bytes,
        statuses={status: statuses.count(status) for status in STATUSES if status in statuses},
        messages=tuple(dict.fromkeys(failed)),
        cached=sum(run.cached for run in runs),
        canonical=arm.canonical,
        seed_statuses=tuple(statuses),
        cost=cost,
        step_ratio=_against(arm, baselines, lambda own, base: times.ratio(own, base, times.OWN)),
        overhead=_against(arm, baselines, times.overhead),
        to_target=to_target(runs, *target, arm.epoch_seconds) if target and runs else None,
        runs=tuple(runs),
    )


def _against(
    arm: ArmResult, baselines: Sequence[ArmResult], find: Callable[[Cost, Cost], Ratio | None]
) -> dict[str, Ratio | None]:
    """Return `find` of the arm's cost and each baseline's; None to itself, or where one has no cost."""
    return {
        base.label: find(arm.cost, base.cost) if arm.cost and base.cost and base.label != arm.label else None
        for base in baselines
    }


def _per_seed(arm: ArmResult, name: str) -> tuple[float | None, ...]:
    """Return the metric by ascending seed; a run that did not finish has none, whatever it last reported."""
    runs = sorted(arm.runs, key=lambda run: run.seed)
    return tuple(_finite(run.metrics.get(name)) if run.status == "ok" else None for run in runs)


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _ratio(value: float | None, baseline: float | None) -> float | None:
    return value / baseline if value is not None and baseline else None


def _ranked(arms: Sequence[ArmSummary], primary: Metric | None) -> list[ArmSummary]:
    """Return the arms, best mean of `primary` first; those with a failed run last, by how it failed."""

    def rank(arm: ArmSummary) -> tuple[int, float]:
        mean = arm.metrics[primary.name].mean if primary else 0.0
        sign = -1.0 if primary and primary.direction == "higher" else 1.0
        return STATUSES.index(arm.status), float("inf") if mean is None else sign * mean

    return sorted(arms, key=rank)
