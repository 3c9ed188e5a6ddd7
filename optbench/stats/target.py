"""How soon an arm reaches a target figure, from the histories of its runs."""

from collections.abc import Sequence
from statistics import median

from optbench.results import RunResult
from optbench.stats._types import Metric, ToTarget


def to_target(runs: Sequence[RunResult], metric: Metric, value: float, epoch_seconds: float | None) -> ToTarget:
    """Return when an arm's runs reach `value` in `metric`.

    Judged after every epoch, on validation data under the standard protocol and on test data under the paper's. A run
    that failed has missed, whatever it had reached before.

    Args:
        runs: in the order of the seeds.
        metric: what to reach it in.
        value: at least this where higher is better, at most this otherwise.
        epoch_seconds: an epoch's time as it was measured; None takes the runs' own clocks, which whatever else the
            machine did has slowed down.
    """
    epochs = [_epochs(run, metric, value) for run in runs]
    seconds = [_seconds(run, count, epoch_seconds) for run, count in zip(runs, epochs, strict=True)]
    reached = sum(count is not None for count in epochs)
    return ToTarget(reached, len(runs), _median(epochs), _median(seconds), tuple(epochs))


def _epochs(run: RunResult, metric: Metric, value: float) -> int | None:
    """Return after how many epochs the run first reached the target, None for a miss."""
    if run.status != "ok":
        return None
    for count, row in enumerate(run.history, 1):
        figure = (row.get("validation") or row.get("test") or {}).get(metric.name)
        if figure is not None and (figure >= value if metric.direction == "higher" else figure <= value):
            return count
    return None


def _seconds(run: RunResult, epochs: int | None, epoch_seconds: float | None) -> float | None:
    if epochs is None:
        return None
    return epochs * epoch_seconds if epoch_seconds else sum(float(row["seconds"]) for row in run.history[:epochs])


def _median(values: Sequence[float | None]) -> float | None:
    """Return the median with None as infinite; None where that is the median."""
    if not values:
        return None
    middle = median(float("inf") if value is None else value for value in values)
    return None if middle == float("inf") else float(middle)
