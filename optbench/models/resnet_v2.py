"""ResNet-50v2: pre-activation residual blocks, so that nothing but additions lies on the path of the identity.

    input           in x 224 x 224
    conv 7x7        64, stride 2                112 x 112
    max pool 3x3    stride 2                     56 x 56
    stage 1         3 blocks 64, 64, 256         56 x 56
    stage 2         4 blocks 128, 128, 512       28 x 28
    stage 3         6 blocks 256, 256, 1024      14 x 14
    stage 4         3 blocks 512, 512, 2048       7 x 7
    batch norm, ReLU, global mean
    linear          2048 -> classes             logits

A block is batch norm, ReLU, 1x1; batch norm, ReLU, 3x3; batch norm, ReLU, 1x1, added to x. The first block of a stage
projects its shortcut: a 1x1 convolution of what its first batch norm and ReLU put out. The 3x3 convolution has the
stride. Convolutions have no bias.

25,549,352 parameters with three channels and 1000 classes. Initialisation: all weights from a truncated normal
distribution of variance 1 / fan_in, biases 0, batch norm 1 and 0.

Source: K. He, X. Zhang, S. Ren, J. Sun (2016), "Identity mappings in deep residual networks", arXiv:1603.05027, in the
form of the code behind NovoGrad's tables, github.com/NVIDIA/OpenSeq2Seq (encoders/resnet_encoder.py with
image2label/resnet-50v2-nvgrad.py): no batch norm between stem and pool, which others have (128 parameters more), the
initialisation above, and batch norm statistics that keep 0.997 of their past in each step. One departure: TensorFlow's
"same" max pool pads below and to the right only; here it pads all around, as in torch's ResNets.

Other image sizes from 32x32 are taken; the mean at the end absorbs them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn

# Standard deviation of N(0, 1) cut off at -2 and 2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)), phi and Phi its density and
# distribution. TensorFlow's variance_scaling_initializer divides by it.
TRUNCATED_STD = 0.87962566103423978
BATCH_NORM_MOMENTUM = 1 - 0.997  # torch's momentum is the share of the new batch


@register(
    "resnet-50v2",
    "ResNet-50v2 (pre-activation) for ImageNet's 224x224 images",
    paper="arXiv:1603.05027",
    parameters=25_549_352,
    input_shape=(3, 224, 224),
    classes=1000,
    smallest=32,
)
def resnet_50v2(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return ResNet-50v2 for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._layers import average_head, conv, stack, stages

    stem = nn.Sequential(conv(in_channels, 64, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
    body = stages(_block, 64, (64, 128, 256, 512), (3, 4, 6, 3), expansion=4)
    last = nn.Sequential(nn.BatchNorm2d(2048), nn.ReLU(inplace=True))
    return _initialised(stack(stem=stem, **body, last=last, head=average_head(2048, classes)))


def _block(inputs: int, width: int, stride: int) -> nn.Module:
    """Return a pre-activation bottleneck; what comes before the fork is part of the identity's path only once."""
    from torch import nn

    from optbench.models._layers import Residual, bn_relu_conv, conv

    outputs = 4 * width
    activation = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True))
    body = nn.Sequential(conv(inputs, width, 1), bn_relu_conv(width, width, 3, stride), bn_relu_conv(width, outputs, 1))
    if (inputs, 1) == (outputs, stride):
        return Residual(nn.Sequential(activation, body))
    return nn.Sequential(activation, Residual(body, shortcut=conv(inputs, outputs, 1, stride)))


def _initialised(model: nn.Module) -> nn.Module:
    from torch import nn

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            std = math.sqrt(1 / layer.weight[0].numel()) / TRUNCATED_STD
            nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.momentum = BATCH_NORM_MOMENTUM
    return model
