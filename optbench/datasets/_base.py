"""What a dataset is once it is on a device. There are three kinds.

Images have labels; a text is one long row of tokens; parallel text is pairs of sentences. Their published facts are in
`_facts`, and what was read of them in `_raw`; all of it is known from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from optbench.datasets._facts import (
    TRAIN_NORMALISATION,
    DatasetInfo,
    ImageInfo,
    Normalisation,
    ParallelInfo,
    TextInfo,
)
from optbench.datasets._raw import Found, Ragged, Raw, RawPairs, RawParallel, RawText, Tokenizer

if TYPE_CHECKING:
    import torch

    from optbench.datasets._stream import Stream

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "SPLITS",
    "TRAIN_NORMALISATION",
    "UNK",
    "AnyDataset",
    "Dataset",
    "DatasetInfo",
    "Found",
    "ImageInfo",
    "Normalisation",
    "Pairs",
    "ParallelInfo",
    "ParallelText",
    "Progress",
    "Ragged",
    "RaggedTensor",
    "Raw",
    "RawPairs",
    "RawParallel",
    "RawText",
    "Split",
    "Text",
    "TextInfo",
    "Tokenizer",
]

Progress = Callable[[str, int, int | None], None]
"""Called while a file is downloaded, with its name, the bytes here, and the bytes in all if known."""

SPLITS = ("train", "validation", "test")

PAD, UNK, BOS, EOS = 0, 1, 2, 3
"""Ids of parallel text that are no subwords: padding, what is unknown, and where a sentence begins and ends."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples on a device.

    Attributes:
        images: uint8 tensor (N, C, H, W), 0 to `pixel_max`.
        labels: int64 tensor (N,), 0 to number of classes - 1.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Verified images on a device. What is not described here is as in `ImageInfo` and `Found`.

    Attributes:
        shape: channels, height, width that a model is given. Stored images may be larger; they are cropped.
        mean, std: of these training images.
        normalisations: by name; "train" is (mean, std).
        provenance: one line that says where it was found.
    """

    kind: ClassVar[str] = "images"

    name: str
    train: Split | Stream
    validation: Split | Stream
    test: Split | Stream
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    pixel_max: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checksum: str
    provenance: str
    variant: str = ""
    exact: bool = True
    top5: bool = False
    constants: Mapping[str, Normalisation] = field(default_factory=dict)

    @property
    def normalisations(self) -> dict[str, Normalisation]:
        """Every normalisation by name, the default first."""
        return {TRAIN_NORMALISATION: (self.mean, self.std), **self.constants}


@dataclass(frozen=True, eq=False)
class Text:
    """A verified text. What is not described here is as in `TextInfo` and `Found`.

    Attributes:
        train, validation, test: int32 (N,), on the device, or on the CPU as a memory map where that is large.
        device: where batches of it go.
        vocabulary: the tokens, by id.
        provenance: one line that says where it was found.
    """

    kind: ClassVar[str] = "text"

    name: str
    train: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor
    device: torch.device
    vocabulary: tuple[str, ...]
    checksum: str
    provenance: str
    variant: str = ""
    exact: bool = True

    @property
    def normalisations(self) -> dict[str, Normalisation]:
        """The default alone, which does nothing."""
        return {TRAIN_NORMALISATION: ((), ())}


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sentences and their translations: their subwords on the CPU, without BOS and EOS, and the lines themselves.

    Attributes:
        source, target: ids as tensors: `ids` int32 and `offsets` int64, as in `Ragged`.
        source_text, target_text: the lines.
    """

    source: RaggedTensor
    target: RaggedTensor
    source_text: tuple[str, ...]
    target_text: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, eq=False)
class RaggedTensor:
    """`Ragged`, in tensors."""

    ids: torch.Tensor
    offsets: torch.Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> torch.Tensor:
        """How many ids each row has, int64 (rows,)."""
        return self.offsets.diff()

    def row(self, index: int) -> torch.Tensor:
        """Return the ids of one row, a view."""
        return self.ids[self.offsets[index] : self.offsets[index + 1]]


@dataclass(frozen=True, eq=False)
class ParallelText:
    """Verified parallel text. What is not described here is as in `ParallelInfo`, `RawParallel` and `Found`.

    Attributes:
        device: where batches of it go.
        provenance: one line that says where it was found.
    """

    kind: ClassVar[str] = "parallel"

    name: str
    train: Pairs
    validation: Pairs
    test: Pairs
    device: torch.device
    languages: tuple[str, str]
    pieces: int
    tokenizer: Tokenizer
    checksum: str
    provenance: str
    variant: str = ""
    exact: bool = True

    @property
    def normalisations(self) -> dict[str, Normalisation]:
        """The default alone, which does nothing."""
        return {TRAIN_NORMALISATION: ((), ())}


AnyDataset = Dataset | Text | ParallelText
