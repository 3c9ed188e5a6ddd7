"""Stored runs as text for other programs: JSON lines, and histories as CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from optbench.results import finite
from optbench.runs._stored import Stored

SCHEMA = "optbench.runs/1"


def document(run: Stored) -> dict[str, Any]:
    """Return a run ready for JSON: where it is, what it is and what came of it."""
    kept = ("key", "recipe_name", "reference", "canonical", "seed", "status", "bytes", "modified", "created")
    facts: dict[str, Any] = {name: getattr(run, name) for name in kept}
    result = run.result.to_dict() if run.result else None
    return {**facts, "current": run.current, "spec": finite(run.spec), "result": result}


def json_lines(runs: Iterable[Stored]) -> str:
    """Return the runs as JSON, one a line: `document`, with the schema."""
    lines = (json.dumps({"schema": SCHEMA, **document(run)}, allow_nan=False) for run in runs)
    return "".join(f"{line}\n" for line in lines)


def histories_csv(runs: Sequence[Stored]) -> str:
    """Return the histories of the runs that have one as CSV: a row an epoch, metrics named by their split."""
    rows = []
    for run in runs:
        about = {"key": run.key, "recipe": run.recipe_name, "optimizer": run.reference, "seed": run.seed}
        history = run.result.history if run.result else ()
        rows += [{**about, "status": run.status, **dict(_flat(row))} for row in history]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield an epoch's single figures; curves within the epoch have no place in a row."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}_{metric}", figure) for metric, figure in value.items())
        elif not isinstance(value, (list, tuple)):
            yield name, value
