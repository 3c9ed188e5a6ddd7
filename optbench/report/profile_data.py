"""A profile as JSON of schema `optbench.profile/1` (README, section JSON), and as CSV."""

import csv
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optbench.report import json_

if TYPE_CHECKING:
    from optbench.measure._profiled import ArmProfile, Profile
    from optbench.measure.scale import ScalePoint

SCHEMA = "optbench.profile/1"


def json_text(profile: "Profile") -> str:
    """Return one JSON object with a final newline; times in seconds, sizes in bytes, undefined numbers null."""
    return json_.text(document(profile))


def document(profile: "Profile") -> dict[str, Any]:
    """Return the object of schema `optbench.profile/1`."""
    measured = profile.measurement
    facts = ("launches", "turns", "seconds", "precision", "reached", "busy", "synthetic")
    return {
        "schema": SCHEMA,
        "recipe": profile.recipe,
        "settings": dict(profile.settings),
        "machine": dict(profile.machine),
        "measurement": {name: getattr(measured, name) for name in facts},
        "arms": [_arm(arm) for arm in profile.arms],
        "scale": [_point(point) for point in profile.scale],
    }


def _arm(arm: "ArmProfile") -> dict[str, Any]:
    own = asdict(arm)
    total = arm.epoch_seconds
    parts = own.pop("parts")
    own["epoch"] = {
        "seconds": total,
        "parts": {name: {"seconds": value, "share": value / total if total else None} for name, value in parts.items()},
    }
    own["memory"] = own.pop("ledger")
    return own


def _point(point: "ScalePoint") -> dict[str, Any]:
    return asdict(point) | {"memory_bytes": point.memory_bytes}


def csv_text(profile: "Profile") -> str:
    """Return CSV: a line an arm, then a line for each optimizer at each size, told apart by the column `row`."""
    rows = [_arm_row(arm) for arm in profile.arms] + [{"row": "scale"} | _point(point) for point in profile.scale]
    text = io.StringIO()
    heads = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, heads, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _arm_row(arm: "ArmProfile") -> dict[str, Any]:
    row: dict[str, Any] = {"row": "arm"} | {
        name: getattr(arm, name) for name in ("optimizer", "role", "status", "executor", "parameters", "base")
    }
    row["epoch_seconds"] = arm.epoch_seconds
    row |= {f"{name}_seconds": value for name, value in arm.parts.items() if name != "step"}
    row["step_without_prediction_seconds"] = arm.parts.get("step")
    row |= {name: getattr(arm, name) for name in ("iteration_seconds", "step_seconds", "samples_per_second")}
    row |= asdict(arm.step) if arm.step else {}
    if arm.ledger:
        found = asdict(arm.ledger)
        nested = {f"peak_{name}": size for name, size in found.pop("peaks").items()}
        nested |= {f"device_{name}": size for name, size in found.pop("device").items()}
        row |= {f"memory_{name}": value for name, value in (found | nested).items()}
    return row
