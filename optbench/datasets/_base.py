"""What a dataset is: its published facts, its arrays as they were read, and its tensors on a device.

There are three kinds. Images have labels; a text is one long row of tokens; parallel text is pairs of sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

    from optbench.datasets._stream import Files, Stream

Progress = Callable[[str, int, int | None], None]
"""Called while a file is downloaded, with its name, the bytes here, and the bytes in all if known."""

SPLITS = ("train", "validation", "test")


Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and deviation of pixels scaled to [0, 1], one of each for each channel."""

TRAIN_NORMALISATION = "train"
"""The normalisation that every dataset has: mean and deviation of its own training images."""


PAD, UNK, BOS, EOS = 0, 1, 2, 3
"""Ids of parallel text that are no subwords: padding, what is unknown, and where a sentence begins and ends."""


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


@dataclass(frozen=True)
class Found:
    """A dataset that is on this machine, intact as far as that can be told.

    Attributes:
        place: the folder or archive it is in.
        checksum: SHA-256 that stands for these bytes; that of `DatasetInfo` if they are the published ones.
        variant: what they are instead of the published bytes, such as "JPEG image folder"; else empty.
        exact: whether they are the published data.
    """

    place: str
    checksum: str
    variant: str = ""
    exact: bool = True

    @property
    def provenance(self) -> str:
        """One line that says where the data were found, and whether they are the published ones."""
        if not self.place:
            return "embedded in optbench"
        what = ", ".join(filter(None, (self.variant, "" if self.exact else "not the published bytes")))
        return f"found in {self.place}" + (f" ({what})" if what else "")


@dataclass(frozen=True, eq=False)
class Raw:
    """A dataset as it was read, and where.

    Attributes:
        splits: by name, images uint8 (N, C, H, W) and labels (N,); or files of images, to be read as they are needed.
        found: where it was.
        measured: mean and deviation of these training images, where they may differ from the published data's.
        classes: names of the labels, where they may differ.
    """

    splits: Mapping[str, tuple[np.ndarray, np.ndarray] | Files]
    found: Found
    measured: Normalisation | None = None
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class RawText:
    """A text as it was read.

    Attributes:
        splits: by name, token ids int32 (N,); perhaps a memory map, opened copy-on-write, since torch wants arrays that
            can be written.
        vocabulary: the tokens, by id.
        found: where it was.
        counts: what else is worth telling, such as how many tokens are unknown words.
    """

    splits: Mapping[str, np.ndarray]
    vocabulary: tuple[str, ...]
    found: Found
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of different lengths, one after the other; row i is ids[offsets[i]:offsets[i + 1]].

    Attributes:
        ids: int32 (sum of all lengths,).
        offsets: int64 (rows + 1,), from 0.
    """

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, eq=False)
class RawPairs:
    """Sentences and their translations, as lines and as subwords without BOS and EOS."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    source_ids: Ragged
    target_ids: Ragged


class Tokenizer(Protocol):
    """What cuts sentences into subwords and joins them again."""

    def encode(self, sentence: str) -> list[int]:
        """Return the ids of a sentence, without BOS and EOS."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the sentence, as people write it, of ids that are subwords."""


@dataclass(frozen=True, eq=False)
class RawParallel:
    """Parallel text as it was read.

    Attributes:
        splits: by name.
        languages: of source and target.
        pieces: ids that the tokenizer gives, the four special ones included.
        tokenizer: of both languages.
        found: where it was.
    """

    splits: Mapping[str, RawPairs]
    languages: tuple[str, str]
    pieces: int
    tokenizer: Tokenizer
    found: Found


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
