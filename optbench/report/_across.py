"""The cost of several recipes side by side, in the form of the XGrad paper's Tables VIII and IX and Figure 6.

Rows are optimizers, columns are recipes. An overhead is that of weight prediction over its base, with the average and
the maximum over recipes that the paper quotes; without such a pair among the arms, that of the arms over the baselines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optbench.report._cells import NOTHING, Cell, Column, Section, seconds, sizes
from optbench.report._cost_notes import executors, synthetic
from optbench.report._notes import machine, settings
from optbench.report._time import PERCENT, base_of, growth
from optbench.stats import ArmSummary, Comparison, Ratio, times


@dataclass(frozen=True)
class Overhead:
    """What one optimizer costs above another, by recipe where both were measured; all as fractions.

    Attributes:
        optimizer, base: labels.
        own: of the optimizer's own phases in an iteration (`times.overhead`).
        epoch: of whole iterations timed side by side, ratio less 1: what the paper computes from epochs.
        memory: of the peak.
    """

    optimizer: str
    base: str
    own: dict[str, Ratio]
    epoch: dict[str, Ratio]
    memory: dict[str, float]


def title(comparisons: Sequence[Comparison]) -> str:
    """Return the one line above the tables."""
    text = f"cost on {len(comparisons)} recipes"
    return f"{text} [synthetic data]" if any(map(synthetic, comparisons)) else text


def sections(comparisons: Sequence[Comparison]) -> list[Section]:
    """Return the tables: epoch time, peak memory, and the overheads in both."""
    labels = list(dict.fromkeys(arm.optimizer for each in comparisons for arm in each.arms))
    first = Column(("optimizer",), tuple(map(Cell, labels)), "left")
    found = [
        Section(text, first, tuple(_column(each, labels, make) for each in comparisons))
        for text, make in (("time of a training epoch", _epoch), ("peak memory of a training iteration", _peak))
    ]
    pairs = overheads(comparisons)
    names = [each.recipe for each in comparisons]
    parts: dict[str, list[dict[str, Ratio]] | list[dict[str, float]]] = {
        "epoch time, overhead in %: the optimizers' own phases": [pair.own for pair in pairs],
        "epoch time, overhead in %: whole iterations": [pair.epoch for pair in pairs],
        "peak memory, overhead in %": [pair.memory for pair in pairs],
    }
    return found + [_overhead_section(text, pairs, values, names) for text, values in parts.items() if any(values)]


def notes(comparisons: Sequence[Comparison]) -> list[str]:
    """Return how to read the tables, and what was measured on what."""
    lines = [
        "overhead: ± is half the 95 % interval over launches; own phases: the two optimizers' difference in percent "
        "of an iteration whose other phases are pooled; whole iterations: their ratio less 1, as in the XGrad paper",
    ]
    lines += [f"{each.recipe}: {settings(each)}; {_launches(each)}" for each in comparisons]
    lines += [f"{each.recipe}: {text}" for each in comparisons if (text := executors(each))]
    return [*lines, machine(comparisons[0].machine)] if comparisons else lines


def overheads(comparisons: Sequence[Comparison]) -> list[Overhead]:
    """Return every pair's overheads, in the order of the first recipe that has the pair."""
    found: dict[tuple[str, str], Overhead] = {}
    based = any(base_of(arm, each.arms) for each in comparisons for arm in each.arms)
    for each in comparisons:
        for arm, base in _based(each) if based else _against_baselines(each):
            key = (arm.optimizer, base.optimizer)
            _add(found.setdefault(key, Overhead(*key, {}, {}, {})), each.recipe, arm, base)
    return list(found.values())


def average_and_maximum(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the mean over recipes and the largest; None of nothing."""
    return (sum(values) / len(values), max(values)) if values else (None, None)


def number(value: Ratio | float) -> float:
    """Return the number without its interval."""
    return value.value if isinstance(value, Ratio) else value


def _based(comparison: Comparison) -> list[tuple[ArmSummary, ArmSummary]]:
    return [(arm, base) for arm in comparison.arms if (base := base_of(arm, comparison.arms))]


def _against_baselines(comparison: Comparison) -> list[tuple[ArmSummary, ArmSummary]]:
    arms = [arm for arm in comparison.arms if arm.role != "baseline"]
    return [(arm, base) for base in comparison.arms if base.role == "baseline" for arm in arms]


def _add(overhead: Overhead, recipe: str, arm: ArmSummary, base: ArmSummary) -> None:
    """Enter what one recipe says of a pair."""
    if arm.cost is None or base.cost is None:
        return
    if own := times.overhead(arm.cost, base.cost):
        overhead.own[recipe] = own
    if whole := times.ratio(arm.cost, base.cost):
        low, high = (None if end is None else end - 1 for end in (whole.low, whole.high))
        overhead.epoch[recipe] = Ratio(whole.value - 1, low, high, whole.launches)
    if (memory := growth(arm.peak_memory_bytes, base.peak_memory_bytes)) is not None:
        overhead.memory[recipe] = memory


def _epoch(heading: str, arms: Sequence[ArmSummary | None]) -> Column:
    return seconds(heading, [arm.epoch_seconds if arm else None for arm in arms])


def _peak(heading: str, arms: Sequence[ArmSummary | None]) -> Column:
    return sizes(heading, [arm.peak_memory_bytes if arm else None for arm in arms])


def _column(
    comparison: Comparison, labels: Sequence[str], make: Callable[[str, Sequence[ArmSummary | None]], Column]
) -> Column:
    """Return one recipe's column, an arm that could not be measured with its reason."""
    by_label = {arm.optimizer: arm for arm in comparison.arms}
    arms = [by_label.get(label) for label in labels]
    column = make(comparison.recipe, arms)
    cells = tuple(
        Cell(arm.status.replace("_", " "), "failed") if arm and arm.status != "ok" and cell.text == NOTHING else cell
        for arm, cell in zip(arms, column.cells, strict=True)
    )
    return Column((*_heading(comparison.recipe), column.heading[-1]), cells)


def _heading(recipe: str) -> tuple[str, ...]:
    """Return a recipe's name in as many lines as it has folders."""
    *folders, name = recipe.split("/")
    return (*(f"{folder}/" for folder in folders), name)


def _overhead_section(
    text: str, pairs: Sequence[Overhead], values: Sequence[dict[str, Ratio] | dict[str, float]], names: Sequence[str]
) -> Section:
    cells = [[_percent(found.get(name)) for found in values] for name in names]
    columns = [Column(_heading(name), tuple(map(Cell, column))) for name, column in zip(names, cells, strict=True)]
    both = [average_and_maximum([number(value) for value in found.values()]) for found in values]
    for i, heading in enumerate(("average", "maximum")):
        columns.append(Column((heading,), tuple(Cell(_percent(pair[i])) for pair in both), group="summary"))
    first = Column(("optimizer",), tuple(Cell(f"{pair.optimizer} over {pair.base}") for pair in pairs), "left")
    return Section(text, first, tuple(columns))


def _percent(value: Ratio | float | None) -> str:
    """Return a fraction in percent, with half its interval where it has one."""
    if value is None:
        return NOTHING
    text = f"{PERCENT * number(value):+z.2f}"
    if not isinstance(value, Ratio) or value.low is None or value.high is None:
        return text
    return f"{text} ± {PERCENT * (value.high - value.low) / 2:.2f}"


def _launches(comparison: Comparison) -> str:
    measured = comparison.measurement
    if measured is None:
        return ""
    text = f"{measured.launches} launches x {measured.turns} turns, {measured.seconds:.0f} s"
    return text if measured.reached else f"{text}, the budget spent before the intervals were as narrow as asked"
