"""A dataset as it was read, in NumPy's arrays, and where it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from optbench.datasets._facts import Normalisation

if TYPE_CHECKING:
    import numpy as np

    from optbench.datasets._stream import Files


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
