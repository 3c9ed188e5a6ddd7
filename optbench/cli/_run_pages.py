"""What `optbench runs` prints: a table of runs, and the page of one."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.cli import _run_costs
from optbench.cli._run_costs import DIGITS
from optbench.cli._run_words import ago, counted, number, size, status, table, text
from optbench.runs import SCHEMA, Stored, StoredCost, document

if TYPE_CHECKING:
    from optbench.results import RunResult

_ROWS = 40  # of a history


def line(one: Stored | StoredCost) -> str:
    """Return a line about a run or a measurement."""
    if isinstance(one, StoredCost):
        return f"{one.key[:DIGITS]} {_run_costs.arms(one)}, {size(one.bytes)}"
    about = f"{one.recipe_name or '?'} {one.reference or '?'} seed {text(one.seed)}"
    return f"{one.key[:DIGITS]} {about}, {status(one.status)}, {size(one.bytes)}"


def listing(runs: Sequence[Stored], everything: Sequence[Stored], costs: Sequence[StoredCost], folder: Path) -> str:
    """Return the table of runs, and below it the room that these and all take."""
    rows = [
        [
            run.key[:DIGITS],
            run.recipe_name or "?",
            run.reference or "?",
            text(run.seed),
            status(run.status),
            _metric(run.result),
            "" if run.current else "other version",
            size(run.bytes),
            ago(run.modified),
        ]
        for run in runs
    ]
    headings = ["key", "recipe", "optimizer", "seed", "status", "figure", "made by", "size", "written"]
    shown = [i for i in range(len(headings)) if i != 6 or any(row[6] for row in rows)]
    rows, headings = [[row[i] for i in shown] for row in rows], [headings[i] for i in shown]
    total = sum(run.bytes for run in everything)
    measured = sum(one.bytes for one in costs)
    ours = f"{counted(len(runs), 'run')}, {size(sum(run.bytes for run in runs))}"
    of_all = f"; in all {counted(len(everything), 'run')}, {size(total)}" if len(runs) < len(everything) else ""
    foot = f"{ours}{of_all}; {counted(len(costs), 'measurement')} of costs, {size(measured)}; in {folder}"
    return "\n".join([*table(rows, headings), *([""] if rows else []), foot])


def page(one: Stored | StoredCost, form: str) -> str:
    """Return the page of a run or a measurement."""
    if form == "json":
        found = _run_costs.document(one) if isinstance(one, StoredCost) else document(one)
        return json.dumps({"schema": SCHEMA, **found}, indent=2, allow_nan=False)
    return _run_costs.page(one) if isinstance(one, StoredCost) else _run_page(one)


def _run_page(run: Stored) -> str:
    result = run.result
    facts: list[tuple[str, object]] = [
        ("recipe", run.recipe_name),
        ("optimizer", run.reference),
        ("in full", run.canonical),
        ("seed", run.seed),
        ("status", status(run.status)),
        ("message", result.message if result else ""),
        *((name.replace("_", " "), number(value)) for name, value in (result.metrics if result else {}).items()),
        ("figures of", result.reported if result else ""),
        ("executor", result.executor if result else ""),
        ("parameters", f"{result.parameters:,}" if result and result.parameters else ""),
        ("state", size(result.state_bytes) if result and result.state_bytes is not None else ""),
        ("time", f"{result.seconds:.1f} s" if result else ""),
        ("made by", "this version" if run.current else "another version of optbench, torch or Python"),
        ("created", run.created),
        ("written", datetime.fromtimestamp(run.modified).astimezone().isoformat(" ", "seconds")),
        ("size", size(run.bytes)),
        ("folder", run.folder),
    ]
    parts = [f"run {run.key}", "\n".join(table([(f"{k}:", v) for k, v in facts if v not in (None, "")], ()))]
    settings = [(f"{key}:", text(value)) for key, value in _flat(run.spec.get("recipe", {}))]
    settings += [(f"{key}:", text(run.spec[key])) for key in ("device", "precision", "threads") if key in run.spec]
    if settings:
        parts.append("\n".join(["settings", *table(settings, ())]))
    if result and result.history:
        parts.append("\n".join(["history", *_history(result.history)]))
    return "\n\n".join(parts)


def _flat(recipe: Any) -> list[tuple[str, object]]:
    """Return a recipe's settings; those that are switched off or empty are left out."""
    if not isinstance(recipe, Mapping):
        return []
    found: list[tuple[str, object]] = []
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            found += [(f"{key}.{name}", each) for name, each in value.items() if each not in (None, [], "")]
        elif value not in (None, False, "none"):
            found.append((key, value))
    return found


def _history(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the epochs as a table; of a long history evenly spaced ones, and the last."""
    step = -(-len(history) // _ROWS)
    shown = [row for i, row in enumerate(history, 1) if i % step == 0 or i in (1, len(history))]
    rows: list[dict[str, str]] = []
    for row in shown:
        cells = {key.replace("_", " "): value for key, value in row.items() if isinstance(value, (int, float))}
        for split in ("validation", "test"):
            cells |= {f"{split} {name.replace('_', ' ')}": v for name, v in (row.get(split) or {}).items()}
        rows.append({key: number(value) for key, value in cells.items()})
    headings = list(dict.fromkeys(key for row in rows for key in row))
    return table([[row.get(key, "") for key in headings] for row in rows], headings)


def _metric(result: "RunResult | None") -> str:
    """Return the first figure of a run that has any."""
    known = [(name, value) for name, value in (result.metrics if result else {}).items() if value is not None]
    return f"{known[0][0].replace('_', ' ')} {number(known[0][1])}" if known else ""
