"""Which tokens have ids, and which id: in the order of first sight, or the most frequent first.

Adaptive softmax wants the most frequent first; its cut-offs are ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING

from optbench.datasets._corpus_parts import EOS

if TYPE_CHECKING:
    import numpy as np

UNKNOWN = "<unk>"  # stands for every token that has no id of its own
SMALLEST = 3  # a vocabulary of EOS, UNKNOWN and one word

Blocks = Iterable[list[str]]


def first_sight(blocks: Blocks) -> list[str]:
    """Return all tokens in the order in which they come first, as AWD-LSTM's `data.py` numbers them."""
    seen: dict[str, None] = {}
    for block in blocks:
        seen.update(dict.fromkeys(block))
    return list(seen)


def by_count(blocks: Blocks, size: int = 0, least: int = 1) -> list[str]:
    """Return the most frequent tokens, the most frequent first; of equals, that which comes first.

    `EOS` and `UNKNOWN` are always among them. `UNKNOWN` counts for all tokens that are left out, and takes its place
    in the order by that.

    Args:
        blocks: the tokens.
        size: how many tokens to return at most, those two included; 0 for no limit.
        least: how often a token must come at least.
    """
    counts: Counter[str] = Counter()
    for block in blocks:
        counts.update(block)
    total = counts.total()
    ends = counts.pop(EOS, 0)
    counts.pop(UNKNOWN, None)
    ranked = [(word, count) for word, count in counts.most_common(size - 2 if size else None) if count >= least]
    unknown = total - ends - sum(count for _, count in ranked)
    ranked = sorted([*ranked, (EOS, ends), (UNKNOWN, unknown)], key=lambda pair: -pair[1])
    return [word for word, _ in ranked]


def encode(blocks: Blocks, vocabulary: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield the ids of the tokens, int32; `UNKNOWN`'s for those that are not in the vocabulary."""
    import numpy as np

    ids = {word: number for number, word in enumerate(vocabulary)}
    unknown = ids.get(UNKNOWN)  # there may be none where every token is in the vocabulary
    for block in blocks:
        yield np.fromiter(map(ids.get, block, repeat(unknown)), np.int32, len(block))
