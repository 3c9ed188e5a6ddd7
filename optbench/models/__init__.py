"""Models, one file per architecture family. A public module of this package is a model when it has

- `INFO`, a `ModelInfo`, and
- `build(in_channels, classes, image_size, **options) -> torch.nn.Module`, which imports torch inside.

Importing this package, and all of it but `create`, does not import torch.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from optbench._discover import Entries
from optbench.errors import OptbenchError, nearest
from optbench.models._base import ModelInfo

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ModelInfo", "create", "info", "names", "options"]

_entries = Entries[ModelInfo](__name__, __path__, "model")


def names(pattern: str = "*") -> list[str]:
    """Return the sorted names of the models that match a shell pattern."""
    return _entries.names(pattern)


def info(name: str) -> ModelInfo:
    """Return the facts of a model.

    Raises:
        OptbenchError: no model has that name.
    """
    return _entries.info(name)


def options(name: str) -> dict[str, object]:
    """Return a model's options and their defaults: the keyword-only parameters of its `build`.

    Raises:
        OptbenchError: no model has that name.
    """
    parameters = inspect.signature(_entries.module(name).build).parameters.values()
    return {item.name: item.default for item in parameters if item.kind is item.KEYWORD_ONLY}


def create(name: str, *, in_channels: int, classes: int, image_size: int, **chosen: object) -> nn.Module:
    """Build a model on the CPU in train mode, initialised from torch's global random generator.

    Args:
        name: of the model.
        in_channels: channels of an image.
        classes: number of outputs (logits).
        image_size: height and width of an image, in pixels.
        **chosen: the model's own options.

    Raises:
        OptbenchError: no model has that name, or it has no such option, or the images are too small for it.
    """
    known = options(name)
    for key in chosen:
        if key not in known:
            hint = nearest(key, known) or f"it has {', '.join(known) or 'no options'}"
            raise OptbenchError(f"model '{name}' has no option '{key}'", hint)
    model: nn.Module = _entries.module(name).build(in_channels, classes, image_size, **chosen)
    return model
