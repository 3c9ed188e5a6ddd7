"""Histories as curves, thinned so that a page of many long runs stays small.

A chapter's `curves` is an object of

- `series`, what is drawn: `title`, whether `lower` is better, `log`: fit for a logarithmic axis, `loss`: it has values
  by update, `exact`: nothing in it is an outlier;
- `xs`, sequences of x that runs share;
- `arms`, a list of runs for each: `seed`, `status`, `epoch` and `update` (their place in `xs`), `second` (the sequence
  itself; None where not recorded), `y` (a list for each of the series) and `loss`: [place in `xs` of a sequence of
  updates, mean training losses].
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optbench.results import RunResult
from optbench.stats import Metric

LEAST = 40
"""A run is thinned to no fewer points; with them a curve still looks like itself."""
_SPLITS = ("validation", "test")
_DIGITS = 5  # significant; a screen has fewer pixels than that has steps

Row = Mapping[str, Any]
Key = tuple[str, ...]  # where a number is in a row of history


@dataclass
class Pool:
    """Sequences that many runs share, each once."""

    values: list[list[float]] = field(default_factory=list)
    _known: dict[tuple[float, ...], int] = field(default_factory=dict)

    def number(self, values: Sequence[float]) -> int:
        """Return where the pool has these values."""
        key = tuple(values)
        if key not in self._known:
            self._known[key] = len(self.values)
            self.values.append(list(key))
        return self._known[key]


def short(value: Any) -> Any:
    """Return a number with few digits, None for what is no finite number."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    rounded = float(f"{value:.{_DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded


def curves(
    labels: Sequence[str], runs: Mapping[str, Sequence[RunResult]], metrics: Mapping[str, Metric], points: int
) -> dict[str, Any] | None:
    """Return the curves of a chapter; None where no run has a history.

    Args:
        labels: of the arms.
        runs: by label.
        metrics: of the task, by name.
        points: how many numbers there may be in all, about.
    """
    own = [sorted(runs.get(label, ()), key=lambda run: run.seed) for label in labels]
    histories = [run.history for arm in own for run in arm if run.history]
    if not histories:
        return None
    series = _series(histories, metrics)
    each = max(LEAST, points // (len(histories) * (2 * len(series) + 2)))
    pool = Pool()
    arms = [[_run(run, [key for key, _ in series], each, pool) for run in arm] for arm in own]
    return {"series": [about for _, about in series], "xs": pool.values, "arms": arms}


def _series(histories: Sequence[Sequence[Row]], metrics: Mapping[str, Metric]) -> list[tuple[Key, dict[str, Any]]]:
    """Return what is drawn: where it is in a row, and what is said of it."""
    rows = [row for history in histories for row in history]
    found: list[tuple[Key, dict[str, Any]]] = [(("train_loss",), _about("training loss", True, rows, ("train_loss",)))]
    for split in _SPLITS:
        for name, metric in metrics.items():
            key = (split, name)
            if any(_value(row, key) is not None for row in rows):
                found.append((key, _about(f"{split} {metric.title}", metric.direction == "lower", rows, key)))
    if any(len({row.get("lr") for row in history}) > 1 for history in histories):
        found.append((("lr",), _about("learning rate", False, rows, ("lr",)) | {"exact": True}))
    return found


def _about(title: str, lower: bool, rows: Sequence[Row], key: Key) -> dict[str, Any]:
    values = [value for row in rows if (value := _value(row, key)) is not None]
    positive = bool(values) and min(values) > 0
    loss = key == ("train_loss",)
    return {"title": title, "lower": lower, "log": positive and (lower or key == ("lr",)), "loss": loss, "exact": False}


def _value(row: Row, key: Key) -> Any:
    """Return the number at a key of a row, rounded; None where there is none."""
    found: Any = row
    for part in key:
        found = found.get(part) if isinstance(found, Mapping) else None
    return short(found)


def _run(run: RunResult, keys: Sequence[Key], points: int, pool: Pool) -> dict[str, Any]:
    history = run.history
    kept = thinned(len(history), points)
    updates = [updates for i in kept if (updates := history[i].get("updates")) is not None]
    seconds, total = [], 0.0
    for row in history:
        total += row.get("seconds") or 0.0
        seconds.append(total)
    return {
        "seed": run.seed,
        "status": run.status,
        "epoch": pool.number([history[i].get("epoch", i + 1) for i in kept]),
        "update": pool.number(updates) if kept and len(updates) == len(kept) else None,
        "second": [short(seconds[i]) for i in kept] if total else None,
        "y": [[_value(history[i], key) for i in kept] for key in keys],
        "loss": _losses(history, 2 * points, pool),
    }


def thinned(count: int, points: int) -> list[int]:
    """Return at most `points` of `count` numbers from 0, evenly spread, the first and the last among them."""
    if count <= points:
        return list(range(count))
    return [round(i * (count - 1) / (points - 1)) for i in range(points)]


def _losses(history: Sequence[Row], points: int, pool: Pool) -> list[Any] | None:
    """Return the training loss by update as a number of `pool` and the values; None where it was not recorded.

    Neighbours are joined until there are at most `points`; a mean of theirs weighs each by its updates.
    """
    recorded = [pair for row in history for pair in row.get("losses") or ()]
    if not recorded:
        return None
    size = -(-len(recorded) // points)
    ends, means, begin = [], [], 0.0
    for first in range(0, len(recorded), size):
        weighed, weight, bad = 0.0, 0.0, False
        for end, mean in recorded[first : first + size]:
            bad = bad or mean is None or not math.isfinite(mean)
            weighed += (end - begin) * (mean or 0.0)
            weight, begin = weight + end - begin, end
        ends.append(begin)
        means.append(None if bad or not weight else short(weighed / weight))
    return [pool.number(ends), means]
