"""What the arms cost in memory, as a table: the ledger of a training iteration."""

from collections.abc import Callable

from optbench.report._cells import NOTHING, Cell, Column, Section, ratios, sizes
from optbench.report._quality import optimizers
from optbench.results import Ledger
from optbench.stats import ArmSummary, Comparison

_DEVICE = ("requested", "allocated", "reserved", "process")  # of a CUDA device


def section(comparison: Comparison) -> list[Section]:
    """Return the table of memory, in a list; an empty one where none was measured."""
    arms = comparison.arms
    if not any(_ledger(arm) for arm in arms):
        return []

    def column(heading: str, pick: Callable[[Ledger], int | None]) -> Column:
        return sizes(heading, [pick(ledger) if (ledger := _ledger(arm)) else None for arm in arms])

    columns = [
        column("parameters", lambda ledger: ledger.parameters),
        column("gradients", lambda ledger: ledger.gradients),
        _state(comparison, column("state", lambda ledger: ledger.state)),
    ]
    if any(ledger.prediction_cache for arm in arms if (ledger := _ledger(arm))):
        columns.append(column("XGrad's cache", lambda ledger: ledger.prediction_cache))
    columns += [column("transient", lambda ledger: ledger.step_transient), column("peak", lambda ledger: ledger.peak)]
    columns.append(Column(("peak", "set by"), tuple(Cell(_phase(arm)) for arm in arms), "left"))
    for name in comparison.baselines:
        columns.append(ratios(("peak", f"/ {name}"), [arm.memory_ratio.get(name) for arm in arms]))
    columns += _process(comparison)
    return [Section("memory of a training iteration", optimizers(comparison), tuple(columns))]


def unpredicted(arm: ArmSummary) -> bool:
    """Return whether the optimizer's state has another size than its rule's slots predict."""
    ledger = _ledger(arm)
    return ledger is not None and ledger.state_predicted not in (None, ledger.state)


def _ledger(arm: ArmSummary) -> Ledger | None:
    return arm.cost.ledger if arm.cost else None


def _phase(arm: ArmSummary) -> str:
    ledger = _ledger(arm)
    return ledger.peak_phase if ledger else NOTHING


def _state(comparison: Comparison, column: Column) -> Column:
    """Return the column of states with those marked that their rules do not predict."""
    marked = [
        Cell(cell.text, "failed" if unpredicted(arm) else "")
        for arm, cell in zip(comparison.arms, column.cells, strict=True)
    ]
    return Column(column.heading, tuple(marked))


def _process(comparison: Comparison) -> list[Column]:
    """Return what the process or the device holds, beside what the tensors take."""
    ledgers = [_ledger(arm) for arm in comparison.arms]
    columns = []
    for key in _DEVICE:
        if any(ledger and key in ledger.device for ledger in ledgers):
            columns.append(sizes(key, [ledger.device.get(key) if ledger else None for ledger in ledgers]))
    if any(ledger and ledger.rss is not None for ledger in ledgers):
        columns.append(sizes("resident", [ledger.rss if ledger else None for ledger in ledgers]))
    return columns
