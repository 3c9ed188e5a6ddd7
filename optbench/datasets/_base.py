"""What a dataset is: its published facts, its arrays as they were read, and its tensors on a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

Progress = Callable[[str, int, int | None], None]
"""Called while a file is downloaded, with its name, the bytes here, and the bytes in all if known."""

SPLITS = ("train", "validation", "test")


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
        checksum: SHA-256 over the decompressed source (where there are several files, over their
            `sha256sum` lines in the order of their names).
        doc: what else a user should know.
        stand_in_for: what it replaces where that cannot be shipped; None if it is the real thing.
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


@dataclass(frozen=True, eq=False)
class Raw:
    """A dataset as it was read: by split, images uint8 (N, C, H, W) and labels (N,); and where it was."""

    splits: Mapping[str, tuple[np.ndarray, np.ndarray]]
    provenance: str


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
    """A verified dataset on a device. The fields other than the splits are those of `DatasetInfo`.

    Attributes:
        provenance: one line that says where it was found.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    pixel_max: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checksum: str
    provenance: str
