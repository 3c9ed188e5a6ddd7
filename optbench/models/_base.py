"""What is known of a model without building it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelInfo:
    """The facts of a model at its native size.

    Attributes:
        name: how it is named in recipes and on the command line.
        title: one line.
        doc: source, layers, initialisation.
        parameters: number of trainable parameters, at `input_shape` and `classes`.
        input_shape: channels, height, width of an image.
        classes: number of outputs.
    """

    name: str
    title: str
    doc: str
    parameters: int
    input_shape: tuple[int, int, int]
    classes: int
