"""DenseNet-121 for 32x32 images: each layer sees the outputs of all layers before it in its block.

    input           in x 32 x 32
    conv 3x3        64                      32 x 32
    block 1         6 layers                32 x 32     256 channels
    transition                              16 x 16     128
    block 2         12 layers               16 x 16     512
    transition                               8 x 8      256
    block 3         24 layers                8 x 8      1024
    transition                               4 x 4      512
    block 4         16 layers                4 x 4      1024
    batch norm, ReLU, global mean
    linear          1024 -> classes                     logits

A layer is batch norm, ReLU, 1x1 to 128 channels, batch norm, ReLU, 3x3 to 32 channels (the growth rate), and puts these
before what it was given. A transition is batch norm, ReLU, 1x1 to half the channels, mean of 2x2. Convolutions have no
bias.

6,956,298 parameters with three channels and ten classes. Initialisation: torch's defaults,
U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

Source: G. Huang, Z. Liu, L. van der Maaten, K. Weinberger (2016), arXiv:1608.06993, DenseNet-BC, in the form of
github.com/kuangliu/pytorch-cifar: the paper's ImageNet network with a 3x3 stem and no pooling after it. AdaBelief's
experiments call its `DenseNet121`, growth rate 32, not its `densenet_cifar`, growth rate 12 and 1.0 M parameters.

Other image sizes are taken; the mean at the end absorbs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn

GROWTH = 32  # channels that a layer adds
DEPTHS = (6, 12, 24, 16)  # layers of each block


@register(
    "densenet-121",
    "DenseNet-121, growth rate 32, for 32x32 images",
    paper="arXiv:1608.06993",
    parameters=6_956_298,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=8,
)
def build(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return the network for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._layers import average_head, bn_relu_conv, conv, stack

    channels = 2 * GROWTH
    blocks: dict[str, nn.Module] = {"stem": conv(in_channels, channels)}
    for number, depth in enumerate(DEPTHS, start=1):
        blocks[f"block{number}"] = nn.Sequential(*(_layer(channels + index * GROWTH) for index in range(depth)))
        channels += depth * GROWTH
        if number < len(DEPTHS):
            blocks[f"transition{number}"] = nn.Sequential(bn_relu_conv(channels, channels // 2, 1), nn.AvgPool2d(2))
            channels //= 2
    last = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
    return stack(**blocks, last=last, head=average_head(channels, classes))


def _layer(inputs: int) -> nn.Module:
    from torch import nn

    from optbench.models._layers import Concatenate, bn_relu_conv

    new = nn.Sequential(bn_relu_conv(inputs, 4 * GROWTH, 1), bn_relu_conv(4 * GROWTH, GROWTH, 3))
    return Concatenate(new, nn.Identity())
