"""VGG for 32x32 images: 3x3 convolutions and max pooling down to one pixel.

                                vgg-11      vgg-16
    input           in x 32 x 32
    conv 3x3        64          1           2           max pool 2x2    16 x 16
    conv 3x3        128         1           2           max pool 2x2     8 x 8
    conv 3x3        256         2           3           max pool 2x2     4 x 4
    conv 3x3        512         2           3           max pool 2x2     2 x 2
    conv 3x3        512         2           3           max pool 2x2     1 x 1
    linear          512 -> classes                      logits

vgg-11 and vgg-16: every convolution has a bias, batch norm and ReLU. They have 9,231,114 parameters and
14,728,266 parameters, with three channels and ten classes. Initialisation: torch's defaults,
U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
Source: K. Simonyan, A. Zisserman (2014), arXiv:1409.1556, configurations A and D, in the form of
github.com/kuangliu/pytorch-cifar: batch norm, and one linear layer for three.

vgg-11-plain: configuration A as the code of AdaBelief has it (github.com/juntang-zhuang/Adabelief-Optimizer, whose
option `vgg` builds `vgg11`, not `vgg11_bn`), and so presumably the VGG-11 of AdaPlus, which follows AdaBelief. No batch
norm; before the last layer two more, each dropout 0.5, linear 512 -> 512, ReLU. 9,750,922 parameters. Initialisation:
convolutions N(0, 2 / (9 x channels out)) with bias 0, linear layers torch's defaults.

Larger images are taken: a mean over what is left of them comes before the linear layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn

WIDTHS = (64, 128, 256, 512, 512)
A = (1, 1, 2, 2, 2)  # convolutions of each stage
D = (2, 2, 3, 3, 3)


@register(
    "vgg-11",
    "VGG-11 with batch norm, for 32x32 images",
    paper="arXiv:1409.1556",
    parameters=9_231_114,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=32,
)
def vgg_11(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return configuration A for images of (in_channels, image_size, image_size)."""
    return _batch_normed(in_channels, classes, A)


@register(
    "vgg-16",
    "VGG-16 with batch norm, for 32x32 images",
    paper="arXiv:1409.1556",
    parameters=14_728_266,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=32,
)
def vgg_16(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return configuration D for images of (in_channels, image_size, image_size)."""
    return _batch_normed(in_channels, classes, D)


@register(
    "vgg-11-plain",
    "VGG-11 without batch norm, with dropout: AdaBelief's",
    paper="arXiv:1409.1556",
    parameters=9_750_922,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=32,
)
def vgg_11_plain(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return AdaBelief's configuration A for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._layers import he_normal

    def layer(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True))

    def hidden() -> list[nn.Module]:
        return [nn.Dropout(0.5), nn.Linear(512, 512), nn.ReLU(inplace=True)]

    return he_normal(_vgg(layer, in_channels, A, nn.Sequential(*hidden(), *hidden(), nn.Linear(512, classes))))


def _batch_normed(in_channels: int, classes: int, depths: tuple[int, ...]) -> nn.Module:
    from torch import nn

    from optbench.models._layers import biased_conv_bn_relu

    return _vgg(biased_conv_bn_relu, in_channels, depths, nn.Linear(512, classes))


def _vgg(
    layer: Callable[[int, int], nn.Module], in_channels: int, depths: tuple[int, ...], classifier: nn.Module
) -> nn.Module:
    """Return the stages, in which `layer(channels in, channels out)` makes each convolution, and the classifier."""
    from torch import nn

    from optbench.models._layers import stack

    stages, inputs = [], in_channels
    for width, depth in zip(WIDTHS, depths, strict=True):
        for _ in range(depth):
            stages.append(layer(inputs, width))
            inputs = width
        stages.append(nn.MaxPool2d(2))
    return stack(
        features=nn.Sequential(*stages), mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), classifier=classifier
    )
