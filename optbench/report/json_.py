"""JSON of schema `optbench.compare/1` (README, section JSON): strict, undefined numbers are null."""

import json

from optbench.stats import ArmSummary, Comparison

SCHEMA = "optbench.compare/1"


def render(comparison: Comparison, *, width: int | None = None, colour: bool = False) -> str:
    """Return one JSON object with a final newline; `width` and `colour` mean nothing here."""
    document = {
        "schema": SCHEMA,
        "recipe": comparison.recipe,
        "settings": dict(comparison.settings),
        "machine": dict(comparison.machine),
        "seeds": list(comparison.seeds),
        "baselines": list(comparison.baselines),
        "primary": comparison.primary,
        "metrics": {
            metric.name: {"unit": metric.unit, "direction": metric.direction} for metric in comparison.metrics.values()
        },
        "arms": [_arm(arm) for arm in comparison.arms],
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _arm(arm: ArmSummary) -> dict[str, object]:
    metrics = {
        name: {
            "mean": summary.mean,
            "std": summary.std,
            "per_seed": list(summary.per_seed),
            "difference": {
                baseline: {"value": difference.value, "low": difference.low, "high": difference.high}
                for baseline, difference in summary.difference.items()
            },
        }
        for name, summary in arm.metrics.items()
    }
    return {
        "optimizer": arm.optimizer,
        "role": arm.role,
        "status": arm.status,
        "messages": list(arm.messages),
        "executor": arm.executor,
        "metrics": metrics,
        "epoch_seconds": {
            "median": arm.epoch_seconds,
            "ratio": dict(arm.epoch_ratio),
            "warmup": arm.warmup_seconds,
            "timed_part": arm.timed_part,
        },
        "peak_memory_bytes": arm.peak_memory_bytes,
        "state_bytes": arm.state_bytes,
        "cached": arm.cached,
    }
