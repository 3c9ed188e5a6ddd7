"""Datasets, one file per source. A public module of this package is a dataset when it has

- `INFO`, an `ImageInfo`, a `TextInfo` or a `ParallelInfo`,
- `find(root, **options) -> Found | None`, which says where on this machine the data are, once they have shown to be
  intact,
- `read(root, progress, **options)`, which finds or downloads, verifies and decodes the data with NumPy alone, and
  returns a `Raw`, a `RawText` or a `RawParallel`, and,
- where it has options, `OPTIONS`: by the key of a recipe's [data] table, what it may hold.

Importing this package, and all of it but `load` and `synthetic`, does not import torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from optbench._discover import Entries
from optbench._fields import Field
from optbench.datasets._base import (
    BOS,
    EOS,
    PAD,
    SPLITS,
    TRAIN_NORMALISATION,
    UNK,
    AnyDataset,
    Dataset,
    DatasetInfo,
    Found,
    ImageInfo,
    Normalisation,
    Pairs,
    ParallelInfo,
    ParallelText,
    Progress,
    Ragged,
    RaggedTensor,
    Raw,
    RawPairs,
    RawParallel,
    RawText,
    Split,
    Text,
    TextInfo,
    Tokenizer,
)
from optbench.datasets._stream import Stream
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import torch

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
    "Stream",
    "Text",
    "TextInfo",
    "Tokenizer",
    "checksum",
    "exact",
    "fetch",
    "info",
    "load",
    "locate",
    "names",
    "options",
    "synthetic",
]

Options = Mapping[str, object]
NONE: Options = {}
AnyRaw = Raw | RawText | RawParallel
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


def options(name: str) -> Mapping[str, Field]:
    """Return the options that a dataset takes in a recipe's [data] table.

    Raises:
        OptbenchError: no dataset has that name.
    """
    found: Mapping[str, Field] = getattr(_entries.module(name), "OPTIONS", {})
    return found


def locate(name: str, *, root: Path | None = None, options: Options = NONE) -> Found | None:
    """Return where a dataset is on this machine, None if it is not; nothing is downloaded or decoded.

    What is found is verified once, and after that while its files do not change.

    Args:
        name: of the dataset.
        root: folder to look in first; None means the one that `OPTBENCH_DATA` names, if any.
        options: the dataset's own.

    Raises:
        OptbenchError: the name is unknown, or what is found is altered, incomplete or not safe to read.
    """
    found: Found | None = _entries.module(name).find(root, **options)
    return found


def checksum(name: str, *, root: Path | None = None, options: Options = NONE) -> str:
    """Return the checksum that the loaded data will have.

    It is a published constant, for which nothing is read, but where other bytes than the published ones may be found:
    then it is that of what `locate` finds, and of the published data if it finds nothing.

    Raises:
        OptbenchError: as `locate`.
    """
    facts = info(name)
    found = locate(name, root=root, options=options) if facts.variants else None
    return found.checksum if found else facts.checksum


def exact(name: str, checksum: str) -> bool | None:
    """Return whether data with that checksum are the published ones; None where a checksum cannot tell.

    It cannot where nobody has published one of what is read (`DatasetInfo.made_by_users`). There,
    `locate(name).exact` compares counts.

    Raises:
        OptbenchError: no dataset has that name.
    """
    facts = info(name)
    return None if facts.made_by_users else checksum == facts.checksum


def fetch(name: str, *, root: Path | None = None, progress: Progress | None = None, options: Options = NONE) -> str:
    """Make sure that a dataset is on this machine, intact and decoded, without torch; return its provenance.

    Args and errors are those of `load`.
    """
    return _read(name, root, progress, options).found.provenance


def load(
    name: str,
    *,
    root: Path | None = None,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
    options: Options = NONE,
) -> AnyDataset:
    """Find a dataset, verify it, and put it on a device.

    Args:
        name: of the dataset.
        root: folder to look in first; None means the one that `OPTBENCH_DATA` names, if any.
        device: where the tensors go.
        progress: called while files are downloaded.
        options: the dataset's own.

    Raises:
        OptbenchError: the name is unknown, a file is altered or truncated, or the data are not here and
            could not be downloaded.
    """
    from optbench.datasets import _tensors

    return _tensors.on_device(info(name), _read(name, root, progress, options), device)


def synthetic(
    name: str,
    *,
    size: int,
    device: str | torch.device = "cpu",
    options: Options = NONE,
    vocabulary: int | None = None,
) -> AnyDataset:
    """Return made-up data of a dataset's kind and shape; nothing is read from the disk.

    Pixels, labels and tokens are independent and uniform, the same for the same name and size. ImageNet's images are
    stored as 256x256, of which training and scoring take parts of 224x224.

    Args:
        name: of the dataset.
        size: training examples (images, tokens or pairs); validation and test have a tenth as many each.
        device: where the tensors go.
        options: the dataset's own.
        vocabulary: of a text, how many different tokens or subwords there are; None means as many as the dataset has.

    Raises:
        OptbenchError: the name is unknown, or the size is not at least 1.
    """
    from optbench.datasets import _synthetic, _tensors

    facts = info(name)
    if size < 1:
        raise OptbenchError(f"{size} synthetic {facts.examples}", "make at least one")
    made = hashlib.sha256(f"optbench synthetic {name} {size}".encode()).hexdigest()
    found = Found("memory", made, variant=f"{size} synthetic {facts.examples}", exact=False)
    return _tensors.on_device(facts, _synthetic.raw(facts, size, found, dict(options), vocabulary), device)


def _read(name: str, root: Path | None, progress: Progress | None, options: Options) -> AnyRaw:
    raw: AnyRaw = _entries.module(name).read(root, progress, **options)
    return raw
