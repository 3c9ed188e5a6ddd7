"""UCI optical digits: the 1,797 images of the set's test part (`optdigits.tes`), as scikit-learn has them.

8x8 pixels of 0 to 16, each the number of black pixels in a 4x4 block of a 32x32 scan. `data/digits.txt`
beside this file states source, licence and checksums.

The split is fixed for ever and depends on no library: within each class, rows (counted from 0) are ordered by
the SHA-256 of their number written in decimal; the first 30 are test, the next 30 validation, the others
train. Every split keeps the order of the file. All splits share the set's 13 writers, so scores are
optimistic for new writers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from optbench.datasets._base import Found, ImageInfo, Progress, Raw
from optbench.errors import OptbenchError

TEST_PER_CLASS = 30
VALIDATION_PER_CLASS = 30

INFO = ImageInfo(
    name="digits",
    title="UCI optical digits, 8x8 grey, embedded",
    source="E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine "
    "Learning Repository, https://doi.org/10.24432/C50P49; packaged by scikit-learn",
    licence="CC BY 4.0 (UCI's page); scikit-learn's packaging: BSD-3-Clause",
    splits={"train": 1197, "validation": 300, "test": 300},
    shape=(1, 8, 8),
    classes=tuple("0123456789"),
    pixel_max=16,
    mean=(0.3056,),
    std=(0.3767,),
    checksum="6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
    doc=__doc__,
    stand_in_for="the papers' image sets (MNIST, CIFAR-10), which are too large or not free to ship",
)


def find(root: Path | None) -> Found:
    """Return that it is embedded, once its bytes have shown to be the published ones.

    Raises:
        OptbenchError: the embedded file is missing or not the published one.
    """
    _verified_text()
    return Found("", INFO.checksum)


def read(root: Path | None, progress: Progress | None) -> Raw:
    """Read the embedded file; `root` and `progress` are for datasets that must be found first.

    Raises:
        OptbenchError: the embedded file is missing or not the published one.
    """
    import numpy as np

    text = _verified_text()
    rows = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.uint8)  # (1797, 65): 64 pixels and the label
    images, labels = rows[:, :64].reshape(-1, 1, 8, 8), rows[:, 64]
    parts = {name: np.array(part) for name, part in split(labels.tolist()).items()}
    return Raw({name: (images[part], labels[part]) for name, part in parts.items()}, Found("", INFO.checksum))


def split(labels: Sequence[int]) -> dict[str, list[int]]:
    """Return the row numbers of each split, ascending, as the module's docstring defines them."""
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for label in sorted(set(labels)):
        rows = [row for row, other in enumerate(labels) if other == label]
        rows.sort(key=lambda row: hashlib.sha256(str(row).encode()).digest())
        held_out = TEST_PER_CLASS + VALIDATION_PER_CLASS
        parts["test"] += rows[:TEST_PER_CLASS]
        parts["validation"] += rows[TEST_PER_CLASS:held_out]
        parts["train"] += rows[held_out:]
    return {name: sorted(rows) for name, rows in parts.items()}


def _verified_text() -> str:
    file = resources.files("optbench.datasets").joinpath("data", "digits.csv.gz")
    try:
        data = gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise OptbenchError(f"the embedded data file {file} cannot be read ({error})", "reinstall optbench") from None
    if hashlib.sha256(data).hexdigest() != INFO.checksum:
        raise OptbenchError(f"the embedded data file {file} is altered", "reinstall optbench")
    return data.decode("ascii")
