"""What models that translate have in common: padding, and a state that a decoder carries from word to word."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PAD = 0  # the id of padding: `optbench.datasets` has it so, which models do not import

State = tuple[Tensor, ...]
"""Dimension 0 of every tensor is the batch, so that rows can be chosen, repeated and put into another order."""


class Translator(nn.Module):
    """A model of target sentences, given source sentences. See `optbench.tasks.translation` for the ids.

    A subclass has two ways to the same logits. `forward` has whole sentences, for training; `encode` and then `step`
    for each word give the same, a word at a time.
    """

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Return logits (B, T, vocabulary) of the word that follows each word of the target.

        Args:
            source: int64 (B, S), sentences that end with EOS and are padded with PAD at their ends.
            target: int64 (B, T), what the decoder has seen: BOS, then the sentence; padded likewise.
        """
        raise NotImplementedError

    def encode(self, source: Tensor) -> State:
        """Return the state in which nothing has been translated of the sentences (B, S)."""
        raise NotImplementedError

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits (B, vocabulary) of what follows one more word (B,) each, and the new state."""
        raise NotImplementedError

    def reorder(self, state: State, rows: Tensor) -> State:
        """Return the state of other rows: `rows`, int64 (B',), says which of the old ones each of them is."""
        return tuple(each.index_select(0, rows) for each in state)


def padding(source: Tensor) -> Tensor:
    """Return where sentences are padded, bool of their shape."""
    return source == PAD


def reversed_rows(x: Tensor, lengths: Tensor) -> Tensor:
    """Return (B, S, width) with the first `lengths` (B,) positions of each row turned round; what follows stays.

    Doing it twice gives x again.
    """
    place = torch.arange(x.shape[1], device=x.device)
    back = torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)  # (B, S)
    return x.gather(1, back[:, :, None].expand_as(x))
