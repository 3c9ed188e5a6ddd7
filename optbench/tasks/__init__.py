"""Tasks: what training and scoring mean, one file each. A public module of this package is a task when it has

- `INFO`, a `TaskInfo`,
- `examples(batch_size, **options)`: how many examples (as a dataset's `splits` count them) a batch takes, roughly,
- `create(dataset, protocol, augmentation, normalisation, label_smoothing, **options)`, which imports torch inside and
  returns an object with the interface of `Task`, and,
- where it has options, `OPTIONS`: by the key of a recipe's table of the task's name, what it may hold.

Importing this package, and all of it but `create`, does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from optbench._discover import Entries
from optbench._fields import Field
from optbench.errors import OptbenchError, nearest
from optbench.tasks._augment import AUGMENTATIONS
from optbench.tasks._base import Metric, TaskInfo

if TYPE_CHECKING:
    import torch

    from optbench.datasets import AnyDataset

__all__ = [
    "AUGMENTATIONS",
    "PROTOCOLS",
    "Carry",
    "Metric",
    "Task",
    "TaskInfo",
    "create",
    "examples",
    "info",
    "names",
    "options",
]

PROTOCOLS = ("standard", "paper")
"""`standard` trains on the training split; `paper` of images on training and validation together, as papers do."""

_entries = Entries[TaskInfo](__name__, __path__, "task")


Carry = tuple[Any, ...] | None
"""What a batch's loss leaves to the next one's, detached: a hidden state, a memory. None at an epoch's start."""


class Task(Protocol):
    """What the training loop asks of a task; splits are opaque to it, and a batch is a tuple of tensors.

    Attributes:
        train, validation, test: the task's data. `validation` is None when it is trained on.
    """

    train: Any
    validation: Any
    test: Any

    def model(self, name: str, **options: object) -> torch.nn.Module:
        """Build a model for this task's data, on its device; torch's global seed decides the weights."""

    def steps(self, batch_size: int) -> int:
        """Return the number of batches in an epoch: the expected one, where epochs differ."""

    def batches(self, seed: int, epoch: int, batch_size: int, start: int = 0) -> Iterator[Any]:
        """Yield an epoch's (from 0) batches from number `start` on, in an order that (seed, epoch) alone decide."""

    def loss(self, model: torch.nn.Module, batch: Any, carry: Carry) -> tuple[torch.Tensor, Carry]:
        """Return the mean loss of a batch, a 0-d tensor to call `backward` on, and what the next batch's loss takes."""

    def rate(self, batch: Any) -> float:
        """Return by what the learning rate is multiplied in this batch's step alone: 1, unless sizes are drawn."""

    def samples(self, batch: Any) -> int:
        """Return how many samples a batch holds, of `TaskInfo.sample`."""

    def evaluate(self, model: torch.nn.Module, split: Any) -> dict[str, float]:
        """Return every metric of the task over one of its splits."""


def names(pattern: str = "*") -> list[str]:
    """Return the sorted names of the tasks that match a shell pattern."""
    return _entries.names(pattern)


def info(name: str, data: str | None = None) -> TaskInfo:
    """Return the facts of a task.

    Args:
        name: of the task.
        data: name of the dataset that it is about: of a hundred classes or more, top-5 accuracy is scored too.

    Raises:
        OptbenchError: no task or dataset has that name.
    """
    from optbench import datasets

    facts = _entries.info(name)
    wide = data is not None and getattr(datasets.info(data), "top5", False)
    return replace(facts, metrics=facts.metrics + facts.many_classes) if wide else facts


def options(name: str) -> Mapping[str, Field]:
    """Return the options that a task takes in a recipe's table of its name.

    Raises:
        OptbenchError: no task has that name.
    """
    return _options(name)


def _options(name: str) -> Mapping[str, Field]:
    found: Mapping[str, Field] = getattr(_entries.module(name), "OPTIONS", {})
    return found


def examples(name: str, batch_size: int, chosen: Mapping[str, object]) -> int:
    """Return how many of a dataset's examples a batch takes, roughly.

    Args:
        name: of the task.
        batch_size: of the recipe.
        chosen: the task's options.
    """
    count: int = _entries.module(name).examples(batch_size, **chosen)
    return count


def create(
    name: str,
    dataset: AnyDataset,
    *,
    protocol: str = "standard",
    augmentation: str = "none",
    normalisation: str = "train",
    label_smoothing: float = 0.0,
    options: Mapping[str, object] | None = None,
) -> Task:
    """Make a task over a dataset; everything happens on the dataset's device.

    Args:
        name: of the task.
        dataset: as `optbench.datasets.load` returns it.
        protocol: one of `PROTOCOLS`.
        augmentation: one of `AUGMENTATIONS`; of training images alone.
        normalisation: one of the dataset's `normalisations`; "train" is by its own training images.
        label_smoothing: the part of a label's weight that is spread evenly over all classes, 0 to below 1, in the
            training loss alone.
        options: the task's own; those that are absent have their defaults.

    Raises:
        OptbenchError: no task, protocol, augmentation or normalisation has that name, the smoothing is no such part, or
            the task is not about such data.
    """
    facts = info(name)
    if dataset.kind != facts.kind:
        raise OptbenchError(f"task '{name}' is not about {dataset.name}", f"it takes data sets of {facts.kind}")
    for kind, given, known in (
        ("protocol", protocol, PROTOCOLS),
        ("augmentation", augmentation, AUGMENTATIONS if facts.kind == "images" else ("none",)),
        ("normalisation", normalisation, dataset.normalisations),
    ):
        if given not in known:
            hint = nearest(given, known) or f"known {kind}s: {', '.join(known)}"
            raise OptbenchError(f"unknown {kind} '{given}'", hint)
    if not 0 <= label_smoothing < 1:
        raise OptbenchError(f"label smoothing {label_smoothing}", "it must be at least 0 and below 1")
    chosen = {key: field.default for key, field in _options(name).items()} | dict(options or {})
    task: Task = _entries.module(name).create(dataset, protocol, augmentation, normalisation, label_smoothing, **chosen)
    return task
