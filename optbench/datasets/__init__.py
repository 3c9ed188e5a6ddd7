"""Datasets, one file per source. A public module of this package is a dataset when it has

- `INFO`, a `DatasetInfo`,
- `find(root) -> Found | None`, which says where on this machine the data are, once they have shown to be intact, and
- `read(root, progress) -> Raw`, which finds or downloads, verifies and decodes the data with NumPy alone.

Importing this package, and all of it but `load` and `synthetic`, does not import torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from optbench._discover import Entries
from optbench.datasets._base import (
    SPLITS,
    TRAIN_NORMALISATION,
    Dataset,
    DatasetInfo,
    Found,
    Normalisation,
    Progress,
    Raw,
    Split,
)
from optbench.datasets._stream import Files, Stream
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import torch

__all__ = [
    "SPLITS",
    "TRAIN_NORMALISATION",
    "Dataset",
    "DatasetInfo",
    "Found",
    "Normalisation",
    "Progress",
    "Raw",
    "Split",
    "Stream",
    "checksum",
    "exact",
    "fetch",
    "info",
    "load",
    "locate",
    "names",
    "synthetic",
]

_entries = Entries[DatasetInfo](__name__, __path__, "dataset")


def names(pattern: str = "*") -> list[str]:
    """Return the sorted names of the datasets that match a shell pattern."""
    return _entries.names(pattern)


def info(name: str) -> DatasetInfo:
    """Return the published facts of a dataset.

    Raises:
        OptbenchError: no dataset has that name.
    """
    return _entries.info(name)


def locate(name: str, *, root: Path | None = None) -> Found | None:
    """Return where a dataset is on this machine, None if it is not; nothing is downloaded or decoded.

    What is found is verified once, and after that while its files do not change.

    Args:
        name: of the dataset.
        root: folder to look in first; None means the one that `OPTBENCH_DATA` names, if any.

    Raises:
        OptbenchError: the name is unknown, or what is found is altered, incomplete or not safe to read.
    """
    found: Found | None = _entries.module(name).find(root)
    return found


def checksum(name: str, *, root: Path | None = None) -> str:
    """Return the checksum that the loaded data will have.

    It is a published constant, for which nothing is read, but where other bytes than the published ones may be found:
    then it is that of what `locate` finds, and of the published data if it finds nothing.

    Raises:
        OptbenchError: as `locate`.
    """
    facts = info(name)
    found = locate(name, root=root) if facts.variants else None
    return found.checksum if found else facts.checksum


def exact(name: str, checksum: str) -> bool | None:
    """Return whether data with that checksum are the published ones; None where a checksum cannot tell.

    It cannot where nobody has published one of what is read: ImageNet's is over a folder that users made themselves.
    There, `locate(name).exact` compares classes and counts.

    Raises:
        OptbenchError: no dataset has that name.
    """
    if name == "imagenet":
        return None
    return checksum == info(name).checksum


def fetch(name: str, *, root: Path | None = None, progress: Progress | None = None) -> str:
    """Make sure that a dataset is on this machine, intact and decoded, without torch; return its provenance.

    Args and errors are those of `load`.
    """
    return _read(name, root, progress).found.provenance


def load(
    name: str,
    *,
    root: Path | None = None,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
) -> Dataset:
    """Find a dataset, verify it, and put it on a device.

    Args:
        name: of the dataset.
        root: folder to look in first; None means the one that `OPTBENCH_DATA` names, if any.
        device: where the tensors go.
        progress: called while files are downloaded.

    Raises:
        OptbenchError: the name is unknown, a file is altered or truncated, or the data are not here and
            could not be downloaded.
    """
    import torch

    from optbench.datasets._stream import stream

    facts = info(name)
    raw = _read(name, root, progress)
    splits: dict[str, Split | Stream] = {}
    for split in SPLITS:
        part = raw.splits[split]
        if isinstance(part, Files):
            splits[split] = stream(part, facts.shape[1], torch.device(device))
        else:
            images, labels = part
            splits[split] = Split(
                images=torch.from_numpy(images).to(device),
                labels=torch.from_numpy(labels.astype("int64")).to(device),
            )
    return _dataset(facts, splits, raw.found, raw.measured, raw.classes)


def synthetic(name: str, *, size: int, device: str | torch.device = "cpu") -> Dataset:
    """Return made-up images and labels of a dataset's shape and classes; nothing is read from the disk.

    Pixels and labels are independent and uniform, the same for the same name and size. ImageNet's are stored as
    256x256, of which training and scoring take parts of 224x224.

    Args:
        name: of the dataset.
        size: training images; validation and test have a tenth as many each, at least one.
        device: where the tensors go.

    Raises:
        OptbenchError: the name is unknown, or the size is not at least 1.
    """
    from optbench.datasets._synthetic import splits

    facts = info(name)
    if size < 1:
        raise OptbenchError(f"{size} synthetic images", "make at least one")
    made = hashlib.sha256(f"optbench synthetic {name} {size}".encode()).hexdigest()
    found = Found("memory", made, variant=f"{size} synthetic images", exact=False)
    return _dataset(facts, splits(facts, size, made, device), found)


def _dataset(
    facts: DatasetInfo,
    splits: Mapping[str, Split | Stream],
    found: Found,
    measured: Normalisation | None = None,
    classes: tuple[str, ...] | None = None,
) -> Dataset:
    mean, std = measured or (facts.mean, facts.std)
    return Dataset(
        name=facts.name,
        classes=classes or facts.classes,
        shape=facts.shape,
        pixel_max=facts.pixel_max,
        mean=mean,
        std=std,
        checksum=found.checksum,
        provenance=found.provenance,
        variant=found.variant,
        exact=found.exact,
        top5=facts.top5,
        constants=facts.constants,
        **splits,
    )


def _read(name: str, root: Path | None, progress: Progress | None) -> Raw:
    raw: Raw = _entries.module(name).read(root, progress)
    return raw
