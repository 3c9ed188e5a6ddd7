"""Models, one file per architecture family.

Every public module of this package is a family: it registers one function per model with `_base.register`, which
imports torch inside. Importing this package, and all of it but `create`, does not import torch.

Names are the papers' in lower case: `resnet-34`, `densenet-121`, `inception-v3`. Models of one name differ between
public codes; each family's docstring says whose it is, and why.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

from optbench.errors import OptbenchError, nearest
from optbench.models._base import ModelInfo, registered

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ModelInfo", "create", "info", "names", "options"]


@functools.cache
def _models() -> dict[str, ModelInfo]:
    """Import every family, once, and return their models by name, sorted."""
    for item in pkgutil.iter_modules(__path__):
        if not item.name.startswith("_"):
            importlib.import_module(f"{__name__}.{item.name}")
    return dict(sorted(registered().items()))


def names(pattern: str = "*") -> list[str]:
    """Return the sorted names of the models that match a shell pattern."""
    return [name for name in _models() if fnmatch.fnmatchcase(name, pattern)]


def info(name: str) -> ModelInfo:
    """Return the facts of a model.

    Raises:
        OptbenchError: no model has that name.
    """
    found = _models()
    if name not in found:
        raise OptbenchError(f"unknown model '{name}'", nearest(name, found) or f"known models: {', '.join(found)}")
    return found[name]


def options(name: str) -> dict[str, object]:
    """Return a model's options and their defaults: the keyword-only parameters of the function that builds it.

    Raises:
        OptbenchError: no model has that name.
    """
    parameters = inspect.signature(info(name).build).parameters.values()
    return {item.name: item.default for item in parameters if item.kind is item.KEYWORD_ONLY}


def create(name: str, *, in_channels: int, classes: int, image_size: int, **chosen: object) -> nn.Module:
    """Build a model on the CPU in train mode, initialised from torch's global random generator.

    Args:
        name: of the model.
        in_channels: channels of an image.
        classes: number of outputs (logits).
        image_size: height and width of an image, in pixels.
        **chosen: the model's own options.

    Returns:
        a module from images (batch, in_channels, image_size, image_size) to logits (batch, classes).

    Raises:
        OptbenchError: no model has that name, or it has no such option, or it does not take images of that size.
    """
    facts, known = info(name), options(name)
    for key in chosen:
        if key not in known:
            hint = nearest(key, known) or f"it has {', '.join(known) or 'no options'}"
            raise OptbenchError(f"model '{name}' has no option '{key}'", hint)
    facts.check_size(image_size)
    model: nn.Module = facts.build(in_channels, classes, image_size, **chosen)
    return model
