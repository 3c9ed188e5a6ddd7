"""Heads of language models: from hidden vectors (N, width) and targets (N,) to nats (N,), -ln p(target), in fp32.

An adaptive softmax sorts the vocabulary by frequency, most frequent first, and cuts it: the head scores the tokens
below the first cut-off and one symbol for each cluster between the following ones, and

    p(target) = p(symbol of its cluster) p(target | cluster)

so that the many rare tokens are scored only where one of them is the target. Without cut-offs it is a softmax.

Every cluster is computed in every batch, if need be over no rows: its weights then have a gradient of zeros, not none
at all, so that an optimizer's moments do not depend on which parameters happened to be used.

Source: E. Grave et al. (2017), "Efficient softmax approximation for GPUs", arXiv:1609.04309.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

SHRINK = 4  # each cluster's width is this part of the one before: as in torch, and in RAdam's model


class Softmax(nn.Module):
    """An adaptive softmax with weights of its own; names, shapes and order are torch.nn.AdaptiveLogSoftmaxWithLoss's.

    The hidden vector is first cut down to width / 4 for the first cluster, width / 16 for the second, ...; clusters
    have no bias. Initialisation: torch's, U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    Args:
        width: of a hidden vector.
        vocabulary: number of tokens.
        cutoffs: rising, each below `vocabulary`.
    """

    def __init__(self, width: int, vocabulary: int, cutoffs: Sequence[int] = ()) -> None:
        super().__init__()
        self.edges = (*cutoffs, vocabulary)
        self.head = nn.Linear(width, self.edges[0] + len(cutoffs))
        narrow = [max(1, width // SHRINK ** (n + 1)) for n in range(len(cutoffs))]
        self.tail = nn.ModuleList(
            nn.Sequential(nn.Linear(width, each, bias=False), nn.Linear(each, high - low, bias=False))
            for each, (low, high) in zip(narrow, pairwise(self.edges), strict=True)
        )

    def forward(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return clustered_nats(hidden, targets, self.edges, self.head, list(self.tail))


class TiedSoftmax(nn.Module):
    """An adaptive softmax whose weights are the embedding's, given at each call: the same width in every cluster.

    Its own parameters are a bias for each token, and for each cluster's symbol a vector and a bias, all zero at first.

    Args:
        width: of a hidden vector, and of the embedding.
        vocabulary: number of tokens.
        cutoffs: rising, each below `vocabulary`.
    """

    def __init__(self, width: int, vocabulary: int, cutoffs: Sequence[int] = ()) -> None:
        super().__init__()
        self.edges = (*cutoffs, vocabulary)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        if cutoffs:
            self.symbols = nn.Parameter(torch.zeros(len(cutoffs), width))
            self.symbols_bias = nn.Parameter(torch.zeros(len(cutoffs)))

    def forward(self, hidden: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
        """Return the nats; `weight` (vocabulary, width) is the embedding's."""
        if len(self.edges) == 1:
            return clustered_nats(hidden, targets, self.edges, lambda x: linear(x, weight, self.bias), [])
        # one split, not one slice each: its backward pass writes the gradient once
        sizes = [high - low for low, high in pairwise((0, *self.edges))]
        (first, *weights), (first_bias, *biases) = torch.split(weight, sizes), torch.split(self.bias, sizes)
        head_weight, head_bias = torch.cat((first, self.symbols)), torch.cat((first_bias, self.symbols_bias))

        def scores(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
            return lambda x: linear(x, weight, bias)

        tail = [scores(*each) for each in zip(weights, biases, strict=True)]
        return clustered_nats(hidden, targets, self.edges, scores(head_weight, head_bias), tail)


def clustered_nats(
    hidden: Tensor,
    targets: Tensor,
    edges: Sequence[int],
    head: Callable[[Tensor], Tensor],
    tail: Sequence[Callable[[Tensor], Tensor]],
) -> Tensor:
    """Return -ln p(target) in fp32 (N,).

    Args:
        hidden: (N, width).
        targets: (N,).
        edges: where the head's own tokens end, then where each cluster ends.
        head: from hidden vectors to the logits of its own tokens and of the clusters' symbols.
        tail: of each cluster, from hidden vectors to the logits of its tokens.
    """
    members = [((targets >= low) & (targets < high)).nonzero().squeeze(1) for low, high in pairwise(edges)]
    symbols = targets
    for number, rows in enumerate(members):
        symbols = symbols.index_fill(0, rows, edges[0] + number)
    nats = cross_entropy(head(hidden).float(), symbols, reduction="none")
    for rows, low, logits in zip(members, edges, tail, strict=False):
        inside = logits(hidden.index_select(0, rows)).float()
        nats = nats.index_add(0, rows, cross_entropy(inside, targets[rows] - low, reduction="none"))
    return nats
