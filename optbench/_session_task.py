"""The task of a session: the recipe's own, over its data or over data that are ready."""

import functools
from pathlib import Path
from typing import Any

import torch

from optbench import datasets, tasks
from optbench.recipe import Recipe

Options = tuple[tuple[str, Any], ...]  # hashable, so that a task is made once


def made_task(recipe: Recipe, root: Path | None, device: str, dataset: datasets.AnyDataset | None) -> tasks.Task:
    """Return the recipe's task over its data, or over data that are ready."""
    own = (
        ("protocol", recipe.protocol),
        ("augmentation", recipe.augmentation),
        ("normalisation", recipe.normalisation),
        ("label_smoothing", recipe.label_smoothing),
    )
    options = tuple(recipe.task_options.items())
    if dataset is not None:
        return _over(dataset, recipe.task, own, options)
    return _loaded(recipe.task, recipe.data, tuple(recipe.data_options.items()), own, options, root, device)


@functools.lru_cache(maxsize=1)
def _loaded(
    task: str, data: str, of_data: Options, own: Options, options: Options, root: Path | None, device: str
) -> tasks.Task:
    """Make a task once for the many runs over it: its data need memory and time, and nothing changes them."""
    return _over(datasets.load(data, root=root, device=device, options=dict(of_data)), task, own, options)


def _over(dataset: datasets.AnyDataset, task: str, own: Options, options: Options) -> tasks.Task:
    return tasks.create(task, dataset, options=dict(options), **dict(own))


def channels_last(batch: Any) -> tuple[torch.Tensor, ...]:
    """Return a batch with its images laid out with the channels last."""
    return tuple(part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part for part in batch)
