"""Where the figures of a report come from: data, settings, machine, versions, seeds, and how every run ended."""

from collections.abc import Mapping, Sequence

from optbench.report import _notes
from optbench.report._cells import NOTHING, Cell, Column, Section
from optbench.report._quality import decimals
from optbench.report.html._types import Data, Entry
from optbench.results import RunResult
from optbench.stats import Comparison

Facts = tuple[tuple[str, str], ...]


def facts(entry: Entry) -> Facts:
    """Return headings and values; what is not known is left out."""
    comparison = entry.comparison
    seeds = ", ".join(map(str, comparison.seeds))
    found = [
        *_data(entry.data),
        ("settings", _notes.settings(comparison)),
        ("seeds", seeds),
        ("baselines", ", ".join(comparison.baselines)),
        ("machine", _notes.machine(comparison.machine)),
        *_measured(comparison),
        ("runs", _runs(comparison)),
    ]
    return tuple((heading, value) for heading, value in found if value)


def stand_in(entry: Entry) -> str:
    """Return the sentence that names data which stand in for others; empty where they do not."""
    data = entry.data
    if data is None or not data.stand_in_for:
        return ""
    return f"{entry.comparison.recipe}: {data.name} ({data.title}) stands in for {data.stand_in_for}."


def _data(data: Data | None) -> list[tuple[str, str]]:
    if data is None:
        return []
    splits = ", ".join(f"{name} {count:,}" for name, count in data.splits.items())
    return [
        ("data", f"{data.name}: {data.title}" if data.title else data.name),
        ("stands in for", data.stand_in_for),
        ("data found", data.provenance),
        ("source", data.source),
        ("licence", data.licence),
        (f"{data.examples} in each split", splits),
        ("SHA-256 of the data", data.checksum),
    ]


def _measured(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the machine that costs were measured on where that is told by other words than the machine."""
    found = comparison.measurement
    if found is None or all(comparison.machine.get(key) == value for key, value in found.machine.items()):
        return []
    return [("costs measured on", _notes.machine(found.machine))]


def _runs(comparison: Comparison) -> str:
    cached, total = sum(arm.cached for arm in comparison.arms), len(comparison.arms) * len(comparison.seeds)
    return f"{total}, {cached} of them from the store" if total else ""


def runs_table(comparison: Comparison) -> Section | None:
    """Return a table of the primary metric by arm and seed, or how the run ended; None where nothing was trained."""
    metric = comparison.metrics.get(comparison.primary)
    if metric is None or not comparison.seeds:
        return None
    first = Column(("optimizer",), tuple(Cell(arm.optimizer) for arm in comparison.arms), "left")
    columns = []
    for number, seed in enumerate(comparison.seeds):
        cells = []
        for arm in comparison.arms:
            status, value = arm.seed_statuses[number], arm.metrics[metric.name].per_seed[number]
            if status != "ok":
                cells.append(Cell(status.replace("_", " "), "failed"))
            else:
                cells.append(Cell(NOTHING if value is None else f"{value:.{decimals(metric)}f}"))
        columns.append(Column((f"seed {seed}",), tuple(cells)))
    return Section(f"{metric.title} of every run", first, tuple(columns))


def failures(runs: Mapping[str, Sequence[RunResult]]) -> list[str]:
    """Return a sentence for each run that did not finish: its curve is drawn as far as it goes."""
    return [
        f"{label}, seed {run.seed}: {run.status.replace('_', ' ')}, with {len(run.history)} "
        f"{'epoch' if len(run.history) == 1 else 'epochs'} recorded" + (f" ({run.message})" if run.message else "")
        for label, own in runs.items()
        for run in sorted(own, key=lambda run: run.seed)
        if run.status != "ok"
    ]
