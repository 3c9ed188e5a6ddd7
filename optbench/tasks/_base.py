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
        kind: of the datasets that it is about, `images`, `text` or `parallel`.
        models: the kind of models that it trains, `images`, `language` or `translation`.
        reports: which weights are scored on the test split under protocol standard: the `final` ones, or those of the
            `best` epoch, by the primary metric on the validation split.
        sample: what training goes through, in the singular: `image` or `token`.
        batch: what a recipe's batch size counts, in words.
    """

    name: str
    title: str
    metrics: tuple[Metric, ...]
    primary: str
    many_classes: tuple[Metric, ...] = ()
    kind: str = "images"
    models: str = "images"
    reports: str = "final"
    sample: str = "image"
    batch: str = "images"
