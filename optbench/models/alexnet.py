"""AlexNet for 32x32 images: five convolutions and three linear layers, without normalisation.

    input       in x 32 x 32
    conv 3x3    64, stride 2    16 x 16     ReLU    max pool 2x2    8 x 8
    conv 3x3    192              8 x 8      ReLU    max pool 2x2    4 x 4
    conv 3x3    384              4 x 4      ReLU
    conv 3x3    256              4 x 4      ReLU
    conv 3x3    256              4 x 4      ReLU    max pool 2x2    2 x 2
    dropout 0.5, linear 1024 -> 4096        ReLU
    dropout 0.5, linear 4096 -> 4096        ReLU
    linear      4096 -> classes             logits

23,272,266 parameters with three channels and ten classes. Initialisation: torch's defaults,
U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weights and biases.

Source: A. Krizhevsky (2014), "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997,
which has these widths, after Krizhevsky, Sutskever and Hinton (2012). It takes 224x224 images; the kernels, strides
and pools here are those of the CIFAR code github.com/soapisnotfat/pytorch-cifar10.

XGrad prints neither layout nor parameter count. Its AlexNet with SGDM reaches 91.00 % on CIFAR-10 and 69.48 % on
CIFAR-100, more than its own VGG-16; public results of CIFAR layouts are far from that (77.2 % and 43.9 % for the
smaller one of github.com/bearpaw/pytorch-classification). Expect its rows not to be reproduced.

Larger images are taken too, and enlarge the first linear layer: 256 x (size // 16)^2 inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn


@register(
    "alexnet",
    "AlexNet for 32x32 images, 3x3 kernels, dropout",
    paper="arXiv:1404.5997",
    parameters=23_272_266,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=16,  # one pixel is left after the stride and three poolings
)
def build(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return the network for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._layers import stack

    def layer(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.ReLU(inplace=True)]

    features = nn.Sequential(
        *layer(in_channels, 64, stride=2),
        nn.MaxPool2d(2),
        *layer(64, 192),
        nn.MaxPool2d(2),
        *layer(192, 384),
        *layer(384, 256),
        *layer(256, 256),
        nn.MaxPool2d(2),
        nn.Flatten(),
    )
    side = (image_size + 1) // 2 // 8  # the stride rounds up, the poolings down
    classifier = nn.Sequential(
        nn.Dropout(0.5),
        nn.Linear(256 * side * side, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, classes),
    )
    return stack(features=features, classifier=classifier)
