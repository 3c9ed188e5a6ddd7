"""CSV: one line an arm, plain numbers in the JSON report's units, an empty field where one is undefined."""

import csv
import io

from optbench.stats import ArmSummary, Comparison


def render(comparison: Comparison, *, width: int | None = None, colour: bool = False) -> str:
    """Return CSV with a heading line; `width` and `colour` mean nothing here."""
    rows = [_row(arm, comparison) for arm in comparison.arms]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["optimizer"], lineterminator="\n")
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
    for name, summary in arm.metrics.items():
        row |= {f"{name}_mean": summary.mean, f"{name}_std": summary.std, f"{name}_seeds": summary.seeds}
        for baseline, difference in summary.difference.items():
            column = f"{name}_minus_{baseline}"
            row |= {
                column: difference.value,
                f"{column}_low": difference.low,
                f"{column}_high": difference.high,
            }
    row["epoch_seconds"] = arm.epoch_seconds
    row |= {f"epoch_ratio_{baseline}": ratio for baseline, ratio in arm.epoch_ratio.items()}
    row["peak_memory_bytes"] = arm.peak_memory_bytes
    row |= {f"peak_memory_ratio_{baseline}": ratio for baseline, ratio in arm.memory_ratio.items()}
    row["state_bytes"] = arm.state_bytes
    return row
