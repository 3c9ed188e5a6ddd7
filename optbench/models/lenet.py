"""LeNet-5 for 28x28 images, with ReLU and max pooling.

    input       in x 28 x 28
    conv 5x5    6, padding 2    28 x 28     ReLU
    max pool    2x2             14 x 14
    conv 5x5    16              10 x 10     ReLU
    max pool    2x2             5 x 5
    linear      400 -> 120      ReLU
    linear      120 -> 84       ReLU
    linear      84 -> classes   logits

61,706 parameters with one channel and ten classes. Initialisation: torch's defaults,
U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), "Gradient-based learning applied to document
recognition", Proc. IEEE 86(11), doi:10.1109/5.726791. Departures, as is usual now: ReLU for the scaled tanh,
max pooling for trained subsampling, every map of the second convolution sees all six of the first, a linear
output for the radial-basis one, and padding 2 where the paper pads the images to 32x32 themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn


@register(
    "lenet",
    "LeNet-5, padding 2, ReLU, max pooling",
    paper="doi:10.1109/5.726791",
    parameters=61_706,
    input_shape=(1, 28, 28),
    classes=10,
    smallest=12,  # one pixel is left after the second pooling
)
def build(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return the network for images of (in_channels, image_size, image_size)."""
    from torch import nn

    side = (image_size // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(in_channels, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * side * side, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )
