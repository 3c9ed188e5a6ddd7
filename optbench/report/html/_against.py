"""Differences to any arm as the baseline: to those of the comparison as they were judged there, to others as quickly.

What has a baseline of the reader's choice is told at once: the page computes nothing.
"""

from collections.abc import Sequence
from typing import Any

from optbench.report import _verdict
from optbench.report.html._curves import short
from optbench.stats import LEVEL, ArmSummary, Comparison, Difference, Metric, Ratio, times
from optbench.stats.intervals import resolution, t_interval
from optbench.stats.verdicts import Paired, holm

Cell = list[Any] | None
"""[value, low, high] and, of a difference, its verdict and the words for it; None of the baseline itself."""


def differences(comparison: Comparison, metric: Metric) -> list[list[Cell]]:
    """Return for every arm as the baseline all arms' differences to it, both in the comparison's order."""
    figures = [arm.metrics[metric.name].per_seed for arm in comparison.arms]
    step = resolution([value for values in figures for value in values if value is not None])
    found = []
    for number, base in enumerate(comparison.arms):
        if base.optimizer in comparison.baselines:
            own = [arm.metrics[metric.name].difference[base.optimizer] for arm in comparison.arms]
            rows: list[Cell] = [_difference(each) for each in own]
        else:
            rows = _quick([Paired.of(each, figures[number]) for each in figures], number, metric.direction, step)
        rows[number] = None
        found.append(rows)
    return found


def _difference(found: Difference) -> Cell:
    words = "" if found.verdict == "" else _verdict.cell(found)
    return [short(found.value), short(found.low), short(found.high), found.verdict, words]


def _quick(pairs: Sequence[Paired], base: int, direction: str, step: float | None) -> list[Cell]:
    """Return differences with t intervals and verdicts, Holm's correction over all other arms; no bootstrap."""
    tested = [i for i, pair in enumerate(pairs) if i != base and len(pair.differences) > 1]
    corrected = dict(zip(tested, holm([pairs[i].p() or 0.0 for i in tested]), strict=True))
    found: list[Cell] = []
    for i, pair in enumerate(pairs):
        if not len(pair.differences):
            found.append([None, None, None, "", ""])
            continue
        low, high = t_interval(pair.differences, step, pair.scale)
        verdict = ""
        if i in corrected:
            better = (pair.mean > 0) == (direction == "higher")
            verdict = ("better" if better else "worse") if corrected[i] <= LEVEL else "not distinguishable"
        found.append([short(pair.mean), short(low), short(high), verdict, verdict])
    return found


def overheads(comparison: Comparison) -> list[list[Cell]] | None:
    """Return as `differences` how much longer an iteration is, in percent; None where no times were measured."""
    if not any(arm.cost and arm.cost.samples for arm in comparison.arms):
        return None
    return [[_overhead(arm, base) for arm in comparison.arms] for base in comparison.arms]


def _overhead(arm: ArmSummary, base: ArmSummary) -> Cell:
    if arm is base:
        return None
    found: Ratio | None = arm.overhead.get(base.optimizer)
    if found is None and arm.cost and base.cost:
        found = times.overhead(arm.cost, base.cost)
    if found is None:
        return [None, None, None]
    return [None if each is None else short(100 * each) for each in (found.value, found.low, found.high)]
