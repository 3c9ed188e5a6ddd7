"""What the arms cost, as it is drawn: an iteration's time by phase, and the parts of the memory at its peak."""

from statistics import fmean
from typing import Any

from optbench.report import _time
from optbench.report.html._curves import short
from optbench.results import PHASES, STATUSES, Ledger, RunResult
from optbench.stats import ArmSummary, Comparison

PARTS = (
    "parameters",
    "buffers",
    "gradients",
    "optimizer state",
    "XGrad's cache",
    "batch",
    "activations and temporaries",
)


def time_split(comparison: Comparison) -> dict[str, Any] | None:
    """Return `parts` (the phases that occur) and `rows`: seconds of each arm; None where none were measured."""
    medians = [_time.phase_medians(arm.cost) for arm in comparison.arms]
    phases = [phase for phase in PHASES if any(phase in row for row in medians)]
    if not phases:
        return None
    return {"parts": phases, "rows": [[short(row.get(phase)) for phase in phases] for row in medians]}


def memory(comparison: Comparison) -> dict[str, Any] | None:
    """Return `parts`, `rows` of bytes, and `totals`: the peaks; None where no memory was measured.

    What the ledger does not name at the peak is activations and temporaries: the peak less all the rest. Where the
    peak is set while something of the rest is not alive, such as gradients in forward, that part is 0 and the bar is
    longer than the peak, which is marked on it.
    """
    ledgers = [arm.cost.ledger if arm.cost else None for arm in comparison.arms]
    if not any(ledgers):
        return None
    rows = [_parts(ledger) if ledger else None for ledger in ledgers]
    used = [i for i in range(len(PARTS)) if any(row and row[i] for row in rows)]
    return {
        "parts": [PARTS[i] for i in used],
        "rows": [[row[i] for i in used] if row else [None] * len(used) for row in rows],
        "totals": [ledger.peak if ledger else None for ledger in ledgers],
    }


def _parts(ledger: Ledger) -> list[int]:
    known = [
        ledger.parameters,
        ledger.buffers,
        ledger.gradients,
        ledger.state - ledger.prediction_cache,
        ledger.prediction_cache,
        ledger.batch,
    ]
    return [*known, max(0, ledger.peak - sum(known))]


def status(row: ArmSummary) -> str:
    """Return how an arm's training ended, the worst of its runs; where all is well, whether its cost was measured."""
    failed = [each for each in STATUSES if each != "ok" and row.statuses.get(each)]
    return failed[-1] if failed else row.status


def arm(row: ArmSummary, runs: tuple[RunResult, ...], style: int) -> dict[str, Any]:
    """Return what the page knows of an arm: names, figures, and the number of its style."""
    trained = [entry["seconds"] for run in runs for entry in run.history if entry.get("seconds")]
    return {
        "name": row.optimizer,
        "full": row.canonical,
        "style": style,
        "role": row.role,
        "status": status(row),
        "executor": row.executor,
        "metrics": {name: [short(s.mean), short(s.std), s.seeds] for name, s in row.metrics.items()},
        "epoch": short(row.epoch_seconds),
        "trained": short(fmean(trained)) if trained else None,
        "peak": row.peak_memory_bytes,
        "state": row.state_bytes,
    }
