"""The layers of Transformer-XL. Shapes are (batch, tokens, width) unless they say otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, pad

from optbench.models._adaptive_softmax import TiedSoftmax

State = tuple[Tensor, ...]
"""The memory of each layer: its inputs at the last tokens, (batch, up to `memory`, width)."""

DEVIATION = 0.02  # of every initial weight


def distances(count: int, width: int, like: Tensor) -> Tensor:
    """Return the vectors R of the distances count - 1, ..., 1, 0 between query and key: (count, width)."""
    frequencies = 10000 ** -(torch.arange(0, width, 2, device=like.device, dtype=like.dtype) / width)
    away = torch.arange(count - 1, -1, -1, device=like.device, dtype=like.dtype)
    angles = away[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=1)


def shifted(scores: Tensor) -> Tensor:
    """Turn scores (..., queries, distances), the largest distance first, into scores (..., queries, keys).

    Row i is moved left by queries - 1 - i: with one column put in front, the rows of the same memory read one number
    longer begin just there. What comes in from the next row belongs to keys after the query, which are masked.
    """
    *outer, queries, keys = scores.shape
    return pad(scores, (1, 0)).view(*outer, keys + 1, queries)[..., 1:, :].reshape(*outer, queries, keys)


class RelativeAttention(nn.Module):
    """Attention over memory and segment, by content and by distance; equations in `optbench.models.transformer_xl`.

    Queries, keys and values come of one matrix, as in the original: an optimizer that treats each tensor on its own,
    such as NovoGrad, sees the same tensors.

    Written out, not left to a fused kernel: those add up in no fixed order in backward passes on GPUs.

    Args:
        width: of a token.
        heads: how many; each has width / heads numbers of a token.
        drop: part of the attention's weights that is dropped.
    """

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.heads = heads
        self.drop = drop
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.distance = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, context: Tensor, away: Tensor, content_bias: Tensor, distance_bias: Tensor) -> Tensor:
        """Return what the tokens `x` attend to.

        Args:
            x: the segment, the last tokens of `context`.
            context: memory and segment.
            away: (tokens of the context, width), of `distances`.
            content_bias: u, (heads, width / heads).
            distance_bias: w, likewise.
        """
        batch, queries, width = x.shape
        keys = context.shape[1]
        of_queries, of_context = torch.split(self.qkv.weight, [width, 2 * width])
        q = linear(x, of_queries).view(batch, queries, self.heads, -1)
        k, v = linear(context, of_context).view(batch, keys, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        r = self.distance(away).view(keys, self.heads, -1).transpose(0, 1)  # (heads, keys, d)
        by_content = (q + content_bias).transpose(1, 2) @ k.mT  # (batch, heads, queries, keys)
        by_distance = shifted((q + distance_bias).transpose(1, 2) @ r.mT)
        future = torch.ones(queries, keys, dtype=torch.bool, device=x.device).triu(keys - queries + 1)
        scores = (by_content + by_distance) * k.shape[-1] ** -0.5
        weights = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
        heads = dropout(weights, self.drop, self.training) @ v
        out: Tensor = self.out(heads.transpose(1, 2).reshape(batch, queries, width))
        return out


class Layer(nn.Module):
    """Relative attention and an MLP, each added to its input, dropped, and normalised after that."""

    def __init__(self, width: int, heads: int, inner: int, drop: float, drop_attention: float) -> None:
        super().__init__()
        self.attention = RelativeAttention(width, heads, drop_attention)
        self.attention_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, inner), nn.ReLU(), nn.Dropout(drop), nn.Linear(inner, width), nn.Dropout(drop)
        )
        self.mlp_norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(drop)

    def forward(self, x: Tensor, context: Tensor, away: Tensor, content_bias: Tensor, distance_bias: Tensor) -> Tensor:
        x = self.attention_norm(x + self.drop(self.attention(x, context, away, content_bias, distance_bias)))
        out: Tensor = self.mlp_norm(x + self.mlp(x))
        return out


class TransformerXl(nn.Module):
    """See `optbench.models.transformer_xl`.

    Args:
        vocabulary: number of tokens.
        layers, width, heads, inner: of the network.
        drop, drop_attention: dropout.
        memory: tokens that a layer remembers.
        cutoffs: of the adaptive softmax, below `vocabulary`.
    """

    def __init__(
        self,
        vocabulary: int,
        layers: int,
        width: int,
        heads: int,
        inner: int,
        *,
        drop: float,
        drop_attention: float,
        memory: int,
        cutoffs: Sequence[int],
    ) -> None:
        super().__init__()
        self.memory = memory
        self.embedding = nn.Embedding(vocabulary, width)
        self.content_bias = nn.Parameter(torch.empty(heads, width // heads))
        self.distance_bias = nn.Parameter(torch.empty(heads, width // heads))
        self.layers = nn.ModuleList(Layer(width, heads, inner, drop, drop_attention) for _ in range(layers))
        self.head = TiedSoftmax(width, vocabulary, cutoffs)
        self.drop = nn.Dropout(drop)
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                nn.init.normal_(parameter, 1.0, DEVIATION)
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, 0.0, DEVIATION)
            else:
                nn.init.zeros_(parameter)

    def begin(self, batch: int) -> State:
        """Return the state before the first token: memories of no tokens."""
        like = self.embedding.weight
        return tuple(like.new_zeros(batch, 0, like.shape[1]) for _ in self.layers)

    def forward(self, tokens: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
        """See `optbench.tasks.language_modeling`; there is no penalty."""
        weight = self.embedding.weight
        x = self.drop(self.embedding(tokens.T) * weight.shape[1] ** 0.5)
        keys = state[0].shape[1] + x.shape[1]
        away = self.drop(distances(keys, weight.shape[1], weight))
        after = []
        for layer, remembered in zip(self.layers, state, strict=True):
            context = torch.cat((remembered, x.to(remembered.dtype)), dim=1)
            after.append(context[:, max(0, keys - self.memory) :])
            x = layer(x, context, away, self.content_bias, self.distance_bias)
        nats = self.head(self.drop(x).transpose(0, 1).flatten(0, 1), targets.flatten(), weight).view_as(targets)
        return nats, tuple(after), nats.new_zeros(())
