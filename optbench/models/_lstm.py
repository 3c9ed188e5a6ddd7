"""Recurrent language models. Shapes are (time, batch, width) unless they say otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from optbench.models._adaptive_softmax import TiedSoftmax

State = tuple[Tensor, ...]
"""Hidden state and cell of the first layer, then of the second, ...; each (1, batch, width of that layer)."""


class Lstm(nn.Module):
    """One LSTM layer, computed by torch's kernels, with torch's equations and order of gates i, f, g, o:

        i, f, o = sigmoid(W_ih x + b_ih + W_hh h + b_hh)      g = tanh(the same)
        c = f c + i g                                         h = o tanh(c)

    Initialisation: torch's, U(-1/sqrt(width), 1/sqrt(width)).

    Args:
        inputs: width of what goes in.
        width: of hidden state and cell.
        weight_drop: part of W_hh that is zero in train mode, the rest scaled up; drawn once for each call, so that one
            mask serves all steps and all of the batch (DropConnect).
    """

    def __init__(self, inputs: int, width: int, weight_drop: float = 0.0) -> None:
        super().__init__()
        self.width = width
        self.weight_drop = weight_drop
        self.weight_ih = nn.Parameter(torch.empty(4 * width, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * width, width))
        self.bias_ih = nn.Parameter(torch.empty(4 * width))
        self.bias_hh = nn.Parameter(torch.empty(4 * width))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the hidden states of all steps, and the last hidden state and cell, both (1, batch, width)."""
        weight_hh = dropout(self.weight_hh, self.weight_drop, self.training) if self.weight_drop else self.weight_hh
        weights = [self.weight_ih, weight_hh, self.bias_ih, self.bias_hh]
        if x.is_cuda:
            weights = _in_one_piece(weights)
        out, last, cell = torch.lstm(x, (hidden, cell), weights, True, 1, 0.0, self.training, False, False)
        return out, last, cell


def _in_one_piece(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return the same weights one after the other in memory, as cuDNN wants them; it would copy them, and warn."""
    flat = torch.cat([weight.flatten() for weight in weights])
    parts = torch.split(flat, [weight.numel() for weight in weights])
    return [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]


class _Recurrent(nn.Module):
    """An embedding and LSTM layers."""

    def __init__(self, vocabulary: int, widths: Sequence[int], weight_drop: float = 0.0) -> None:
        super().__init__()
        self.widths = tuple(widths[1:])
        self.embedding = nn.Embedding(vocabulary, widths[0])
        self.layers = nn.ModuleList(Lstm(*each, weight_drop) for each in pairwise(widths))

    def begin(self, batch: int) -> State:
        """Return the state before the first token: zeros."""
        like = self.embedding.weight
        return tuple(like.new_zeros(1, batch, width) for width in self.widths for _ in range(2))


class LstmModel(_Recurrent):
    """Embedding, LSTM layers and a softmax; dropout, drawn anew for each number, after all but the softmax.

    Args:
        vocabulary: number of tokens.
        widths: of the embedding, then of each layer.
        head: from (N, last width) and targets (N,) to nats (N,).
        drop: the part of numbers that is dropped.
    """

    def __init__(self, vocabulary: int, widths: Sequence[int], head: nn.Module, drop: float) -> None:
        super().__init__(vocabulary, widths)
        self.head = head
        self.drop = drop

    def forward(self, tokens: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
        """See `optbench.tasks.language_modeling`; there is no penalty."""
        x = dropout(self.embedding(tokens), self.drop, self.training)
        after: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            x, *last = layer(x, state[2 * number], state[2 * number + 1])
            x = dropout(x, self.drop, self.training)
            after.extend(each.to(state[0].dtype) for each in last)  # autocast's are narrower
        nats = self.head(x.flatten(0, 1), targets.flatten()).view_as(targets)
        return nats, tuple(after), nats.new_zeros(())


class AwdLstm(_Recurrent):
    """AWD-LSTM: the softmax shares the embedding's weights, and all that can be dropped is.

    Args:
        vocabulary: number of tokens.
        widths: of the embedding, then of each layer, the last as wide as the embedding.
        drop: after the last layer. This and the next two draw one mask for all steps of a call.
        drop_hidden: between layers.
        drop_input: after the embedding.
        drop_embedding: part of the vocabulary whose embedding is zero for all of a call.
        weight_drop: of `Lstm`.
        alpha: times the mean square of what the softmax is given, in the penalty.
        beta: times the mean square of the last layer's change from step to step, in the penalty.
    """

    def __init__(
        self,
        vocabulary: int,
        widths: Sequence[int],
        *,
        drop: float,
        drop_hidden: float,
        drop_input: float,
        drop_embedding: float,
        weight_drop: float,
        alpha: float,
        beta: float,
    ) -> None:
        super().__init__(vocabulary, widths, weight_drop)
        self.head = TiedSoftmax(widths[0], vocabulary)
        self.drop_after = (*(drop_hidden for _ in self.layers[1:]), drop)  # each layer
        self.drop_input, self.drop_embedding = drop_input, drop_embedding
        self.alpha, self.beta = alpha, beta
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def forward(self, tokens: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
        """See `optbench.tasks.language_modeling`; the penalty is the activation regularisation of train mode."""
        x = raw = self._locked(self._embedded(tokens), self.drop_input)
        after: list[Tensor] = []
        for number, (layer, drop) in enumerate(zip(self.layers, self.drop_after, strict=True)):
            raw, *last = layer(x, state[2 * number], state[2 * number + 1])
            x = self._locked(raw, drop)
            after.extend(each.to(state[0].dtype) for each in last)  # autocast's are narrower
        nats = self.head(x.flatten(0, 1), targets.flatten(), self.embedding.weight).view_as(targets)
        return nats, tuple(after), self._penalty(x, raw, nats.new_zeros(()))

    def _embedded(self, tokens: Tensor) -> Tensor:
        """Return the embedding of tokens, that of some tokens zero and of the others scaled up."""
        x: Tensor = self.embedding(tokens)
        if not (self.training and self.drop_embedding):
            return x
        kept = dropout(x.new_ones(self.embedding.num_embeddings), self.drop_embedding)
        return x * kept[tokens][..., None]

    def _locked(self, x: Tensor, share: float) -> Tensor:
        """Return `x` with dropout whose mask (1, batch, width) is the same at all steps."""
        if not (self.training and share):
            return x
        return x * dropout(x.new_ones(1, *x.shape[1:]), share)

    def _penalty(self, dropped: Tensor, raw: Tensor, penalty: Tensor) -> Tensor:
        """Return alpha mean(dropped^2) + beta mean((raw_t - raw_(t-1))^2) in train mode; one step has no change."""
        if self.training and self.alpha:
            penalty = penalty + self.alpha * dropped.float().square().mean()
        if self.training and self.beta and len(raw) > 1:
            penalty = penalty + self.beta * raw.float().diff(dim=0).square().mean()
        return penalty
