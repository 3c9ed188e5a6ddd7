"""Which part of an image is seen: random ones to train on, as `RandomResizedCrop` has them, and the centre to score.

The random box is that of torchvision's `RandomResizedCrop.get_params`, the form of C. Szegedy et al. (2015),
arXiv:1409.4842, section 6: an area of 8 to 100 % of the image's, a ratio of width to height of 3/4 to 4/3 (uniform in
its logarithm), ten attempts to fit, or else the largest box in the centre within these ratios.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
ATTEMPTS = 10
RESIZED = 256 / 224  # images to score: the shorter side is so much longer than the crop from its centre


def random_boxes(count: int, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Return boxes (count, 4) within an image, int64: top, left, height, width."""
    import numpy as np

    area = height * width * random.uniform(*AREA, (count, ATTEMPTS))
    ratio = np.exp(random.uniform(math.log(RATIO[0]), math.log(RATIO[1]), (count, ATTEMPTS)))
    wide = np.rint(np.sqrt(area * ratio)).astype(np.int64)
    high = np.rint(np.sqrt(area / ratio)).astype(np.int64)
    place = random.random((count, 2))
    fits = (wide >= 1) & (wide <= width) & (high >= 1) & (high <= height)
    first = fits.argmax(axis=1)[:, None]
    high, wide = (np.take_along_axis(sides, first, axis=1)[:, 0] for sides in (high, wide))
    top = (place[:, 0] * (height - high + 1)).astype(np.int64)
    left = (place[:, 1] * (width - wide + 1)).astype(np.int64)
    boxes = np.stack((top, left, high, wide), axis=1)
    boxes[~fits.any(axis=1)] = _largest(height, width)
    return boxes


def _largest(height: int, width: int) -> tuple[int, int, int, int]:
    """Return the largest box in the centre whose ratio is allowed."""
    ratio = width / height
    high, wide = height, width
    if ratio < RATIO[0]:
        high = min(height, max(1, round(width / RATIO[0])))
    elif ratio > RATIO[1]:
        wide = min(width, max(1, round(height * RATIO[1])))
    return (height - high) // 2, (width - wide) // 2, high, wide


def centre(height: int, width: int, side: int) -> tuple[int, int]:
    """Return top and left of the square in the centre of an image that is at least as large."""
    return round((height - side) / 2), round((width - side) / 2)


def resized(height: int, width: int, side: int) -> tuple[int, int]:
    """Return the height and width to which an image is resized before the centre is cut out, its ratio kept."""
    shorter = round(side * RESIZED)
    if height <= width:
        return shorter, max(shorter, int(shorter * width / height))
    return max(shorter, int(shorter * height / width)), shorter
