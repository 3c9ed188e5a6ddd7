"""The layers of a vision transformer. Shapes are (batch, tokens, width) unless they say otherwise."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Tokens(nn.Module):
    """Images (batch, channels, height, width) to tokens (batch, 1 + patches, width): a class token, then the patches.

    A position is added to each. Class token and positions are learned, from N(0, 1).

    Args:
        in_channels: of the images.
        width: of a token.
        patch: height and width of a patch, in pixels; patches do not overlap.
        patches: how many an image has.
    """

    def __init__(self, in_channels: int, width: int, *, patch: int, patches: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(in_channels, width, patch, stride=patch)
        self.class_token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 1 + patches, width))

    def forward(self, images: Tensor) -> Tensor:
        patches = self.embed(images).flatten(2).transpose(1, 2)  # (batch, patches, width)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        return tokens + self.positions


class Attention(nn.Module):
    """Self-attention of several heads: softmax(q k^T / sqrt(d)) v in each, d its width, then a linear layer over all.

    Written out, not left to a fused kernel: 65 tokens need none, and fused backward passes on GPUs add up in no fixed
    order.

    Args:
        width: of a token.
        heads: how many; each has width / heads numbers of a token.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        split = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, tokens, d)
        weights = (q @ k.mT * q.shape[-1] ** -0.5).softmax(dim=-1)  # (batch, heads, tokens, tokens)
        heads = (weights @ v).transpose(1, 2).reshape(batch, tokens, width)
        out: Tensor = self.out(heads)
        return out


class ClassToken(nn.Module):
    """The first token: (batch, tokens, width) to (batch, width)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]
