"""Tasks: what training and scoring mean, one file each. A public module of this package is a task when it has

- `INFO`, a `TaskInfo`, and
- `create(dataset, protocol, augmentation, normalisation, label_smoothing)`, which imports torch inside and returns an
  object with the interface of `Task`.

Importing this package, and all of it but `create`, does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from optbench._discover import Entries
from optbench.errors import OptbenchError, nearest
from optbench.tasks._augment import AUGMENTATIONS
from optbench.tasks._base import Metric, TaskInfo

if TYPE_CHECKING:
    import torch

    from optbench.datasets import Dataset

__all__ = ["AUGMENTATIONS", "PROTOCOLS", "Metric", "Task", "TaskInfo", "create", "info", "names"]

PROTOCOLS = ("standard", "paper")
"""`standard` trains on the training split; `paper` on training and validation together, as papers do."""

_entries = Entries[TaskInfo](__name__, __path__, "task")


class Task(Protocol):
    """What the training loop asks of a task; batches and splits are opaque to it.

    Attributes:
        train, validation, test: the task's data. `validation` is None when it is trained on.
    """

    train: Any
    validation: Any
    test: Any

    def model(self, name: str, **options: object) -> torch.nn.Module:
        """Build a model for this task's data, on its device; torch's global seed decides the weights."""

    def steps(self, batch_size: int) -> int:
        """Return the number of batches in an epoch."""

    def batches(self, seed: int, epoch: int, batch_size: int) -> Iterator[Any]:
        """Yield an epoch's batches, in an order that depends on seed and epoch (from 0) alone."""

    def loss(self, model: torch.nn.Module, batch: Any) -> torch.Tensor:
        """Return the mean loss of a batch, a 0-d tensor to call `backward` on."""

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
    wide = data is not None and datasets.info(data).top5
    return replace(facts, metrics=facts.metrics + facts.many_classes) if wide else facts


def create(
    name: str,
    dataset: Dataset,
    *,
    protocol: str = "standard",
    augmentation: str = "none",
    normalisation: str = "train",
    label_smoothing: float = 0.0,
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

    Raises:
        OptbenchError: no task, protocol, augmentation or normalisation has that name, or the smoothing is no such part.
    """
    for kind, given, known in (
        ("protocol", protocol, PROTOCOLS),
        ("augmentation", augmentation, AUGMENTATIONS),
        ("normalisation", normalisation, dataset.normalisations),
    ):
        if given not in known:
            hint = nearest(given, known) or f"known {kind}s: {', '.join(known)}"
            raise OptbenchError(f"unknown {kind} '{given}'", hint)
    if not 0 <= label_smoothing < 1:
        raise OptbenchError(f"label smoothing {label_smoothing}", "it must be at least 0 and below 1")
    task: Task = _entries.module(name).create(dataset, protocol, augmentation, normalisation, label_smoothing)
    return task
