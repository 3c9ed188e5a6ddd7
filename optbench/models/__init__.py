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
from optbench.models._base import ImageModel, LanguageModel, ModelInfo, TranslationModel, registered

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ImageModel", "LanguageModel", "ModelInfo", "TranslationModel", "create", "info", "names", "options"]

OF_DATA = ("in_channels", "classes", "image_size", "vocabulary")


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


def create(name: str, **given: object) -> nn.Module:
    """Build a model on the CPU in train mode, initialised from torch's global random generator.

    Args:
        name: of the model.
        **given: what the data say: of a model of images `in_channels`, `classes` (outputs, logits) and `image_size`
            (height and width in pixels), of any other `vocabulary`; and the model's own options.

    Returns:
        of images, a module from (batch, in_channels, image_size, image_size) to logits (batch, classes); for the other
        kinds see `optbench.tasks.language_modeling` and `optbench.tasks.translation`.

    Raises:
        OptbenchError: no model has that name, or it has no such option, or it does not take images of that size, or
            it is of another kind.
    """
    facts, known = info(name), options(name)
    wanted = ("in_channels", "classes", "image_size") if isinstance(facts, ImageModel) else ("vocabulary",)
    of_data = {key: given.pop(key) for key in OF_DATA if key in given}
    if set(of_data) != set(wanted):
        kinds = {"images": "of images", "language": "of text", "translation": "that translates"}
        raise OptbenchError(
            f"model '{name}' is one {kinds[facts.kind]}, which the task is not about",
            "see 'optbench list models' for one that fits",
        )
    for key in given:
        if key not in known:
            hint = nearest(key, known) or f"it has {', '.join(known) or 'no options'}"
            raise OptbenchError(f"model '{name}' has no option '{key}'", hint)
    if isinstance(facts, ImageModel):
        size = of_data["image_size"]
        assert isinstance(size, int)
        facts.check_size(size)
    model: nn.Module = facts.build(*(of_data[key] for key in wanted), **given)
    return model
