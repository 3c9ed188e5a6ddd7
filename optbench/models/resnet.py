"""ResNet: residual blocks, ReLU after the addition. A block is two 3x3 convolutions; a bottleneck 1x1, 3x3, 1x1.

                    resnet-20       resnet-34       resnet-101                  resnet-18
    input           in x 32 x 32    in x 32 x 32    in x 32 x 32                in x 224 x 224
    stem            3x3, 16         3x3, 64         3x3, 64                     7x7, 64, stride 2; max pool, stride 2
    stage 1         3 x (16)        3 x (64)        3 x (64, 64, 256)           2 x (64)        stride 1
    stage 2         3 x (32)        4 x (128)       4 x (128, 128, 512)         2 x (128)       stride 2
    stage 3         3 x (64)        6 x (256)       23 x (256, 256, 1024)       2 x (256)       stride 2
    stage 4                         3 x (512)       3 x (512, 512, 2048)        2 x (512)       stride 2
    global mean     64              512             2048                        512
    linear          10 classes      10 classes      10 classes                  1000 classes    logits
    code            bearpaw         kuangliu        kuangliu                    torchvision
    initialisation  He              torch           torch                       He

With three channels resnet-20 has 272,474 parameters, resnet-34 has 21,282,122 parameters, resnet-101 has
42,512,970 parameters and resnet-18 has 11,689,512 parameters. Every convolution has batch norm after it and no bias.
Where a block changes the shape, its shortcut is a 1x1 convolution with batch norm (option B of the paper). In a
bottleneck the 3x3 convolution has the stride.

Source: K. He, X. Zhang, S. Ren, J. Sun (2015), arXiv:1512.03385, in the form of
- bearpaw: github.com/bearpaw/pytorch-classification, which RAdam's experiments use. The paper's own CIFAR networks pad
  the shortcut with zeros (option A, 269,722 parameters); this code projects, and so does resnet-20.
- kuangliu: github.com/kuangliu/pytorch-cifar, from which AdaBelief's experiments have theirs (through AdaBound's): the
  paper's ImageNet networks with a 3x3 stem and no pooling after it.
- torchvision, whose ResNet-18 RAdam's ImageNet experiments use.

Initialisation: "He" draws convolutions from N(0, 2 / (kernel area x channels out)) and leaves the linear layer to
torch's default; "torch" leaves all weights to it, U(-1/sqrt(fan_in), 1/sqrt(fan_in)). Batch norm starts at 1 and 0.

Other image sizes are taken; the mean at the end absorbs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn


@register(
    "resnet-20",
    "ResNet-20 for 32x32 images, 16 to 64 channels",
    paper="arXiv:1512.03385",
    parameters=272_474,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=4,
)
def resnet_20(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return ResNet-20 for images of (in_channels, image_size, image_size)."""
    from optbench.models._layers import average_head, conv_bn_relu, he_normal, stack, stages

    body = stages(_basic, 16, (16, 32, 64), (3, 3, 3))
    return he_normal(stack(stem=conv_bn_relu(in_channels, 16), **body, head=average_head(64, classes)))


@register(
    "resnet-34",
    "ResNet-34 with a 3x3 stem, for 32x32 images",
    paper="arXiv:1512.03385",
    parameters=21_282_122,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=8,
)
def resnet_34(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return ResNet-34 for images of (in_channels, image_size, image_size)."""
    from optbench.models._layers import average_head, conv_bn_relu, stack, stages

    body = stages(_basic, 64, (64, 128, 256, 512), (3, 4, 6, 3))
    return stack(stem=conv_bn_relu(in_channels, 64), **body, head=average_head(512, classes))


@register(
    "resnet-101",
    "ResNet-101 with a 3x3 stem, for 32x32 images",
    paper="arXiv:1512.03385",
    parameters=42_512_970,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=8,
)
def resnet_101(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return ResNet-101 for images of (in_channels, image_size, image_size)."""
    from optbench.models._layers import average_head, conv_bn_relu, stack, stages

    body = stages(_bottleneck, 64, (64, 128, 256, 512), (3, 4, 23, 3), expansion=4)
    return stack(stem=conv_bn_relu(in_channels, 64), **body, head=average_head(2048, classes))


@register(
    "resnet-18",
    "ResNet-18 for ImageNet's 224x224 images",
    paper="arXiv:1512.03385",
    parameters=11_689_512,
    input_shape=(3, 224, 224),
    classes=1000,
    smallest=32,
)
def resnet_18(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return ResNet-18 for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._layers import average_head, conv_bn_relu, he_normal, stack, stages

    stem = nn.Sequential(conv_bn_relu(in_channels, 64, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
    body = stages(_basic, 64, (64, 128, 256, 512), (2, 2, 2, 2))
    return he_normal(stack(stem=stem, **body, head=average_head(512, classes)))


def _basic(inputs: int, width: int, stride: int) -> nn.Module:
    """Return the block of two 3x3 convolutions."""
    from torch import nn

    from optbench.models._layers import conv_bn, conv_bn_relu

    body = nn.Sequential(conv_bn_relu(inputs, width, 3, stride), conv_bn(width, width, 3))
    return _block(body, inputs, width, stride)


def _bottleneck(inputs: int, width: int, stride: int) -> nn.Module:
    """Return the block that narrows to `width`, convolves, and widens to four times that."""
    from torch import nn

    from optbench.models._layers import conv_bn, conv_bn_relu

    narrow, middle = conv_bn_relu(inputs, width, 1), conv_bn_relu(width, width, 3, stride)
    return _block(nn.Sequential(narrow, middle, conv_bn(width, 4 * width, 1)), inputs, 4 * width, stride)


def _block(body: nn.Module, inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return ReLU(body(x) + shortcut(x)), the shortcut a projection where the shapes differ."""
    from torch import nn

    from optbench.models._layers import Residual, conv_bn

    shortcut = None if (inputs, 1) == (outputs, stride) else conv_bn(inputs, outputs, 1, stride)
    return nn.Sequential(Residual(body, shortcut), nn.ReLU(inplace=True))
