"""The task of a session: the recipe's own, over its data or over data that are ready."""

import functools
from pathlib import Path
from typing import Any

import torch

from optbench import datasets, tasks
from optbench.recipe import Recipe


def made_task(recipe: Recipe, root: Path | None, device: str, dataset: datasets.Dataset | None) -> tasks.Task:
    """Return the recipe's task over its data, or over data that are ready."""
    own = (recipe.protocol, recipe.augmentation, recipe.normalisation, recipe.label_smoothing)
    if dataset is not None:
        return _over(dataset, recipe.task, *own)
    return _loaded(recipe.task, recipe.data, own, root, device)


@functools.lru_cache(maxsize=1)
def _loaded(task: str, data: str, own: tuple[str, str, str, float], root: Path | None, device: str) -> tasks.Task:
    """Make a task once for the many runs over it: its data need memory and time, and nothing changes them."""
    return _over(datasets.load(data, root=root, device=device), task, *own)


def _over(
    dataset: datasets.Dataset, task: str, protocol: str, augmentation: str, normalisation: str, label_smoothing: float
) -> tasks.Task:
    return tasks.create(
        task,
        dataset,
        protocol=protocol,
        augmentation=augmentation,
        normalisation=normalisation,
        label_smoothing=label_smoothing,
    )


def channels_last(batch: Any) -> tuple[torch.Tensor, ...]:
    """Return a batch with its images laid out with the channels last."""
    return tuple(part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part for part in batch)
