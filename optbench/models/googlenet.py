"""GoogLeNet for 32x32 images: inception blocks, with batch norm, without the auxiliary classifiers.

    input           in x 32 x 32
    conv 3x3        192                             32 x 32
    inception 3a 3b                                 32 x 32     480 channels
    max pool 3x3    stride 2                        16 x 16
    inception 4a 4b 4c 4d 4e                        16 x 16     832 channels
    max pool 3x3    stride 2                         8 x 8
    inception 5a 5b                                  8 x 8      1024 channels
    global mean
    linear          1024 -> classes                             logits

An inception block joins four branches along the channels: 1x1; 1x1 then 3x3; 1x1 then two 3x3 (for the paper's 5x5);
max pool 3x3 then 1x1. Every convolution has a bias, batch norm and ReLU.

6,166,250 parameters with three channels and ten classes. Initialisation: torch's defaults,
U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

Source: C. Szegedy et al. (2014), "Going deeper with convolutions", arXiv:1409.4842, Table 1, in the form of
github.com/kuangliu/pytorch-cifar: one 3x3 convolution for the stem that reduces 224x224 images to 28x28.

Other image sizes are taken; the mean at the end absorbs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn

# From the paper's Table 1: channels in; of the 1x1; before and in the 3x3; before and in the 5x5; after the pool.
BLOCKS_3 = ((192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64))
BLOCKS_4 = (
    (480, 192, 96, 208, 16, 48, 64),
    (512, 160, 112, 224, 24, 64, 64),
    (512, 128, 128, 256, 24, 64, 64),
    (512, 112, 144, 288, 32, 64, 64),
    (528, 256, 160, 320, 32, 128, 128),
)
BLOCKS_5 = ((832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128))


@register(
    "googlenet",
    "GoogLeNet with batch norm, for 32x32 images",
    paper="arXiv:1409.4842",
    parameters=6_166_250,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=4,
)
def build(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return the network for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._layers import average_head, biased_conv_bn_relu, stack

    return stack(
        stem=biased_conv_bn_relu(in_channels, 192),
        inception3=nn.Sequential(*(_inception(*widths) for widths in BLOCKS_3)),
        pool3=nn.MaxPool2d(3, stride=2, padding=1),
        inception4=nn.Sequential(*(_inception(*widths) for widths in BLOCKS_4)),
        pool4=nn.MaxPool2d(3, stride=2, padding=1),
        inception5=nn.Sequential(*(_inception(*widths) for widths in BLOCKS_5)),
        head=average_head(1024, classes),
    )


def _inception(inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int) -> nn.Module:
    """Return a block of `one + three + five + pool` channels."""
    from torch import nn

    from optbench.models._layers import Concatenate
    from optbench.models._layers import biased_conv_bn_relu as conv

    return Concatenate(
        conv(inputs, one, 1),
        nn.Sequential(conv(inputs, reduce3, 1), conv(reduce3, three, 3)),
        nn.Sequential(conv(inputs, reduce5, 1), conv(reduce5, five, 3), conv(five, five, 3)),
        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(inputs, pool, 1)),
    )
