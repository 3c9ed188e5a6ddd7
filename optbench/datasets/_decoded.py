"""Decoded images kept in one file of tensors, so that a set of image files is decoded once.

    16 bytes     "optbench images\\n"
    32 bytes     SHA-256 of all that follows
    8 bytes      length of the header, little-endian
    header       JSON: checksum of the source, images of each part, shape of one, mean and deviation
    the rest     for each part: the images, uint8 (N, C, H, W), then the labels, uint8 (N,)

The file is made from the source and can be made again, so a damaged one is no error: it is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optbench import _files
from optbench.datasets._base import Normalisation
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

PARTS = ("train", "test")
_MAGIC = b"optbench images\n"
_HEAD = len(_MAGIC) + 32


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded set: by part, images uint8 (N, C, H, W) and labels uint8 (N,); mean and deviation of "train"."""

    parts: dict[str, tuple[np.ndarray, np.ndarray]]
    measured: Normalisation


def measure(images: np.ndarray) -> Normalisation:
    """Return mean and deviation of each channel over all pixels scaled to [0, 1], exact but for the last rounding."""
    import numpy as np

    count = images.size // images.shape[1]
    means, deviations = [], []
    for channel in range(images.shape[1]):
        histogram = np.zeros(256, np.int64)
        for start in range(0, len(images), 1000):  # bincount makes eight bytes of every one
            histogram += np.bincount(images[start : start + 1000, channel].ravel(), minlength=256)
        total, squares = (int((histogram * np.arange(256) ** power).sum()) for power in (1, 2))
        means.append(total / count / 255)
        deviations.append(math.sqrt(count * squares - total * total) / count / 255)
    return tuple(means), tuple(deviations)


def pack(decoded: Decoded, checksum: str) -> bytes:
    """Return the file's contents."""
    header = {
        "checksum": checksum,
        "images": {part: len(decoded.parts[part][1]) for part in PARTS},
        "shape": list(decoded.parts["train"][0].shape[1:]),
        "mean": decoded.measured[0],
        "std": decoded.measured[1],
    }
    text = json.dumps(header).encode()
    arrays = [array.tobytes() for part in PARTS for array in decoded.parts[part]]
    body = b"".join([len(text).to_bytes(8, "little"), text, *arrays])
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes | bytearray, checksum: str) -> Decoded:
    """Return what `pack` was given.

    Raises:
        OptbenchError: it is not such a file, not whole and unaltered, or of another source.
    """
    import numpy as np

    view = memoryview(data)
    body = view[_HEAD:]
    if bytes(view[:_HEAD]) != _MAGIC + hashlib.sha256(body).digest():
        raise _damaged("its bytes are not those that were written")
    start = 8 + int.from_bytes(body[:8], "little")
    try:
        header = json.loads(bytes(body[8:start]))
        counts, shape = ([int(header["images"][part]) for part in PARTS], tuple(map(int, header["shape"])))
        measured = tuple(map(float, header["mean"])), tuple(map(float, header["std"]))
        same = header["checksum"] == checksum
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _damaged(f"its header cannot be read ({error})") from None
    payload = body[start:]
    size = math.prod(shape)
    if not same or min(counts) < 0 or len(payload) != sum(counts) * (size + 1):
        raise _damaged("it is of other images than its header says, or of another source")
    parts, at = {}, 0
    for part, count in zip(PARTS, counts, strict=True):
        images = np.frombuffer(payload, np.uint8, count * size, at).reshape(count, *shape)
        labels = np.frombuffer(payload, np.uint8, count, at + count * size)
        parts[part], at = (images, labels), at + count * (size + 1)
    return Decoded(parts, measured)


def load(path: Path, checksum: str) -> Decoded | None:
    """Return what the file holds, None if there is none or it is damaged."""
    try:
        with path.open("rb") as file:
            data = bytearray(path.stat().st_size)  # not bytes: torch wants memory that it may write to
            del data[file.readinto(data) :]
        return unpack(data, checksum)
    except (OSError, OptbenchError):
        return None


def save(path: Path, decoded: Decoded, checksum: str) -> None:
    """Write the file; where that cannot be done, the images will be decoded again next time."""
    with contextlib.suppress(OptbenchError):
        _files.write(path, pack(decoded, checksum))


def _damaged(what: str) -> OptbenchError:
    return OptbenchError(f"a file of decoded images is damaged: {what}", "delete it")
