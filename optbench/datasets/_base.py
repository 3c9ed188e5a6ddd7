"""What a dataset is: its published facts, its arrays as they were read, and its tensors on a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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


@dataclass(frozen=True)
class DatasetInfo:
    """The published facts of a dataset, known without reading it.

    Attributes:
        name: how it is named in recipes and on the command line.
        title: one line.
        source: who made it, and where it is published.
        licence: its licence, and who says so.
        splits: examples in each split, by the names of `SPLITS`.
        shape: channels, height, width of an image.
        classes: the name of each label, in order.
        pixel_max: the largest pixel value, which stands for 1.0.
        mean, std: of the training split's pixels scaled to [0, 1], one for each channel.
        checksum: SHA-256 that stands for the published data: over the decompressed source (where there are several
            files, over their `sha256sum` lines in the order of their names), or over the archive where that is what
            is published.
        doc: what else a user should know.
        stand_in_for: what it replaces where that cannot be shipped; None if it is the real thing.
        constants: further normalisations by name, as papers and their code have them.
        variants: whether other bytes than the published ones are read too, such as a folder of JPEG files; they have
            checksums of their own.
        top5: whether top-5 accuracy is scored too: where papers report it.
    """

    name: str
    title: str
    source: str
    licence: str
    splits: Mapping[str, int]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    pixel_max: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checksum: str
    doc: str
    stand_in_for: str | None = None
    constants: Mapping[str, Normalisation] = field(default_factory=dict)
    variants: bool = False
    top5: bool = False

    @property
    def normalisations(self) -> dict[str, Normalisation]:
        """Every normalisation by name, the default first."""
        return {TRAIN_NORMALISATION: (self.mean, self.std), **self.constants}


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
    """A verified dataset on a device. What is not described here is as in `DatasetInfo` and `Found`.

    Attributes:
        shape: channels, height, width that a model is given. Stored images may be larger; they are cropped.
        mean, std: of these training images.
        normalisations: by name; "train" is (mean, std).
        provenance: one line that says where it was found.
    """

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
