"""The layers that several families are built of. Shapes are (batch, channels, height, width)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

Block = Callable[[int, int, int], nn.Module]  # (channels in, width, stride) -> a residual block
Kernel = int | tuple[int, int]  # side, or height and width; odd


class Residual(nn.Module):
    """body(x) + shortcut(x). The shortcut is x itself where none is given."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x) + self.shortcut(x)
        return out


class Concatenate(nn.Module):
    """The outputs of several branches of the same x, joined along the channels in their order."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def stack(**layers: nn.Module) -> nn.Sequential:
    """Return the layers one after the other, under their names."""
    return nn.Sequential(OrderedDict(layers))


def conv(inputs: int, outputs: int, kernel: Kernel = 3, stride: int = 1, *, same: bool = True) -> nn.Conv2d:
    """Return a convolution without bias.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: its size.
        stride: in both directions.
        same: pad with zeros so that height and width shrink by the stride alone; otherwise pad nothing.
    """
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    return nn.Conv2d(inputs, outputs, (height, width), stride, (height // 2, width // 2) if same else 0, bias=False)


def conv_bn(inputs: int, outputs: int, kernel: Kernel = 3, stride: int = 1, *, same: bool = True) -> nn.Sequential:
    """Return convolution, batch norm; arguments as for `conv`."""
    return nn.Sequential(conv(inputs, outputs, kernel, stride, same=same), nn.BatchNorm2d(outputs))


def conv_bn_relu(inputs: int, outputs: int, kernel: Kernel = 3, stride: int = 1, *, same: bool = True) -> nn.Sequential:
    """Return convolution, batch norm, ReLU; arguments as for `conv`."""
    return nn.Sequential(*conv_bn(inputs, outputs, kernel, stride, same=same), nn.ReLU(inplace=True))


def bn_relu_conv(inputs: int, outputs: int, kernel: Kernel = 3, stride: int = 1) -> nn.Sequential:
    """Return the order of pre-activation: batch norm, ReLU, convolution; arguments as for `conv`."""
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), conv(inputs, outputs, kernel, stride))


def biased_conv_bn_relu(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Return the form of public code that leaves the convolution its bias, though batch norm subtracts it again.

    The bias has gradient zero up to rounding. It stays because it is counted, decayed and stepped like any parameter.
    """
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def stages(
    block: Block, inputs: int, widths: Iterable[int], depths: Iterable[int], *, expansion: int = 1
) -> dict[str, nn.Sequential]:
    """Return stages of residual blocks by name; the first block of every stage but the first has stride 2.

    Args:
        block: makes one block, which puts out `width * expansion` channels.
        inputs: channels that enter the first stage.
        widths: of the blocks of each stage.
        depths: number of blocks in each stage.
        expansion: see `block`.
    """
    found: dict[str, nn.Sequential] = {}
    for width, depth in zip(widths, depths, strict=True):
        blocks = []
        for index in range(depth):
            blocks.append(block(inputs, width, 2 if found and index == 0 else 1))
            inputs = width * expansion
        found[f"stage{len(found) + 1}"] = nn.Sequential(*blocks)
    return found


def average_head(inputs: int, classes: int) -> nn.Sequential:
    """Return the mean over height and width, then a linear layer: (batch, inputs, H, W) to logits (batch, classes)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def he_normal(model: nn.Module) -> nn.Module:
    """Draw the convolutions from N(0, 2 / (kernel height x kernel width x channels out)); set their biases to 0.

    Source: He et al. (2015), arXiv:1502.01852, equation (14), the form for the backward pass.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model
