"""What tuning found, as text and for JSON: chosen values, best-of-k curves, spaces that were too small."""

import json
from collections.abc import Sequence
from typing import Any

from optbench.stats import Comparison
from optbench.tune import ArmTuning, best_of_k

SCHEMA = "optbench.tune/1"


def text(arms: Sequence[ArmTuning], heading: str) -> str:
    """Return the tables of a tuning for a terminal.

    Args:
        arms: as `optbench.tune.tune` returned them.
        heading: what was tuned, on what.
    """
    from tabulate import tabulate

    rows = [(arm.label, _values(arm), _number(arm.best.value), arm.search.describe()) for arm in arms]
    trials = max(len(arm.trials) for arm in arms)
    chosen = tabulate(
        rows, ("arm", "chosen", f"validation, best of {trials}", "searched"), tablefmt="plain", disable_numparse=True
    )
    curves = tabulate(_curves(arms), headers="firstrow", tablefmt="plain", disable_numparse=True)
    blocks = [heading, _indented(chosen), "best of k trials, expected, with its 95 % interval", _indented(curves)]
    return "\n\n".join([*blocks, "\n".join(notes(arms))]).rstrip() + "\n"


def notes(arms: Sequence[ArmTuning]) -> list[str]:
    """Return what a reader must know of the trials, a sentence each."""
    found = []
    for arm in arms:
        found += [f"{arm.label}: the best lay at the edge, so the space was extended: {how}" for how in arm.extended]
        if edges := arm.edges():
            found.append(f"{arm.label}: the best still lies at the edge of {', '.join(edges)}: give a larger --budget")
        failed = [trial.status for trial in arm.trials if trial.status != "ok"]
        if failed:
            kinds = ", ".join(f"{failed.count(status)} {status.replace('_', ' ')}" for status in dict.fromkeys(failed))
            found.append(f"{arm.label}: {kinds} of {len(arm.trials)} trials")
        if arm.best.value is None:
            found.append(f"{arm.label}: no trial succeeded; its values stay as they are")
    found.append("a best of several is chosen on the data that it is measured on, and so flatters; test is below")
    return found


def document(arms: Sequence[ArmTuning], about: dict[str, Any], comparison: Comparison) -> str:
    """Return a tuning as JSON text: schema `optbench.tune/1`.

    Args:
        arms: as `optbench.tune.tune` returned them.
        about: recipe, metric, seeds, the file that was written.
        comparison: of the chosen values on test data; its document is the value of `comparison`.
    """
    from optbench.report import render

    found = {
        "schema": SCHEMA,
        **about,
        "arms": [_arm_document(arm) for arm in arms],
        "notes": notes(arms),
        "comparison": json.loads(render(comparison, "json")),
    }
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _arm_document(arm: ArmTuning) -> dict[str, Any]:
    return {
        "optimizer": arm.label,
        "searched": arm.search.describe(),
        "extended": arm.extended,
        "at_edge": list(arm.edges()),
        "best": dict(arm.best.values) if arm.best.value is not None else None,
        "value": arm.best.value,
        "trials": [
            {"values": dict(trial.values), "value": trial.value, "status": trial.status} for trial in arm.trials
        ],
        "best_of_k": [
            {"k": point.k, "value": point.value, "low": point.low, "high": point.high} for point in _curve(arm)
        ],
    }


def _curve(arm: ArmTuning) -> Any:
    return best_of_k([trial.value for trial in arm.trials], arm.objective.direction)


def _curves(arms: Sequence[ArmTuning]) -> list[list[str]]:
    """Return the rows of the table of curves, the first its headings: k = 1, 2, 4, ... and all."""
    most = max(len(arm.trials) for arm in arms)
    shown = sorted({2**power for power in range(most.bit_length()) if 2**power <= most} | {most})
    rows = [["arm", *(f"k = {k}" for k in shown)]]
    for arm in arms:
        by_k = {point.k: point for point in _curve(arm)}
        cells = [by_k.get(k) for k in shown]
        rows.append(
            [arm.label, *(f"{c.value:.2f} [{c.low:.2f}, {c.high:.2f}]" if c is not None else "–" for c in cells)]
        )
    return rows


def _values(arm: ArmTuning) -> str:
    if arm.best.value is None:
        return "–"
    return " ".join(f"{key}={value:g}" for key, value in arm.best.values.items())


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _indented(block: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in block.splitlines())
