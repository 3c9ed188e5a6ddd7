"""Columns of a comparison as text, shared by the terminal table and the Markdown tables.

All cells of a column have the same unit and the same number of decimals, so that the eye can compare them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optbench.stats import ArmSummary, Comparison, Difference, Metric

NOTHING = "–"


@dataclass(frozen=True)
class Cell:
    """Text, and what it says of the arm: ``better`` or ``worse`` beyond chance, ``failed``, or nothing."""

    text: str
    verdict: str = ""


@dataclass(frozen=True)
class Column:
    """A heading of one or more lines, and a cell for every arm in the comparison's order."""

    heading: tuple[str, ...]
    cells: tuple[Cell, ...]
    align: str = "right"


def optimizers(comparison: Comparison) -> Column:
    """Return the column that names the arms."""
    cells = tuple(Cell(arm.optimizer, "" if arm.status == "ok" else "failed") for arm in comparison.arms)
    return Column(("optimizer",), cells, "left")


def quality(comparison: Comparison) -> list[Column]:
    """Return the primary metric, its difference to each baseline, then the other metrics.

    Where an arm has fewer figures than seeds, a column says how many.
    """
    first = comparison.metrics[comparison.primary]
    others = [metric for metric in comparison.metrics.values() if metric.name != first.name]
    columns = [_metric(comparison, first)]
    columns += [_difference(comparison, first, baseline) for baseline in comparison.baselines]
    columns += [_metric(comparison, metric) for metric in others]
    counts = [arm.metrics[first.name].seeds for arm in comparison.arms]
    total = len(comparison.seeds)
    if any(count < total for count in counts):
        cells = tuple(Cell(f"{n} of {total}", "failed" if n < total else "") for n in counts)
        columns.insert(1, Column(("seeds", "finished"), cells))
    return columns


def cost(comparison: Comparison) -> list[Column]:
    """Return epoch time, peak memory, their ratios to each baseline, state and executor."""
    arms = comparison.arms
    columns = [Column(("epoch", "time"), _seconds([arm.epoch_seconds for arm in arms]))]
    for name in comparison.baselines:
        columns.append(Column(("time", f"/ {name}"), _ratios([arm.epoch_ratio.get(name) for arm in arms])))
    columns.append(Column(("peak", "memory"), _bytes([arm.peak_memory_bytes for arm in arms])))
    for name in comparison.baselines:
        columns.append(Column(("memory", f"/ {name}"), _ratios([arm.memory_ratio.get(name) for arm in arms])))
    columns.append(Column(("optimizer", "state"), _bytes([arm.state_bytes for arm in arms])))
    executors = tuple(Cell(arm.executor or NOTHING) for arm in arms)
    columns.append(Column(("executor",), executors, "left"))
    return columns


def decimals(metric: Metric) -> int:
    """Return how many decimals a metric is shown with: 2 for percent, 4 for anything else."""
    return 2 if metric.unit == "percent" else 4


def _metric(comparison: Comparison, metric: Metric) -> Column:
    summaries = [arm.metrics[metric.name] for arm in comparison.arms]
    spread = _padded([summary.std for summary in summaries], f".{decimals(metric)}f")

    def cell(arm: ArmSummary, spread: str) -> Cell:
        mean = arm.metrics[metric.name].mean
        if mean is None:
            return Cell(NOTHING if arm.status == "ok" else arm.status.replace("_", " "), "failed")
        return Cell(f"{mean:.{decimals(metric)}f}" + (f" ± {spread}" if spread.strip() else ""))

    return Column((metric.title,), tuple(map(cell, comparison.arms, spread)))


def _difference(comparison: Comparison, metric: Metric, baseline: str) -> Column:
    form = f"+.{decimals(metric)}f"
    found = [arm.metrics[metric.name].difference[baseline] for arm in comparison.arms]
    others = [d for arm, d in zip(comparison.arms, found, strict=True) if arm.optimizer != baseline]
    wide = [max(map(len, _padded([getattr(d, end) for d in others], form)), default=0) for end in ("low", "high")]

    def cell(arm: ArmSummary, difference: Difference) -> Cell:
        if arm.optimizer == baseline or difference.value is None:
            return Cell(NOTHING)
        text = format(difference.value, form)
        if difference.low is None or difference.high is None:
            return Cell(text)
        low, high = (format(end, form).rjust(w) for end, w in zip((difference.low, difference.high), wide, strict=True))
        return Cell(f"{text} [{low}, {high}]", _verdict(difference, metric))

    return Column((metric.title, f"minus {baseline}"), tuple(map(cell, comparison.arms, found)))


def _padded(values: Sequence[float | None], form: str) -> list[str]:
    """Return the numbers in one width, so that what stands before them lines up too; nothing for None."""
    texts = ["" if value is None else format(value, form) for value in values]
    return [text.rjust(max(map(len, texts))) for text in texts]


def _verdict(difference: Difference, metric: Metric) -> str:
    """Return on which side of zero the whole interval lies, or nothing."""
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return ""
    return "better" if (difference.low > 0) == (metric.direction == "higher") else "worse"


def _ratios(values: Sequence[float | None]) -> tuple[Cell, ...]:
    return tuple(Cell(NOTHING if value is None else f"{value:.2f}x") for value in values)


def _seconds(values: Sequence[float | None]) -> tuple[Cell, ...]:
    return _scaled(values, ((1.0, "s"), (1e-3, "ms")), lambda value: 3 if value < 10 else 1)


def _bytes(values: Sequence[float | None]) -> tuple[Cell, ...]:
    units = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
    return _scaled(values, units, lambda value: 2 if value < 100 else 1)


def _scaled(
    values: Sequence[float | None],
    units: Sequence[tuple[float, str]],
    digits: Callable[[float], int],
) -> tuple[Cell, ...]:
    """Return the values in the largest unit that the largest value reaches, or else the smallest unit."""
    largest = max((value for value in values if value is not None), default=0.0)
    scale, unit = next(((scale, unit) for scale, unit in units if largest >= scale), units[-1])
    places = 0 if unit == "B" else digits(largest / scale)
    return tuple(Cell(NOTHING if value is None else f"{value / scale:.{places}f} {unit}") for value in values)
