"""The published facts of a dataset: what is known of it without reading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and deviation of pixels scaled to [0, 1], one of each for each channel."""

TRAIN_NORMALISATION = "train"
"""The normalisation that every dataset has: mean and deviation of its own training images."""


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """The published facts of a dataset of any kind, known without reading it.

    Attributes:
        kind: `images`, `text` or `parallel`.
        name: how it is named in recipes and on the command line.
        title: one line.
        source: who made it, and where it is published.
        licence: its licence, and who says so.
        splits: examples in each split, by the names of `SPLITS`: images, tokens or pairs of sentences.
        checksum: SHA-256 that stands for the published data: over the decompressed source (where there are several
            files, over their `sha256sum` lines in the order of their names), or over the archive where that is what
            is published.
        doc: what else a user should know.
        stand_in_for: what it replaces where that cannot be shipped; None if it is the real thing.
        made_by_users: whether it is read from a folder that users made of the published data, of whose files nobody has
            published a checksum.
        variants: whether other bytes than the published ones are read too, such as a folder of JPEG files; they have
            checksums of their own.
    """

    kind: ClassVar[str]
    examples: ClassVar[str]

    name: str
    title: str
    source: str
    licence: str
    splits: Mapping[str, int]
    checksum: str
    doc: str
    stand_in_for: str | None = None
    made_by_users: bool = False
    variants: bool = False

    @property
    def normalisations(self) -> dict[str, Normalisation]:
        """Every normalisation by name, the default first; of text that is all, and does nothing."""
        return {TRAIN_NORMALISATION: ((), ())}


@dataclass(frozen=True, kw_only=True)
class ImageInfo(DatasetInfo):
    """The published facts of labelled images.

    Attributes:
        shape: channels, height, width of an image.
        classes: the name of each label, in order.
        pixel_max: the largest pixel value, which stands for 1.0.
        mean, std: of the training split's pixels scaled to [0, 1], one for each channel.
        constants: further normalisations by name, as papers and their code have them.
        top5: whether top-5 accuracy is scored too: where papers report it.
    """

    kind = "images"
    examples = "images"

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    pixel_max: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    constants: Mapping[str, Normalisation] = field(default_factory=dict)
    top5: bool = False

    @property
    def normalisations(self) -> dict[str, Normalisation]:
        """Every normalisation by name, the default first."""
        return {TRAIN_NORMALISATION: (self.mean, self.std), **self.constants}


@dataclass(frozen=True, kw_only=True)
class TextInfo(DatasetInfo):
    """The published facts of a text to model.

    Attributes:
        vocabulary: how many different tokens there are as it is loaded; 0 where that depends on the user's file.
    """

    kind = "text"
    examples = "tokens"

    vocabulary: int


@dataclass(frozen=True, kw_only=True)
class ParallelInfo(DatasetInfo):
    """The published facts of sentences in two languages.

    Attributes:
        languages: of the source and of the target, such as ("de", "en").
        vocabulary: subwords that both languages share, where the recipe does not say how many.
        sentence_tokens: mean number of subwords in a target sentence, for data that are made up.
    """

    kind = "parallel"
    examples = "pairs of sentences"

    languages: tuple[str, str]
    vocabulary: int
    sentence_tokens: float
