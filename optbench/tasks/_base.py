"""What is known of a task without running it: its metrics, and which of them decides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One number by which a trained model is judged.

    Attributes:
        name: its key in results.
        unit: such as "percent" or "nats".
        direction: which is better, "higher" or "lower".
        title: how tables head it.
    """

    name: str
    unit: str
    direction: str
    title: str


@dataclass(frozen=True)
class TaskInfo:
    """The facts of a task.

    Attributes:
        name: how recipes name it.
        title: one line.
        metrics: everything that its evaluation reports, in the order of columns.
        primary: name of the metric that decides.
        many_classes: what is reported besides where a dataset has a hundred classes or more.
    """

    name: str
    title: str
    metrics: tuple[Metric, ...]
    primary: str
    many_classes: tuple[Metric, ...] = ()
