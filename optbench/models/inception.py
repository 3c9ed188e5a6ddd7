"""Inception-V3 for 32x32 images, without the auxiliary classifier.

    input           in x 32 x 32
    conv 3x3 32, 3x3 32, 3x3 64, 1x1 80     32 x 32
    conv 3x3 192, not padded                30 x 30
    A  A  A         256, 288, 288 channels  30 x 30
    B               768                     14 x 14
    C  C  C  C      768, inner widths 128, 160, 160, 192
    D               1280                     6 x 6
    E  E            2048
    global mean, dropout 0.5
    linear          2048 -> classes         logits

A to E join parallel branches along the channels. A: 1x1; 1x1, 5x5; 1x1, 3x3, 3x3; mean of 3x3, 3x3. B halves: 3x3; 1x1,
3x3, 3x3; max pool. C factors 7x7 into 7x1 and 1x7. D halves: 1x1, 3x3; 1x1, 1x7, 7x1, 3x3; mean of 3x3. E factors 3x3
into 1x3 beside 3x1. Every convolution has batch norm and ReLU, and no bias.

22,133,738 parameters with three channels and ten classes. Initialisation: torch's defaults,
U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

Source: C. Szegedy et al. (2015), "Rethinking the Inception architecture for computer vision", arXiv:1512.00567, in the
form of github.com/weiaicunzai/pytorch-cifar100: no stride and no pooling in the stem, a 3x3 convolution after the
pool of A where the paper has 1x1 (327,680 parameters), a mean in D where the paper has a maximum.

Other image sizes from 9x9 are taken; the mean at the end absorbs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn


@register(
    "inception-v3",
    "Inception-V3 for 32x32 images",
    paper="arXiv:1512.00567",
    parameters=22_133_738,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=9,  # one pixel is left after D
)
def build(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return the network for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._layers import conv_bn_relu, stack

    stem = nn.Sequential(
        conv_bn_relu(in_channels, 32, 3),
        conv_bn_relu(32, 32, 3),
        conv_bn_relu(32, 64, 3),
        conv_bn_relu(64, 80, 1),
        conv_bn_relu(80, 192, 3, same=False),
    )
    return stack(
        stem=stem,
        a=nn.Sequential(_a(192, 32), _a(256, 64), _a(288, 64)),
        b=_b(288),
        c=nn.Sequential(_c(128), _c(160), _c(160), _c(192)),
        d=_d(),
        e=nn.Sequential(_e(1280), _e(2048)),
        head=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(2048, classes)),
    )


def _a(inputs: int, pool: int) -> nn.Module:
    """Return a block of 224 + pool channels."""
    from torch import nn

    from optbench.models._layers import Concatenate
    from optbench.models._layers import conv_bn_relu as conv

    return Concatenate(
        conv(inputs, 64, 1),
        nn.Sequential(conv(inputs, 48, 1), conv(48, 64, 5)),
        nn.Sequential(conv(inputs, 64, 1), conv(64, 96, 3), conv(96, 96, 3)),
        nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), conv(inputs, pool, 3)),
    )


def _b(inputs: int) -> nn.Module:
    """Return the block that halves the image, to inputs + 480 channels."""
    from torch import nn

    from optbench.models._layers import Concatenate
    from optbench.models._layers import conv_bn_relu as conv

    return Concatenate(
        conv(inputs, 384, 3, stride=2, same=False),
        nn.Sequential(conv(inputs, 64, 1), conv(64, 96, 3), conv(96, 96, 3, stride=2, same=False)),
        nn.MaxPool2d(3, stride=2),
    )


def _c(width: int) -> nn.Module:
    """Return a block from 768 to 768 channels with 7x7 convolutions factored at that width."""
    from torch import nn

    from optbench.models._layers import Concatenate
    from optbench.models._layers import conv_bn_relu as conv

    down, across = (7, 1), (1, 7)
    return Concatenate(
        conv(768, 192, 1),
        nn.Sequential(conv(768, width, 1), conv(width, width, down), conv(width, 192, across)),
        nn.Sequential(
            conv(768, width, 1),
            conv(width, width, down),
            conv(width, width, across),
            conv(width, width, down),
            conv(width, 192, across),
        ),
        nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), conv(768, 192, 1)),
    )


def _d() -> nn.Module:
    """Return the block that halves the image, from 768 to 1280 channels."""
    from torch import nn

    from optbench.models._layers import Concatenate
    from optbench.models._layers import conv_bn_relu as conv

    return Concatenate(
        nn.Sequential(conv(768, 192, 1), conv(192, 320, 3, stride=2, same=False)),
        nn.Sequential(
            conv(768, 192, 1),
            conv(192, 192, (1, 7)),
            conv(192, 192, (7, 1)),
            conv(192, 192, 3, stride=2, same=False),
        ),
        nn.AvgPool2d(3, stride=2),
    )


def _e(inputs: int) -> nn.Module:
    """Return a block of 2048 channels that widens instead of deepening."""
    from torch import nn

    from optbench.models._layers import Concatenate
    from optbench.models._layers import conv_bn_relu as conv

    def fork() -> nn.Module:
        return Concatenate(conv(384, 384, (1, 3)), conv(384, 384, (3, 1)))

    return Concatenate(
        conv(inputs, 320, 1),
        nn.Sequential(conv(inputs, 384, 1), fork()),
        nn.Sequential(conv(inputs, 448, 1), conv(448, 384, 3), fork()),
        nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), conv(inputs, 192, 1)),
    )
