"""How well the arms trained, as tables: metrics and differences, verdicts, and how soon they reach a target."""

from collections.abc import Sequence

from optbench.report import _verdict
from optbench.report._cells import NOTHING, Cell, Column, Section, intervals
from optbench.stats import ArmSummary, Comparison, Difference, Metric

_VERDICT_COLOURS = ("better", "worse")


def optimizers(comparison: Comparison) -> Column:
    """Return the column that names the arms."""
    cells = tuple(Cell(arm.optimizer, "" if arm.status == "ok" else "failed") for arm in comparison.arms)
    return Column(("optimizer",), cells, "left")


def sections(comparison: Comparison) -> list[Section]:
    """Return the tables of quality; none where nothing was trained."""
    if not comparison.metrics:
        return []
    first = optimizers(comparison)
    found = [Section("", first, tuple(_metrics(comparison)))]
    if verdicts := _verdicts(comparison):
        n = len(comparison.seeds)
        found.append(Section(f"verdict at {n} seeds", first, tuple(verdicts)))
    if comparison.target is not None:
        metric, value = comparison.target
        title = f"training until {comparison.metrics[metric].title} reaches {value:g}"
        found.append(Section(title, first, tuple(_to_target(comparison))))
    return found


def decimals(metric: Metric) -> int:
    """Return how many decimals a metric is shown with: 2 for percent, 4 for anything else."""
    return 2 if metric.unit == "percent" else 4


def _metrics(comparison: Comparison) -> list[Column]:
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


def _metric(comparison: Comparison, metric: Metric) -> Column:
    summaries = [arm.metrics[metric.name] for arm in comparison.arms]
    spread = _padded([summary.std for summary in summaries], f".{decimals(metric)}f")

    def cell(arm: ArmSummary, spread: str) -> Cell:
        mean = arm.metrics[metric.name].mean
        if mean is None:
            return Cell(NOTHING if arm.status == "ok" else arm.status.replace("_", " "), "failed")
        return Cell(f"{mean:.{decimals(metric)}f}" + (f" ± {spread}" if spread.strip() else ""))

    return Column((metric.title,), tuple(map(cell, comparison.arms, spread)))


def _padded(values: Sequence[float | None], form: str) -> list[str]:
    """Return the numbers in one width, so that what stands before them lines up too; nothing for None."""
    texts = ["" if value is None else format(value, form) for value in values]
    return [text.rjust(max(map(len, texts))) for text in texts]


def _difference(comparison: Comparison, metric: Metric, baseline: str) -> Column:
    found = _against(comparison, metric, baseline)
    cells = intervals(found, decimals(metric), sign="+")
    coloured = tuple(Cell(cell.text, _colour(value)) for cell, value in zip(cells, found, strict=True))
    return Column((metric.title, f"minus {baseline}"), coloured)


def _against(comparison: Comparison, metric: Metric, baseline: str) -> list[Difference | None]:
    """Return every arm's difference to a baseline, None for the baseline's own."""
    return [
        None if arm.optimizer == baseline else arm.metrics[metric.name].difference[baseline] for arm in comparison.arms
    ]


def _colour(difference: Difference | None) -> str:
    return difference.verdict if difference and difference.verdict in _VERDICT_COLOURS else ""


def _verdicts(comparison: Comparison) -> list[Column]:
    """Return a column of words for each metric and baseline; none where no verdict can be given."""
    columns, said = [], False
    for metric in comparison.metrics.values():
        for baseline in comparison.baselines:
            found = _against(comparison, metric, baseline)
            said = said or any(difference and difference.verdict for difference in found)
            cells = tuple(Cell(_verdict.cell(d) if d else NOTHING, _colour(d)) for d in found)
            columns.append(Column((metric.title, f"against {baseline}"), cells, "left", metric.name))
    return columns if said else []


def _to_target(comparison: Comparison) -> list[Column]:
    rows = [_verdict.target_cells(arm) for arm in comparison.arms]
    heads = (("seeds", "reaching it"), ("epochs", "median"), ("time", "median"))
    return [Column(head, tuple(Cell(row[i]) for row in rows)) for i, head in enumerate(heads)]
