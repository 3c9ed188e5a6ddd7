"""`METRIC:VALUE` as users write it, for margins, targets and gates."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optbench.errors import OptbenchError, nearest
from optbench.stats._types import Metric


@dataclass(frozen=True)
class Tolerance:
    """An amount that does not matter: in the metric's own unit, or relative to the reference figure."""

    amount: float
    relative: bool = False

    def of(self, reference: float) -> float:
        """Return the amount in the metric's unit, where `reference` is the figure it is relative to."""
        return self.amount * abs(reference) if self.relative else self.amount

    def __str__(self) -> str:
        return f"{100 * self.amount:g} %" if self.relative else f"{self.amount:g}"


def split(text: str, option: str, example: str) -> tuple[str, str]:
    """Return the two parts of `METRIC:VALUE`; OptbenchError, with an example, when it has another form."""
    name, colon, value = (part.strip() for part in text.partition(":"))
    if not (name and colon and value):
        raise OptbenchError(f"{option} {text!r} is not METRIC:VALUE", f"write it like {option} {example}")
    return name, value


def parse(value: str, option: str, text: str) -> Tolerance:
    """Return the tolerance that `0.5` (the metric's unit) or `2%` (relative) stands for; its sign is ignored.

    Raises:
        OptbenchError: naming `option` and its whole `text`, when it is no number.
    """
    relative = value.endswith("%")
    amount = number(value.removesuffix("%"), option, text)
    return Tolerance(abs(amount) / (100 if relative else 1), relative)


def number(value: str, option: str, text: str) -> float:
    """Return a finite number; OptbenchError naming the option otherwise."""
    try:
        amount = float(value)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount):
        raise OptbenchError(f"{option} {text!r}: '{value.strip()}' is no number", "give a number such as 0.5, or 2%")
    return amount


def find(name: str, metrics: Iterable[Metric], option: str, also: Iterable[str] = ()) -> str:
    """Return the metric that a user means; `loss` is the task's loss under whatever name.

    Args:
        name: as written.
        metrics: of the task.
        option: for the message.
        also: further names that are accepted.

    Raises:
        OptbenchError: no metric has that name; says which is nearest.
    """
    metrics = list(metrics)
    losses = [metric.name for metric in metrics if metric.unit in ("nats", "bits") and metric.direction == "lower"]
    known = [*(metric.name for metric in metrics), *also]
    if name in known:
        return name
    if name == "loss" and losses:
        return losses[0]
    words = [*known, *(["loss"] if losses else [])]
    hint = nearest(name, words) or "the metrics are " + ", ".join(words)
    raise OptbenchError(f"{option}: unknown metric '{name}'", hint)


def margins(texts: Iterable[str], metrics: Sequence[Metric]) -> dict[str, Tolerance]:
    """Return by metric the margins that the user wrote as `METRIC:VALUE`.

    Raises:
        OptbenchError: for another form, an unknown metric, one that is given twice, or a margin of 0.
    """
    found: dict[str, Tolerance] = {}
    for text in texts:
        name, value = split(text, "--margin", "accuracy:0.5")
        metric, margin = find(name, metrics, f"--margin {text}"), parse(value, "--margin", text)
        if not margin.amount:
            raise OptbenchError(f"--margin {text!r}: no two arms differ by less than 0", "give more than 0")
        if metric in found:
            raise OptbenchError(f"--margin: {metric} is given twice", "leave one out")
        found[metric] = margin
    return found


def target(text: str, metrics: Sequence[Metric], primary: str) -> tuple[str, float]:
    """Return metric and value of a target: `97%`, which is of the primary metric, or `METRIC:VALUE`.

    Raises:
        OptbenchError: for another form, an unknown metric, or a percentage of one in another unit.
    """
    name, value = split(text, "--target", "accuracy:97%") if ":" in text else (primary, text.strip())
    metric = find(name, metrics, f"--target {text}")
    unit = next(candidate.unit for candidate in metrics if candidate.name == metric)
    if value.endswith("%") and unit != "percent":
        raise OptbenchError(f"--target {text!r}: {metric} is in {unit}, not in percent", f"write {name}:0.1, say")
    return metric, number(value.removesuffix("%"), "--target", text)
