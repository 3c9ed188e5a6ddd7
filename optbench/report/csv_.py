"""CSV: one line an arm, plain numbers in the JSON report's units, an empty field where one is undefined."""

import csv
import io
from collections.abc import Sequence

from optbench.report import _time
from optbench.stats import ArmSummary, Comparison, Ratio

_LEDGER = ("parameters", "gradients", "state_predicted", "prediction_cache", "step_transient", "peak_phase", "rss")


def render(comparisons: Sequence[Comparison]) -> str:
    """Return CSV with a heading line, the columns being all that any of the comparisons has."""
    rows = [_row(arm, comparison) for comparison in comparisons for arm in comparison.arms]
    heads = list(dict.fromkeys(name for row in rows for name in row)) or ["optimizer"]
    text = io.StringIO()
    writer = csv.DictWriter(text, heads, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(arm: ArmSummary, comparison: Comparison) -> dict[str, object]:
    row: dict[str, object] = {
        "recipe": comparison.recipe,
        "optimizer": arm.optimizer,
        "role": arm.role,
        "status": arm.status,
        "executor": arm.executor,
    }
    return row | _quality(arm) | _cost(arm, comparison)


def _quality(arm: ArmSummary) -> dict[str, object]:
    row: dict[str, object] = {}
    for name, summary in arm.metrics.items():
        row |= {f"{name}_mean": summary.mean, f"{name}_std": summary.std, f"{name}_seeds": summary.seeds}
        for baseline, difference in summary.difference.items():
            column = f"{name}_minus_{baseline}"
            row |= {
                column: difference.value,
                f"{column}_low": difference.low,
                f"{column}_high": difference.high,
                f"{column}_verdict": difference.verdict,
                f"{column}_seeds_needed": difference.seeds_needed,
            }
    if arm.to_target is not None:
        row |= {"target_reached": arm.to_target.reached, "target_epochs": arm.to_target.epochs}
        row["target_seconds"] = arm.to_target.seconds
    return row


def _cost(arm: ArmSummary, comparison: Comparison) -> dict[str, object]:
    """Return the cost's columns: always the old ones, the others where something was measured."""
    row: dict[str, object] = {"epoch_seconds": arm.epoch_seconds}
    for baseline, ratio in arm.epoch_ratio.items():
        own = 1.0 if arm.optimizer == baseline and arm.epoch_seconds is not None else None
        row |= _interval(f"epoch_ratio_{baseline}", ratio, own)
        row |= _interval(f"step_ratio_{baseline}", arm.step_ratio.get(baseline), own)
        row |= _interval(f"overhead_{baseline}", arm.overhead.get(baseline))
    row["peak_memory_bytes"] = arm.peak_memory_bytes
    row |= {f"peak_memory_ratio_{baseline}": ratio for baseline, ratio in arm.memory_ratio.items()}
    row["state_bytes"] = arm.state_bytes
    if comparison.measurement is None:
        return row
    row |= {f"{phase}_seconds": seconds for phase, seconds in _time.phase_medians(arm.cost).items()}
    ledger = arm.cost.ledger if arm.cost else None
    row |= {f"memory_{name}": getattr(ledger, name, None) for name in _LEDGER}
    found = _time.prediction(arm, comparison.arms)
    row |= {"prediction_base": found[0].optimizer if found else None, **_interval("prediction", found and found[1])}
    return row | {"launches": comparison.measurement.launches, "synthetic": comparison.measurement.synthetic}


def _interval(name: str, ratio: Ratio | None, own: float | None = None) -> dict[str, object]:
    """Return a ratio and its interval as three columns; `own` is a baseline's ratio to itself."""
    low, high = (ratio.low, ratio.high) if ratio else (None, None)
    return {name: ratio.value if ratio else own, f"{name}_low": low, f"{name}_high": high}
