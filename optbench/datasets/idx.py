"""The IDX format of MNIST and its relatives, read from bytes.

    byte 0, 1   zero
    byte 2      type: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3      number of dimensions D
    4 D bytes   the sizes, big-endian uint32
    the rest    the values, big-endian, row-major

Source: http://yann.lecun.com/exdb/mnist/ (the format is at the foot of the page, now offline).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

_MAX_DIMENSIONS = 32  # NumPy 1's limit; no known IDX file has more than 4
_HINT = "replace the file by an intact copy"


def parse(data: bytes, source: str) -> np.ndarray:
    """Decode an IDX file; nothing short of a whole, exact file is accepted.

    Args:
        data: the whole (decompressed) file.
        source: its name for messages.

    Returns:
        A fresh, writable array in native byte order.

    Raises:
        OptbenchError: the magic number, the sizes or the length are not those of an IDX file.
    """
    import numpy as np

    if len(data) < 4 or data[:2] != b"\0\0":
        raise OptbenchError(f"{source} is no IDX file: it starts with {data[:4].hex() or 'nothing'}", _HINT)
    if data[2] not in TYPES:
        raise OptbenchError(f"{source} is no IDX file: type byte {data[2]:#04x} is unknown", _HINT)
    dimensions = data[3]
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise OptbenchError(f"{source} is no IDX file of ours: it has {dimensions} dimensions", _HINT)
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise OptbenchError(f"{source} is truncated: {len(data)} bytes, its header alone has {start}", _HINT)
    shape = tuple(int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4))
    dtype = np.dtype(TYPES[data[2]])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        what = "is truncated" if len(data) < expected else "has bytes after its end"
        sizes = "x".join(map(str, shape))
        raise OptbenchError(f"{source} {what}: {len(data)} bytes, {sizes} values need {expected}", _HINT)
    if 0 in shape:
        raise OptbenchError(f"{source} holds no values", _HINT)
    values = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))  # astype copies: torch wants memory it may write to
