"""What of a run stands beside a published figure, and why the two may be of different things."""

from collections.abc import Mapping, Sequence
from typing import Any

from optbench import published
from optbench.overlay._types import COSTS, DATASETS, METRICS
from optbench.stats import ArmSummary

# what a batch counts, for every task
UNITS = {"classification": "images", "language_modeling": "columns", "translation": "tokens or pairs"}


def per_seed(arm: ArmSummary, table: published.Table, settings: Mapping[str, Any]) -> list[float | None]:
    """Return the values that a table's metric has in an arm's runs, one a seed; none where it is not measured.

    They are test figures, as the runs report them. A language model's figures that the paper calls validation figures
    are the best of validation data over the epochs, where the runs have some.

    Args:
        arm: with its runs.
        table: what was printed.
        settings: of the comparison, and the task's options.
    """
    name = METRICS.get(table.metric)
    if name is None or name not in arm.metrics or table.metric == _other_bleu(settings):
        return []
    if not of_validation(table, settings) or settings.get("protocol") == "paper":
        return list(arm.metrics[name].per_seed)
    best = min if table.direction == "lower" else max
    found: list[float | None] = []
    for run, reported in zip(arm.runs, arm.metrics[name].per_seed, strict=True):
        values = [row.get("validation", {}).get(name) for row in run.history]
        known = [value for value in values if value is not None]
        found.append(best(known) if known and reported is not None else None)
    return found


def _other_bleu(settings: Mapping[str, Any]) -> str:
    """Return which of the two BLEUs that papers tell apart is not the one measured."""
    return "bleu_detokenized_sacre" if settings.get("tokenize") == "none" else "bleu_tokenized"


def of_validation(table: published.Table, settings: Mapping[str, Any]) -> bool:
    """Tell whether a table's figures are of validation data that are not test data by another name.

    For images they are: those papers have one held-out split and call it now this, now that.
    """
    return settings.get("task") == "language_modeling" and table.split.startswith("validation")


def reasons(
    table: published.Table, rows: Sequence[published.Row], model: str, settings: Mapping[str, Any], exact: bool | None
) -> tuple[str, ...]:
    """Return why the figures of a table and of a comparison are of different things; empty where they are not.

    Args:
        table: what was printed.
        rows: its rows that are laid beside the comparison.
        model: as the paper names it.
        settings: of the comparison, and the task's options.
        exact: whether the data were the published files, bit for bit; None where that cannot be told.
    """
    found = []
    data = settings.get("data")
    if data not in {DATASETS.get(name.strip()) for name in table.dataset.split(",")} and table.metric in METRICS:
        found.append(f"other data ({data}, the paper has {table.dataset})")
    elif exact is False:
        found.append(f"other data (not the published files of {data})")
    if table.metric in COSTS:
        found.append(f"other hardware (the paper: {table.setting.get('hardware', 'unstated')})")
        if any(row.model != model for row in rows):
            found.append("the paper gives figures over several models only")
        return tuple(found)
    units = f"{UNITS.get(str(settings.get('task', 'classification')), 'examples')} a step"
    for key, stated_as, plural in (
        ("epochs", "epochs", "epochs"),
        ("batch_size", "batch", units),
        ("batch_size", "batch_tokens", units),
    ):
        stated = {row.keys.get(stated_as, table.setting.get(stated_as)) for row in rows}
        if stated and None not in stated:
            found += _other(settings.get(key), stated, plural, halves=stated_as == "batch_tokens")
    if of_validation(table, settings):
        if settings.get("protocol") == "paper":
            found.append(f"other split (test data, the paper has {table.split})")
    elif table.aggregate.startswith(("max", "min")) and settings.get("protocol") != "paper":
        found.append(f"other protocol (the paper: {table.aggregate} of its {table.dataset} test data)")
    return tuple(found)


def _other(mine: Any, stated: set[Any], plural: str, halves: bool) -> list[str]:
    """Return that a number is not a stated one; `halves`: nor half of it, where source and target may be counted."""
    if not isinstance(mine, int) or mine in stated or (halves and 2 * mine in stated):
        return []
    fewer = "fewer" if all(isinstance(one, int) and mine < one for one in stated) else "other"
    return [f"{fewer} {plural} ({mine}, the paper has {', '.join(map(str, sorted(stated)))})"]
