"""Sentences of like length into batches, and batches into padded tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.datasets import BOS, EOS, PAD

if TYPE_CHECKING:
    import numpy as np
    import torch

    from optbench.datasets import Pairs, RaggedTensor

TIES = 20170612  # seed of the order of pairs of equal lengths, the same in every run


def lengths(rows: RaggedTensor) -> np.ndarray:
    """Return each row's number of words, EOS included."""
    import numpy as np

    return np.diff(rows.offsets.numpy()) + 1


def buckets(pairs: Pairs, size: int, by: str) -> list[np.ndarray]:
    """Return the numbers of the pairs in each batch: every pair is in one, next to others of its lengths.

    Pairs are in the order of target, then source length; those of equal lengths in an order drawn once for all, since
    neighbours in a corpus are alike.

    Args:
        pairs: N of them.
        size: the most that a batch holds.
        by: what it counts: "sentences", or "tokens": the longest sentence of the batch in either language, EOS
            included, times the number of pairs, as fairseq's `--max-tokens`. A longer pair is a batch of its own.
    """
    import numpy as np

    source, target = lengths(pairs.source), lengths(pairs.target)
    ties = np.random.Generator(np.random.Philox(key=TIES)).permutation(len(target))
    order = np.lexsort((ties, source, target))
    if by == "sentences":
        cuts = list(range(size, len(order), size))
    else:
        cuts = _cuts(np.maximum(source, target)[order].tolist(), size)
    return np.split(order, cuts)


def _cuts(longer: list[int], size: int) -> list[int]:
    """Return where new batches begin, but for the first."""
    cuts: list[int] = []
    first = longest = 0
    for place, words in enumerate(longer):
        longest = max(longest, words)
        if place > first and longest * (place + 1 - first) > size:
            cuts.append(place)
            first, longest = place, words
    return cuts


def padded(rows: RaggedTensor, chosen: torch.Tensor, *, begin: bool) -> torch.Tensor:
    """Return sentences as one tensor int64 (B, longest), on the CPU: BOS if they `begin`, the words, EOS, and PAD.

    Args:
        rows: of words.
        chosen: int64 (B,), which of them.
        begin: whether they start with BOS.
    """
    import torch

    start = rows.offsets[chosen]
    count = rows.offsets[chosen + 1] - start
    place = torch.arange(int(count.max()))
    inside = place < count[:, None]
    words = torch.full((len(chosen), begin + len(place) + 1), PAD)
    words[:, begin : begin + len(place)][inside] = rows.ids[(start[:, None] + place)[inside]].long()
    words[torch.arange(len(chosen)), begin + count] = EOS
    if begin:
        words[:, 0] = BOS
    return words
