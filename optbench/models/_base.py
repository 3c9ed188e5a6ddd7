"""What is known of a model without building it, and the decorator that makes a function one. No torch is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from optbench.errors import OptbenchError

# (in_channels, classes, image_size, **options), of text (vocabulary, **options) -> torch.nn.Module
Build = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """The facts of a model.

    Attributes:
        kind: `images`, `language` (models of text) or `translation`.
        name: how it is named in recipes and on the command line.
        title: one line.
        doc: its family's source, layers, shapes and initialisation.
        paper: where the architecture comes from, such as "arXiv:1512.03385".
        parameters: number of trainable parameters, at its native size or vocabulary.
        build: makes the model; its keyword-only parameters are the model's options.
    """

    kind: ClassVar[str]

    name: str
    title: str
    doc: str
    paper: str
    parameters: int
    build: Build = field(repr=False)

    @property
    def takes(self) -> str:
        """What goes into it, in words."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ImageModel(ModelInfo):
    """The facts of a model of images at its native size.

    Attributes:
        input_shape: channels, height, width of an image.
        classes: number of outputs.
        smallest: height and width of the smallest images that it takes, in pixels.
        multiple: height and width must be multiples of this many pixels.
    """

    kind = "images"

    input_shape: tuple[int, int, int]
    classes: int
    smallest: int
    multiple: int = 1

    @property
    def takes(self) -> str:
        """Channels, height and width of an image."""
        return " x ".join(map(str, self.input_shape))

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


@dataclass(frozen=True, kw_only=True)
class LanguageModel(ModelInfo):
    """The facts of a model of text: see `optbench.tasks.language_modeling` for what it takes and returns.

    Attributes:
        vocabulary: number of tokens at which `parameters` is counted.
    """

    kind = "language"

    vocabulary: int

    @property
    def takes(self) -> str:
        """The tokens."""
        return f"tokens (time x batch) of {self.vocabulary:,}"


@dataclass(frozen=True, kw_only=True)
class TranslationModel(ModelInfo):
    """The facts of a model that translates: see `optbench.tasks.translation` for what it takes and returns.

    Attributes:
        vocabulary: number of subwords, of both languages, at which `parameters` is counted.
    """

    kind = "translation"

    vocabulary: int

    @property
    def takes(self) -> str:
        """The subwords."""
        return f"source and target (batch x length) of {self.vocabulary:,} subwords"


KINDS: dict[str, type[ModelInfo]] = {each.kind: each for each in (ImageModel, LanguageModel, TranslationModel)}
_registered: dict[str, ModelInfo] = {}


def registered() -> dict[str, ModelInfo]:
    """Return the models of the families that have been imported, by name."""
    return _registered


def register(name: str, title: str, *, kind: str = "images", **facts: Any) -> Callable[[Build], Build]:
    """Make a function a model; its keyword-only parameters are the model's options.

    Args:
        name: how users name it.
        title: one line.
        kind: `images` for `build(in_channels, classes, image_size)`, `language` or `translation` for
            `build(vocabulary)`.
        **facts: the other attributes of the kind's `ModelInfo`; `doc` is the docstring of the function's module.

    Raises:
        OptbenchError: another function has that name.
    """

    def add(build: Build) -> Build:
        if name in _registered:
            both = f"{_registered[name].build.__module__} and by {build.__module__}"
            raise OptbenchError(f"model '{name}' is defined by {both}", "rename one of them")
        doc = sys.modules[build.__module__].__doc__ or ""
        _registered[name] = KINDS[kind](name=name, title=title, doc=doc, build=build, **facts)
        return build

    return add
