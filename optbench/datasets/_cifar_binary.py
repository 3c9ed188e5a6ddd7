"""The binary format of CIFAR-10 and CIFAR-100, read from bytes.

A file is a row of records without anything between them: the label bytes (CIFAR-10: the class; CIFAR-100: the coarse
class, then the class), then 3,072 pixel bytes: red, green, blue, each 32 rows of 32.

Source: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

SIDE = 32
PIXELS = 3 * SIDE * SIDE


def parse(data: bytes, source: str, records: int, label_classes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Decode a file of the binary version; nothing short of a whole, exact file is accepted.

    Args:
        data: the whole file.
        source: its name for messages.
        records: how many it must hold.
        label_classes: for each label byte, how many classes there are.

    Returns:
        Images uint8 (N, 3, 32, 32) and the last label byte of each, uint8 (N,).

    Raises:
        OptbenchError: the length is not that of so many records, or a label is out of range.
    """
    import numpy as np

    length = len(label_classes) + PIXELS
    if len(data) != records * length:
        what = "is truncated" if len(data) < records * length else "has bytes after its end"
        raise OptbenchError(
            f"{source} {what}: {len(data)} bytes, {records} records need {records * length}",
            "replace it by an intact copy",
        )
    table = np.frombuffer(data, np.uint8).reshape(records, length)
    for column, classes in enumerate(label_classes):
        if (wrong := table[:, column] >= classes).any():
            row = int(wrong.argmax())
            raise OptbenchError(
                f"{source} is altered: record {row} has label {table[row, column]} of {classes} classes",
                "replace it by an intact copy",
            )
    images = table[:, len(label_classes) :].reshape(records, 3, SIDE, SIDE)
    return images.copy(), table[:, len(label_classes) - 1].copy()
