"""Tasks: what training and scoring mean, one file each. A public module of this package is a task when it has

- `INFO`, a `TaskInfo`, and
- `create(dataset, protocol)`, which imports torch inside and returns an object with the interface of `Task`.

Importing this package, and all of it but `create`, does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from optbench._discover import Entries
from optbench.errors import OptbenchError, nearest
from optbench.tasks._base import Metric, TaskInfo

if TYPE_CHECKING:
    import torch

    from optbench.datasets import Dataset

__all__ = ["PROTOCOLS", "Metric", "Task", "TaskInfo", "create", "info", "names"]

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


def info(name: str) -> TaskInfo:
    """Return the facts of a task.

    Raises:
        OptbenchError: no task has that name.
    """
    return _entries.info(name)


def create(name: str, dataset: Dataset, *, protocol: str = "standard") -> Task:
    """Make a task over a dataset; everything happens on the dataset's device.

    Args:
        name: of the task.
        dataset: as `optbench.datasets.load` returns it.
        protocol: one of `PROTOCOLS`.

    Raises:
        OptbenchError: no task or no protocol has that name.
    """
    if protocol not in PROTOCOLS:
        hint = nearest(protocol, PROTOCOLS) or f"known protocols: {', '.join(PROTOCOLS)}"
        raise OptbenchError(f"unknown protocol '{protocol}'", hint)
    task: Task = _entries.module(name).create(dataset, protocol)
    return task
