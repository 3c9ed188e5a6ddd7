"""Images that are made up: for timing a recipe where its data are not, or not worth waiting for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.datasets import _crops
from optbench.datasets._base import SPLITS, DatasetInfo, Split

if TYPE_CHECKING:
    import torch

LARGE = 128  # pixels a side: images larger than this are cropped from stored ones, as ImageNet's are


def splits(facts: DatasetInfo, size: int, seed: str, device: str | torch.device) -> dict[str, Split]:
    """Return uniform pixels and labels: `size` images to train on, a tenth as many in each of the other splits.

    Args:
        facts: shape, classes and largest pixel.
        size: at least 1.
        seed: hexadecimal digits, of which 128 bits are used.
        device: where the tensors go.
    """
    import numpy as np
    import torch

    random = np.random.Generator(np.random.Philox(key=int(seed[:32], 16)))
    channels, height, width = facts.shape
    if height > LARGE:
        height, width = round(height * _crops.RESIZED), round(width * _crops.RESIZED)
    found = {}
    for name in SPLITS:
        count = size if name == "train" else max(1, size // 10)
        images = random.integers(0, facts.pixel_max, (count, channels, height, width), np.uint8, endpoint=True)
        labels = random.integers(0, len(facts.classes), count)
        found[name] = Split(torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device))
    return found
