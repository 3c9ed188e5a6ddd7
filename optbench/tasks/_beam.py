"""Translating with a model that gives one word after the other: the likeliest word at a time, or a beam search.

Every sentence is translated for itself: neither its neighbours in the batch nor their padding change it. A translation
has no more words than its bound; PAD and BOS are never in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.datasets import BOS, EOS, PAD

if TYPE_CHECKING:
    import torch

    from optbench.models._translating import Translator

DROPPED_AT = 0.75  # rows that have ended are taken out once so few are left: taking them out copies the state
LEAST = -1e30  # log-probability of the end where nothing else can be said: of a model that has diverged


@dataclass(frozen=True)
class Penalty:
    """What log-probabilities are divided by: ((offset + words) / (offset + 1))^alpha, EOS counting as a word.

    Attributes:
        alpha: at least 0; 0 is no penalty.
        offset: at least 0; 5 is equation 14 of Wu et al. (2016), which Vaswani et al. have too; 0 is fairseq's.
    """

    alpha: float
    offset: float

    def of(self, words: torch.Tensor | int) -> torch.Tensor | float:
        """Return the penalty of sentences of so many words."""
        penalty: torch.Tensor | float = ((self.offset + words) / (self.offset + 1)) ** self.alpha
        return penalty


def greedy(model: Translator, source: torch.Tensor, bounds: torch.Tensor) -> list[list[int]]:
    """Return translations in which each word is the likeliest after those before it.

    Args:
        model: in eval mode.
        source: int64 (B, S), ended by EOS and padded with PAD.
        bounds: int64 (B,), the most words of each translation, at least 1.
    """
    import torch

    words = source.new_full((len(source), int(bounds.max())), PAD)
    rows = torch.arange(len(source), device=source.device)  # the sentence of each row that is left
    tokens, ended = torch.full_like(rows, BOS), torch.zeros_like(rows, dtype=torch.bool)
    state = model.encode(source)
    for at in range(words.shape[1]):
        logits, state = model.step(tokens, state)
        tokens = _log_probabilities(logits).argmax(dim=1)
        ended = ended | (tokens == EOS)
        words[rows, at] = tokens.masked_fill(ended, PAD)
        ended = ended | (at + 1 >= bounds)
        left = (~ended).nonzero()[:, 0]
        if not len(left):
            break
        if len(left) <= DROPPED_AT * len(rows):
            state = model.reorder(state, left)
            tokens, rows, bounds, ended = tokens[left], rows[left], bounds[left], ended[left]
    return _lists(words)


def beam(model: Translator, source: torch.Tensor, bounds: torch.Tensor, size: int, penalty: Penalty) -> list[list[int]]:
    """Return the best translations that a beam search finds: log-probability divided by the penalty.

    After each word, the `size` likeliest beginnings are kept that have not ended. One that ends counts if it is among
    the `size` likeliest of all. A sentence is done when `size` of them have ended, or when no beginning can become
    better than the best that has. At its bound, a translation must end. A size of 1 gives what `greedy` gives.

    Args:
        model: in eval mode.
        source: int64 (B, S), ended by EOS and padded with PAD.
        bounds: int64 (B,), the most words of each translation, at least 1.
        size: of the beam, at least 1.
        penalty: of length.
    """
    import torch

    best = _Best(source, bounds, size, penalty)
    rows = torch.arange(len(source), device=source.device)  # the sentence of each group of rows that is left
    words = source.new_full((len(source), size, 1), BOS)
    scores = torch.full(words.shape[:2], float("-inf"), device=source.device)
    scores[:, 0] = 0  # all beginnings are the same one at first
    state = model.reorder(model.encode(source), rows.repeat_interleave(size))
    while True:
        logits, state = model.step(words[:, :, -1].flatten(), state)
        steps = _log_probabilities(logits).view(*words.shape[:2], -1)
        ending = steps[..., EOS].clone()
        steps = steps.masked_fill((words.shape[2] > bounds[rows])[:, None, None], float("-inf"))
        steps[..., EOS] = ending
        top, place = (scores[:, :, None] + steps).flatten(1).topk(2 * size)  # an end each leaves `size` that go on
        origin, token = place // steps.shape[2], place % steps.shape[2]
        best.end(rows, words, top, origin, token)
        scores, kept = top.masked_fill(token == EOS, float("-inf")).topk(size)
        left = best.open(rows, scores).nonzero()[:, 0]
        if not len(left):
            return _lists(best.words)
        origin, token = origin.gather(1, kept)[left], token.gather(1, kept)[left]
        state = model.reorder(state, (left[:, None] * size + origin).flatten())
        words = torch.cat((words[left[:, None], origin], token[:, :, None]), dim=2)
        scores, rows = scores[left], rows[left]


class _Best:
    """The best translation of each sentence that has ended, and how many have.

    Attributes:
        words: int64 (B, largest bound), padded.
    """

    def __init__(self, source: torch.Tensor, bounds: torch.Tensor, size: int, penalty: Penalty) -> None:
        import torch

        self.words = source.new_full((len(source), int(bounds.max())), PAD)
        self._scores = torch.full((len(source),), float("-inf"), device=source.device)
        self._ended = torch.zeros_like(bounds)
        self._bounds, self._size, self._penalty = bounds, size, penalty

    def end(
        self,
        rows: torch.Tensor,
        words: torch.Tensor,
        top: torch.Tensor,
        origin: torch.Tensor,
        token: torch.Tensor,
    ) -> None:
        """Note what ends among the `size` likeliest.

        Args:
            rows: the sentences (b,).
            words: their beginnings (b, size, BOS and words).
            top: log-probabilities of the likeliest continuations (b, 2 size), falling.
            origin: of which beginning each is one.
            token: and by which word.
        """
        from torch import where

        first, alive = top[:, : self._size], top[:, : self._size].isfinite()
        ends = (token[:, : self._size] == EOS) & alive
        length = words.shape[2]  # with EOS in the place of BOS
        values, which = where(ends, first / self._penalty.of(length), float("-inf")).max(dim=1)
        better = (values > self._scores[rows]).nonzero()[:, 0]
        sentences = rows[better]
        self._scores[sentences] = values[better]
        self.words[sentences, : length - 1] = words[better, origin[better, which[better]], 1:]
        self.words[sentences, length - 1 :] = PAD
        self._ended[rows] += ends.sum(dim=1)

    def open(self, rows: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return which sentences are not done, bool (b,), given what their beginnings (b, size) have come to."""
        # log-probabilities only fall, and the longest translation is the one that the penalty favours most
        limit = scores.max(dim=1).values / self._penalty.of(self._bounds[rows] + 1)
        return (self._ended[rows] < self._size) & (limit > self._scores[rows])


def _log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Return fp32 log-probabilities (rows, vocabulary), -inf for what is never said."""
    scores = logits.float().log_softmax(dim=-1).nan_to_num(nan=float("-inf"), neginf=float("-inf"))
    scores[:, [PAD, BOS]] = float("-inf")
    lost = scores.amax(dim=1) == float("-inf")
    scores[:, EOS] = scores[:, EOS].masked_fill(lost, LEAST)
    return scores


def _lists(words: torch.Tensor) -> list[list[int]]:
    return [[word for word in row if word != PAD] for row in words.tolist()]
