"""What is done to training images, batched and on their device. Everything random of an epoch is drawn before it.

It is drawn on the CPU and from (seed, epoch) alone, so every device, every batch size and a resumed run see the same
images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from optbench.datasets import _crops

if TYPE_CHECKING:
    import numpy as np
    import torch

AUGMENTATIONS = {
    "none": "nothing",
    "flip": "mirrored left to right, one time in two",
    "crop-flip": "padded by 4 black pixels, a random crop of the old size, mirrored one time in two",
    "resized-crop-flip": "a random part of 8 to 100 % of the area, resized, mirrored one time in two",
}
"""By name, in words."""

PADDING = 4  # pixels on each side, as everywhere in the papers' code for CIFAR

Augment = Callable[["torch.Tensor", int], "torch.Tensor"]
"""From the pixels of a batch and its first position in the epoch to what is trained on."""


def epoch(name: str, count: int, seed: int, stored: tuple[int, int], side: int, device: torch.device) -> Augment:
    """Draw an epoch's augmentation.

    Args:
        name: one of `AUGMENTATIONS`.
        count: images in the epoch.
        seed: 0 to 2^64 - 1.
        stored: height and width of the pixels that will be given.
        side: height and width of the images to make; larger pixels lose their margin unless resized.
        device: of the pixels.
    """
    import numpy as np
    import torch

    if name == "none":
        return lambda pixels, at: centre(pixels, side)
    random = np.random.Generator(np.random.Philox(key=seed))

    def drawn(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(device)

    flips = drawn(random.random(count) < 0.5)
    if name == "resized-crop-flip":
        boxes = drawn(_crops.random_boxes(count, *stored, random))
        return lambda pixels, at: flip(resized_crop(pixels, boxes[at : at + len(pixels)], side), flips[at:])
    if name == "crop-flip":
        places = drawn(random.integers(0, 2 * PADDING, (count, 2), endpoint=True))
        return lambda pixels, at: flip(crop(centre(pixels, side), places[at : at + len(pixels)]), flips[at:])
    return lambda pixels, at: flip(centre(pixels, side), flips[at:])


def centre(pixels: torch.Tensor, side: int) -> torch.Tensor:
    """Return the square in the centre (B, C, side, side), a view; the pixels themselves where they are no larger."""
    height, width = pixels.shape[-2:]
    if (height, width) == (side, side):
        return pixels
    top, left = _crops.centre(height, width, side)
    return pixels[..., top : top + side, left : left + side]


def flip(pixels: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return pixels (B, C, H, W) mirrored left to right where `chosen` (B or more) is true."""
    import torch

    return torch.where(chosen[: len(pixels), None, None, None], pixels.flip(-1), pixels)


def crop(pixels: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return crops of the old size from pixels (B, C, H, W) padded by zeros; `places` (B, 2): top and left, 0 to 8."""
    import torch
    from torch.nn.functional import pad

    height, width = pixels.shape[-2:]
    # a view of every crop there is, (B, C, 9, 9, H, W), of which one each is copied
    crops = pad(pixels, (PADDING,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    return crops[torch.arange(len(pixels), device=pixels.device), :, places[:, 0], places[:, 1]]


def resized_crop(pixels: torch.Tensor, boxes: torch.Tensor, side: int) -> torch.Tensor:
    """Return boxes of the pixels (B, C, H, W) resized to (B, C, side, side), fp32, not rounded.

    Pixel values are interpolated as Pillow does it (BILINEAR): by a triangle that is as wide as a pixel of the result
    or of the source, whichever is wider. Rows and columns are resized apart, each by a product of matrices.

    Args:
        pixels: of any type.
        boxes: (B, 4) top, left, height, width, within the pixels.
        side: of the result.
    """
    height, width = pixels.shape[-2:]
    rows = _weights(boxes[:, 0], boxes[:, 2], height, side)
    columns = _weights(boxes[:, 1], boxes[:, 3], width, side)
    return rows[:, None] @ (pixels.float() @ columns[:, None].mT)


def _weights(start: torch.Tensor, length: torch.Tensor, size: int, side: int) -> torch.Tensor:
    """Return what each of `size` source pixels gives to each of `side` results, fp32 (B, side, size)."""
    import torch

    source = torch.arange(size, device=start.device)
    inside = (source >= start[:, None]) & (source < (start + length)[:, None])  # (B, size)
    scale = (length / side)[:, None]  # (B, 1) source pixels to one of the result
    centres = start[:, None] + (torch.arange(side, device=start.device) + 0.5) * scale  # (B, side)
    distance = (source + 0.5 - centres[:, :, None]).abs() / scale.clamp(min=1)[:, :, None]
    weights = (1 - distance).clamp(min=0) * inside[:, None]
    return weights / weights.sum(dim=2, keepdim=True)
