"""The layers of a Transformer that translates. Shapes are (batch, length, width) unless they say otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from optbench.models._translating import State

LONGEST_WAVE = 10_000.0  # of the positions, in words and divided by 2 pi


@dataclass(frozen=True)
class Form:
    """Sizes of a Transformer and how much of it is dropped; `optbench.models.transformer` describes them."""

    layers: int
    width: int
    heads: int
    feed_forward: int
    dropout: float
    attention_dropout: float
    activation_dropout: float
    pre: bool
    matrices: int


def positions(first: int, count: int, width: int, device: torch.device) -> Tensor:
    """Return the positions from number `first` on, fp32 (count, width): the sines of all frequencies, then the cosines.

    The frequencies fall from 1 to 1 / 10,000 in a geometric row.
    """
    half = width // 2
    numbers = torch.arange(first, first + count, device=device, dtype=torch.float32)
    rate = math.log(LONGEST_WAVE) / max(1, half - 1)
    angles = numbers[:, None] * torch.exp(-rate * torch.arange(half, device=device, dtype=torch.float32))
    return torch.cat((angles.sin(), angles.cos()), dim=1)


def linear(width_in: int, width_out: int) -> nn.Linear:
    """Return a linear layer as fairseq makes it: Xavier's uniform weights, no bias at first."""
    layer = nn.Linear(width_in, width_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def packed(width: int, layers: int) -> nn.Linear:
    """Return some of an attention's three linear layers as one, U(-b, b) with b^2 = 6 / (width + 3 width).

    It is Xavier's bound of the three together, whichever of them are meant: as fairseq and torch have it.
    """
    layer = nn.Linear(width, layers * width)
    bound = math.sqrt(6 / (width + 3 * width))
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.zeros_(layer.bias)
    return layer


class Heads(nn.Module):
    """softmax(q k^T / sqrt(d)) v in each head, d its width, then a linear layer over all heads.

    Written out, not left to a fused kernel: sentences are short, and fused backward passes on GPUs add up in no fixed
    order.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = nn.Dropout(dropout)
        self.out = linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """Return (batch, length, width) as (batch, heads, length, d)."""
        batch, length, width = x.shape
        return x.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, unseen: Tensor | None) -> Tensor:
        """Attend from q (batch, heads, T, d) to k and v (batch, heads, S, d); `unseen` says what must not be seen."""
        scores = q @ k.mT * q.shape[-1] ** -0.5  # (batch, heads, T, S)
        if unseen is not None:
            scores = scores.masked_fill(unseen, float("-inf"))
        weights: Tensor = self.dropout(scores.softmax(dim=-1))
        out: Tensor = self.out((weights @ v).transpose(1, 2).flatten(2))
        return out


class SelfAttention(nn.Module):
    """Attention of a sentence to itself."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.qkv = packed(form.width, 3)
        self.attend = Heads(form.width, form.heads, form.attention_dropout)

    def forward(self, x: Tensor, unseen: Tensor | None, past: State = ()) -> tuple[Tensor, State]:
        """Return what is attended to, and keys and values: those of the past, if any, and then those of x."""
        q, k, v = (self.attend.split(part) for part in self.qkv(x).chunk(3, dim=-1))
        if past:
            k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)
        return self.attend(q, k, v, unseen), (k, v)


class CrossAttention(nn.Module):
    """Attention of the target to the encoded source."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.q = packed(form.width, 1)
        self.kv = packed(form.width, 2)
        self.attend = Heads(form.width, form.heads, form.attention_dropout)

    def keys(self, memory: Tensor) -> State:
        """Return keys and values of the encoded source."""
        return tuple(self.attend.split(part) for part in self.kv(memory).chunk(2, dim=-1))

    def forward(self, x: Tensor, keys: State, unseen: Tensor) -> Tensor:
        out: Tensor = self.attend(self.attend.split(self.q(x)), *keys, unseen)
        return out


class FeedForward(nn.Sequential):
    """Linear, ReLU, dropout, linear."""

    def __init__(self, form: Form) -> None:
        up, down = linear(form.width, form.feed_forward), linear(form.feed_forward, form.width)
        super().__init__(up, nn.ReLU(), nn.Dropout(form.activation_dropout), down)


class Around(nn.Module):
    """What is around a sublayer: layer norm before it (pre-norm) or after the sum (post-norm), dropout, the sum."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(form.width)
        self.dropout = nn.Dropout(form.dropout)
        self.pre = form.pre

    def before(self, x: Tensor) -> Tensor:
        """Return what the sublayer is given."""
        given: Tensor = self.norm(x) if self.pre else x
        return given

    def after(self, x: Tensor, y: Tensor) -> Tensor:
        """Return what is passed on, of what came in and what the sublayer made of it."""
        total = x + self.dropout(y)
        passed: Tensor = total if self.pre else self.norm(total)
        return passed


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.attention, self.around_attention = SelfAttention(form), Around(form)
        self.feed_forward, self.around_feed_forward = FeedForward(form), Around(form)

    def forward(self, x: Tensor, unseen: Tensor) -> Tensor:
        attended, _ = self.attention(self.around_attention.before(x), unseen)
        x = self.around_attention.after(x, attended)
        return self.around_feed_forward.after(x, self.feed_forward(self.around_feed_forward.before(x)))


class DecoderLayer(nn.Module):
    """Self-attention, attention to the source, then the feed-forward network."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.attention, self.around_attention = SelfAttention(form), Around(form)
        self.cross, self.around_cross = CrossAttention(form), Around(form)
        self.feed_forward, self.around_feed_forward = FeedForward(form), Around(form)

    def forward(
        self, x: Tensor, later: Tensor | None, past: State, keys: State, unseen: Tensor
    ) -> tuple[Tensor, State]:
        """Return the layer's output, and the keys and values of the target so far.

        Args:
            x: of the words from where the past ends.
            later: what each word must not see of the target (T, T); None for one word, which sees all.
            past: keys and values of the words before x, or nothing.
            keys: keys and values of the source.
            unseen: what must not be seen of the source.
        """
        attended, past = self.attention(self.around_attention.before(x), later, past)
        x = self.around_attention.after(x, attended)
        x = self.around_cross.after(x, self.cross(self.around_cross.before(x), keys, unseen))
        return self.around_feed_forward.after(x, self.feed_forward(self.around_feed_forward.before(x))), past
