"""What is known of a model without building it, and the decorator that makes a function one. No torch is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from optbench.errors import OptbenchError

Build = Callable[..., Any]  # (in_channels, classes, image_size, **options) -> torch.nn.Module


@dataclass(frozen=True)
class ModelInfo:
    """The facts of a model at its native size.

    Attributes:
        name: how it is named in recipes and on the command line.
        title: one line.
        doc: its family's source, layers, shapes and initialisation.
        paper: where the architecture comes from, such as "arXiv:1512.03385".
        parameters: number of trainable parameters, at `input_shape` and `classes`.
        input_shape: channels, height, width of an image.
        classes: number of outputs.
        smallest: height and width of the smallest images that it takes, in pixels.
        multiple: height and width must be multiples of this many pixels.
        build: `build(in_channels, classes, image_size, **options)` makes the model.
    """

    name: str
    title: str
    doc: str
    paper: str
    parameters: int
    input_shape: tuple[int, int, int]
    classes: int
    smallest: int
    multiple: int = 1
    build: Build = field(repr=False, kw_only=True)

    @property
    def image_size(self) -> int:
        """The native height and width of an image, in pixels."""
        return self.input_shape[1]

    def check_size(self, image_size: int) -> None:
        """Raise OptbenchError unless the model takes images of this height and width."""
        if image_size >= self.smallest and image_size % self.multiple == 0:
            return
        least, step = self.smallest, self.multiple
        sides = f", in steps of {step}" if step > 1 else ""
        raise OptbenchError(
            f"model '{self.name}' needs images of {least}x{least} or more{sides}, not {image_size}x{image_size}",
            f"it was made for {self.image_size}x{self.image_size}; choose another model or other images",
        )


_registered: dict[str, ModelInfo] = {}


def registered() -> dict[str, ModelInfo]:
    """Return the models of the families that have been imported, by name."""
    return _registered


def register(name: str, title: str, **facts: Any) -> Callable[[Build], Build]:
    """Make a function `build(in_channels, classes, image_size)` a model; keyword-only parameters are its options.

    Args:
        name: how users name it.
        title: one line.
        **facts: the other attributes of `ModelInfo`; `doc` is the docstring of the function's module.

    Raises:
        OptbenchError: another function has that name.
    """

    def add(build: Build) -> Build:
        if name in _registered:
            both = f"{_registered[name].build.__module__} and by {build.__module__}"
            raise OptbenchError(f"model '{name}' is defined by {both}", "rename one of them")
        doc = sys.modules[build.__module__].__doc__ or ""
        _registered[name] = ModelInfo(name=name, title=title, doc=doc, build=build, **facts)
        return build

    return add
