"""Datasets, one file per source. A public module of this package is a dataset when it has

- `INFO`, a `DatasetInfo`, and
- `read(root, progress) -> Raw`, which finds, verifies and decodes the data with NumPy alone.

Importing this package, and all of it but `load`, does not import torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optbench._discover import Entries
from optbench.datasets._base import SPLITS, Dataset, DatasetInfo, Progress, Raw, Split

if TYPE_CHECKING:
    import torch

__all__ = [
    "SPLITS",
    "Dataset",
    "DatasetInfo",
    "Progress",
    "Raw",
    "Split",
    "checksum",
    "fetch",
    "info",
    "load",
    "names",
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


def checksum(name: str, *, root: Path | None = None) -> str:
    """Return the checksum that the loaded data will have: a published constant, so nothing is read.

    Args:
        name: of the dataset.
        root: accepted for datasets whose bytes depend on the folder they are in; there is none yet.

    Raises:
        OptbenchError: no dataset has that name.
    """
    return info(name).checksum


def fetch(name: str, *, root: Path | None = None, progress: Progress | None = None) -> str:
    """Make sure that a dataset is on this machine and intact, without torch; return its provenance.

    Args and errors are those of `load`.
    """
    return _read(name, root, progress).provenance


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

    facts = info(name)
    raw = _read(name, root, progress)
    splits = {}
    for split in SPLITS:
        images, labels = raw.splits[split]
        splits[split] = Split(
            images=torch.from_numpy(images).to(device),
            labels=torch.from_numpy(labels.astype("int64")).to(device),
        )
    return Dataset(
        name=facts.name,
        classes=facts.classes,
        shape=facts.shape,
        pixel_max=facts.pixel_max,
        mean=facts.mean,
        std=facts.std,
        checksum=facts.checksum,
        provenance=raw.provenance,
        **splits,
    )


def _read(name: str, root: Path | None, progress: Progress | None) -> Raw:
    raw: Raw = _entries.module(name).read(root, progress)
    return raw
