"""What `optbench runs` prints of measurements of costs."""

import json
from collections.abc import Sequence
from statistics import median
from typing import Any

from optbench.cli._run_words import ago, counted, size, table, text
from optbench.runs import SCHEMA, StoredCost

DIGITS = 12  # of a key


def costs(found: Sequence[StoredCost], form: str) -> str:
    """Return the table of measurements, or all of them as JSON."""
    if form == "json":
        documents = [document(one) for one in found]
        return json.dumps({"schema": SCHEMA, "costs": documents}, indent=2, allow_nan=False)
    rows = [(one.key[:DIGITS], arms(one), size(one.bytes), ago(one.modified)) for one in found]
    foot = f"{counted(len(found), 'measurement')} of costs, {size(sum(one.bytes for one in found))}"
    lines = table(rows, ("key", "arms", "size", "written"))
    return "\n".join([*lines, *([""] if rows else []), foot])


def page(one: StoredCost) -> str:
    """Return the page of a measurement."""
    found = one.measurement
    if found is None:
        return f"measurement {one.key}\n\n  {one.path} is damaged"
    rows = [
        (cost.optimizer, cost.status, _milliseconds(cost.samples.get("step", ())), cost.executor, _bytes(cost))
        for cost in found.costs.values()
    ]
    facts = [
        ("launches:", found.launches),
        ("turns:", found.turns),
        ("time:", f"{found.seconds:.1f} s"),
        ("machine:", text(found.machine.get("processor"))),
        ("file:", one.path),
    ]
    lines = table(rows, ("optimizer", "status", "step ms", "executor", "peak memory"))
    return "\n".join([f"measurement {one.key}", "", *table(facts, ()), "", *lines])


def _milliseconds(launches: Sequence[Sequence[float]]) -> str:
    turns = [turn for launch in launches for turn in launch]
    return f"{1000 * median(turns):.3g}" if turns else ""


def _bytes(cost: Any) -> str:
    return size(cost.peak_memory_bytes) if cost.peak_memory_bytes is not None else ""


def document(one: StoredCost) -> dict[str, Any]:
    """Return a measurement ready for JSON."""
    found = one.measurement.to_dict() if one.measurement else None
    return {"key": one.key, "bytes": one.bytes, "modified": one.modified, "measurement": found}


def arms(one: StoredCost) -> str:
    """Return what was measured together."""
    if one.measurement is None:
        return "(damaged)"
    return ", ".join(cost.optimizer for cost in one.measurement.costs.values())
