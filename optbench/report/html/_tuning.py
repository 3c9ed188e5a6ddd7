"""Tuning as it is drawn: trials over a hyper-parameter, and what the best of k trials gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from optbench.report.html._curves import short
from optbench.tune import ArmTuning, best_of_k


def tuning(arms: Sequence[ArmTuning], styles: Mapping[str, int]) -> dict[str, Any] | None:
    """Return what is drawn of the trials; None of none.

    `keys` are the hyper-parameters, the learning rate first; an arm's `trials` are [values by key, value], null where a
    trial failed or an arm has no such hyper-parameter; `best` is its place; `edges` where that lies at an edge:
    ``lower`` or ``upper`` by key; `curve` has [k, value, low, high].
    """
    if not arms:
        return None
    keys = sorted({key for arm in arms for trial in arm.trials for key in trial.values}, key=lambda k: (k != "lr", k))
    objective = arms[0].objective
    return {
        "metric": f"validation {objective.metric.replace('_', ' ')}",
        "lower": objective.direction == "lower",
        "keys": keys,
        "arms": [_arm(arm, keys, styles[arm.label]) for arm in arms],
    }


def _arm(arm: ArmTuning, keys: Sequence[str], style: int) -> dict[str, Any]:
    curve = best_of_k([trial.value for trial in arm.trials], arm.objective.direction)
    return {
        "name": arm.label,
        "style": style,
        "trials": [[[short(trial.values.get(key)) for key in keys], short(trial.value)] for trial in arm.trials],
        "best": arm.trials.index(arm.best) if arm.best.value is not None else None,
        "edges": {key: "lower" if below else "upper" for key, below in arm.edges().items()},
        "curve": [[p.k, short(p.value), short(p.low), short(p.high)] for p in curve],
    }
