"""Histograms of gradients over the updates, as the study of RAdam's warm-up has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from optbench.report.html._curves import thinned
from optbench.results import GRADIENT_EDGES, RunResult

COLUMNS = 80
"""Of a picture: more would be narrower than two pixels."""
LEVELS = 9


def gradients(labels: Sequence[str], runs: Mapping[str, Sequence[RunResult]]) -> dict[str, Any] | None:
    """Return the histograms of every arm's first recorded run; None where none were recorded.

    `edges` are natural logarithms of |g|, as far as they are needed; an arm has its number, its `seed`, its `updates`
    and `levels`: a string for each update, with a digit for each bin: its share of the gradients, 0 none and 9 the most
    that any bin of the arm has, its square root, so that rare gradients show.
    """
    found = [
        (i, run, rows)
        for i, label in enumerate(labels)
        if (run := _first(runs.get(label, ()))) and (rows := _rows(run))
    ]
    counted = [k for _, _, rows in found for _, counts in rows for k, count in enumerate(counts) if count]
    if not counted:
        return None
    low, high = min(counted), max(counted) + 1
    return {
        "edges": list(GRADIENT_EDGES[low : high + 1]),
        "arms": [
            {
                "arm": number,
                "seed": run.seed,
                "updates": [update for update, _ in rows],
                "levels": _levels([counts[low:high] for _, counts in rows]),
            }
            for number, run, rows in found
        ],
    }


def _first(runs: Sequence[RunResult]) -> RunResult | None:
    return next((run for run in sorted(runs, key=lambda run: run.seed) if _rows(run)), None)


def _rows(run: RunResult) -> list[tuple[int, list[int]]]:
    rows = [(update, counts) for row in run.history for update, counts in row.get("gradients") or ()]
    return [rows[i] for i in thinned(len(rows), COLUMNS)]


def _levels(columns: Sequence[Sequence[int]]) -> list[str]:
    shares = [[count / (sum(column) or 1) for count in column] for column in columns]
    most = max(max(column) for column in shares) or 1.0
    return ["".join(str(-int(-LEVELS * (share / most) ** 0.5 // 1)) for share in column) for column in shares]
