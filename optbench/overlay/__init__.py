"""The paper's figures beside a run's: what was printed, what was measured, and whether that reproduces it. No torch.

A row is **reproduced** when both hold: its printed value lies in the interval (a 95 % prediction interval: where one
more run of ours would fall, since papers print single runs), and its order to the `against` row is the printed one with
a paired 95 % interval that leaves out 0 (for a printed tie: that holds it). Otherwise it is **not reproduced**, with
what failed. It is **not comparable** where the figures are of different things: other data, fewer epochs, another batch
or protocol, other hardware (times and bytes), a metric that is not measured, or a single seed, which has no interval.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from optbench import published
from optbench.overlay import _measured
from optbench.overlay._types import COSTS, METRICS, NOT_COMPARABLE, NOT_REPRODUCED, Line, Overlay, Part
from optbench.overlay._verdicts import best_of, judged, order
from optbench.stats import ArmSummary, Comparison, mean_std, t_quantile

if TYPE_CHECKING:
    from optbench.recipe import Recipe, Reproduces

__all__ = ["Line", "Overlay", "Part", "overlay"]


def overlay(comparison: Comparison, recipe: "Recipe", exact: bool | None = None) -> Overlay | None:
    """Lay the published results that a recipe reproduces beside a comparison.

    Args:
        comparison: of the recipe, perhaps with other epochs, seeds or arms.
        recipe: as it was run.
        exact: whether the data were the published files, bit for bit; None where that cannot be told.

    Returns:
        None where the recipe reproduces nothing, or none of the published optimizers was run.

    Raises:
        OptbenchError: the recipe names a table that its paper does not have.
    """
    target = recipe.published
    if target is None:
        return None
    arms = _arms(comparison, recipe, target)
    if not arms:
        return None
    paper = published.paper(target.paper)
    comparison = replace(comparison, settings={**recipe.task_options, **comparison.settings})
    parts = tuple(_part(paper.table(name), comparison, target, arms, exact) for name in target.tables)
    return Overlay(paper, tuple(part for part in parts if part.lines), _notes(paper, target))


def _arms(comparison: Comparison, recipe: "Recipe", target: "Reproduces") -> dict[str, ArmSummary]:
    """Return the arms that were run, by their reference in [published.arms]."""
    from optbench import optimizers

    def canonical(text: str) -> str:
        reference = optimizers.parse(text)
        return reference.resolve(recipe.defaults_for(reference.name)).canonical

    ran = {canonical(arm.optimizer): arm for arm in comparison.arms}
    return {reference: ran[key] for reference in target.arms if (key := canonical(reference)) in ran}


def _part(
    table: published.Table,
    comparison: Comparison,
    target: "Reproduces",
    arms: Mapping[str, ArmSummary],
    exact: bool | None,
) -> Part:
    """Return a table's rows of the recipe's model, each with its verdict."""
    rows = [row for row in table.rows if target.model in row.model and row.has(target.rows)]
    reasons = _measured.reasons(table, rows, target.model, comparison.settings, exact)
    by_row = {id(row): _arm_of(row, target, arms) for row in rows}
    base = next((row for row in rows if row.optimizer == target.against), None)
    lines = []
    for row in rows:
        line = _line(row, table, comparison, by_row[id(row)], target, arms)
        if line.measured is not None:
            other = by_row[id(base)] if base is not None and base is not row else None
            differences = _differences(by_row[id(row)], other, table, comparison)
            line = judged(line, row, base, differences, reasons)
        lines.append(line)
    orders = order(lines, table, "paper"), order(lines, table, "measured")
    best = best_of(rows, lines, table)
    return Part(table, target.model, reasons, (*lines, *best), orders)


def _arm_of(row: published.Row, target: "Reproduces", arms: Mapping[str, ArmSummary]) -> ArmSummary | None:
    return next((arm for reference, arm in arms.items() if row.has(target.arms[reference])), None)


def _line(
    row: published.Row,
    table: published.Table,
    comparison: Comparison,
    arm: ArmSummary | None,
    target: "Reproduces",
    arms: Mapping[str, ArmSummary],
) -> Line:
    """Return a row with what was measured, not judged yet."""
    label = row.optimizer + (f", {row.model}" if row.model != target.model else "")
    line = Line(label, arm.optimizer if arm else "", row.value, row.text, note=row.note)
    if arm is None:
        return replace(line, reason="not run")
    values = _values(arm, table, comparison, target, arms)
    mean, std = mean_std(values)
    if mean is None:
        failed = arm.status != "ok" and table.metric not in COSTS
        verdict = NOT_REPRODUCED if failed else NOT_COMPARABLE
        return replace(line, verdict=verdict, reason=arm.status.replace("_", " ") if failed else "not measured")
    half = None
    if std is not None:
        half = t_quantile(0.975, len(values) - 1) * std * (1 + 1 / len(values)) ** 0.5
    return replace(
        line,
        measured=mean,
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        seeds=len(values),
        difference=mean - row.value,
    )


def _differences(
    arm: ArmSummary | None, other: ArmSummary | None, table: published.Table, comparison: Comparison
) -> list[float] | None:
    """Return an arm's values less another's, paired by seed; None where there is no other."""
    if arm is None or other is None:
        return None
    mine, theirs = (_measured.per_seed(each, table, comparison.settings) for each in (arm, other))
    return [a - b for a, b in zip(mine, theirs, strict=True) if a is not None and b is not None]


def _values(
    arm: ArmSummary,
    table: published.Table,
    comparison: Comparison,
    target: "Reproduces",
    arms: Mapping[str, ArmSummary],
) -> list[float]:
    """Return what was measured of a table's metric: a value a seed, or one for a cost."""
    if table.metric in METRICS:
        return [value for value in _measured.per_seed(arm, table, comparison.settings) if value is not None]
    found: float | None = None
    if table.metric == "epoch_seconds":
        found = arm.epoch_seconds
    elif table.metric == "epoch_minutes":
        found = None if arm.epoch_seconds is None else arm.epoch_seconds / 60
    elif table.metric in COSTS:
        names = {str(target.arms[reference]["optimizer"]): other.optimizer for reference, other in arms.items()}
        base = names.get(target.against, "")
        if table.metric == "epoch_time_overhead":
            ratio = arm.epoch_ratio.get(base)
            found = None if ratio is None else 100 * (ratio.value - 1)
        else:
            share = arm.memory_ratio.get(base)
            found = None if share is None else 100 * (share - 1)
    return [] if found is None else [found]


def _notes(paper: published.Paper, target: "Reproduces") -> tuple[str, ...]:
    """Return the paper's claims about these tables that do not check out, and the flags that the recipe names."""
    claims = [
        f'{claim.where} claims "{claim.text}", which its tables do not bear out: {claim.note}'
        for claim in paper.claims
        if set(claim.tables) & set(target.tables) and claim.fails_for(target.model)
    ]
    flags = [paper.flags[name] for name in target.flags]
    return tuple([f"{flag.where}: {flag.problem}" for flag in flags] + claims)
