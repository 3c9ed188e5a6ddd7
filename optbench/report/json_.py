"""JSON (README, section JSON): strict, undefined numbers are null.

`optbench.compare/1` is one comparison; `optbench.comparisons/1` holds several, one a recipe, and overheads over all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from optbench.report import _across, _time, _verdict
from optbench.results import finite
from optbench.stats import ArmSummary, Comparison, Ratio

SCHEMA = "optbench.compare/1"
SEVERAL = "optbench.comparisons/1"


def render(comparison: Comparison) -> str:
    """Return one comparison as a JSON object with a final newline."""
    return text(document(comparison))


def render_several(comparisons: Sequence[Comparison]) -> str:
    """Return several comparisons as one JSON object with a final newline."""
    return text(
        {
            "schema": SEVERAL,
            "comparisons": [document(comparison) for comparison in comparisons],
            "overheads": [_overhead(found) for found in _across.overheads(comparisons)],
        }
    )


def text(found: Mapping[str, Any]) -> str:
    """Return a document as JSON with a final newline."""
    return json.dumps(finite(found), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def document(comparison: Comparison) -> dict[str, Any]:
    """Return the object of schema `optbench.compare/1`."""
    metrics = {
        metric.name: {"unit": metric.unit, "direction": metric.direction} for metric in comparison.metrics.values()
    }
    return {
        "schema": SCHEMA,
        "recipe": comparison.recipe,
        "settings": dict(comparison.settings),
        "machine": dict(comparison.machine),
        "seeds": list(comparison.seeds),
        "baselines": list(comparison.baselines),
        "primary": comparison.primary or None,
        "metrics": metrics,
        "family": comparison.family or None,
        "margins": dict(comparison.margins),
        "target": dict(zip(("metric", "value"), comparison.target, strict=True)) if comparison.target else None,
        "measurement": _measurement(comparison),
        "noise_floor": _noise(comparison),
        "arms": [_arm(arm, comparison) for arm in comparison.arms],
    }


def _arm(arm: ArmSummary, comparison: Comparison) -> dict[str, Any]:
    metrics = {
        name: {
            "mean": summary.mean,
            "std": summary.std,
            "per_seed": list(summary.per_seed),
            "difference": {base: _verdict.document(difference) for base, difference in summary.difference.items()},
        }
        for name, summary in arm.metrics.items()
    }
    return {
        "optimizer": arm.optimizer,
        "canonical": arm.canonical,
        "role": arm.role,
        "status": arm.status,
        "messages": list(arm.messages),
        "executor": arm.executor,
        "metrics": metrics,
        "to_target": _verdict.target_document(arm.to_target),
        **_cost(arm, comparison),
        "cached": arm.cached,
    }


def _cost(arm: ArmSummary, comparison: Comparison) -> dict[str, Any]:
    """Return what an arm costs; everything is null where it was not measured."""
    cost = arm.cost
    ratio = {base: found.value if found else None for base, found in arm.epoch_ratio.items()}
    if arm.optimizer in ratio and arm.epoch_seconds is not None:
        ratio[arm.optimizer] = 1.0
    return {
        "epoch_seconds": {
            "median": arm.epoch_seconds,
            "ratio": ratio,
            "warmup": arm.warmup_seconds,
            "timed_part": arm.timed_part,
        },
        "phases": _phases(arm),
        "iteration_ratio": _by_baseline(arm.epoch_ratio),
        "step_ratio": _by_baseline(arm.step_ratio),
        "overhead": _by_baseline(arm.overhead),
        "prediction": _prediction(arm, comparison),
        "peak_memory_bytes": arm.peak_memory_bytes,
        "state_bytes": arm.state_bytes,
        "memory": asdict(cost.ledger) if cost and cost.ledger else None,
        "parameters": cost.parameters if cost else None,
    }


def _phases(arm: ArmSummary) -> dict[str, Any]:
    """Return seconds of an iteration by phase: the median, and the mean over launches with its interval."""
    medians = _time.phase_medians(arm.cost)
    return {
        phase: {"median": medians[phase], **asdict(found)} for phase, found in _time.phase_seconds(arm.cost).items()
    }


def _ratio(found: Ratio | None) -> dict[str, Any] | None:
    """Return a quantity with its interval over launches."""
    return asdict(found) if found else None


def _by_baseline(found: Mapping[str, Ratio | None]) -> dict[str, Any]:
    return {base: _ratio(ratio) for base, ratio in found.items()}


def _prediction(arm: ArmSummary, comparison: Comparison) -> dict[str, Any] | None:
    found = _time.prediction(arm, comparison.arms)
    return {"base": found[0].optimizer, **asdict(found[1])} if found else None


def _measurement(comparison: Comparison) -> dict[str, Any] | None:
    measured = comparison.measurement
    if measured is None:
        return None
    return {
        "launches": measured.launches,
        "turns": measured.turns,
        "seconds": measured.seconds,
        "precision": measured.precision,
        "reached": measured.reached,
        "busy": list(measured.busy),
        "synthetic": measured.synthetic,
        "machine": dict(measured.machine),
        "cached": any(arm.cost is not None and arm.cost.cached for arm in comparison.arms),
    }


def _noise(comparison: Comparison) -> dict[str, Any] | None:
    found = _time.noise(comparison)
    if found is None:
        return None
    phases = {name: {**asdict(ratio), "resolution": found.resolution[name]} for name, ratio in found.ratio.items()}
    return {"baseline": found.baseline, **phases}


def _overhead(found: _across.Overhead) -> dict[str, Any]:
    """Return what one optimizer costs above another, as fractions."""
    return {
        "optimizer": found.optimizer,
        "base": found.base,
        "own_phases": _over_recipes(found.own),
        "iteration": _over_recipes(found.epoch),
        "peak_memory": _over_recipes(found.memory),
    }


def _over_recipes(found: Mapping[str, Ratio | float]) -> dict[str, Any]:
    """Return the average and the maximum over recipes, and each recipe's figure."""
    average, maximum = _across.average_and_maximum([_across.number(value) for value in found.values()])
    by_recipe = {name: asdict(value) if isinstance(value, Ratio) else value for name, value in found.items()}
    return {"average": average, "maximum": maximum, "by_recipe": by_recipe}
