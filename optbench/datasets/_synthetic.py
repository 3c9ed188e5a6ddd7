"""Data that are made up: for timing a recipe where its data are not here, or not worth waiting for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from optbench.datasets import _crops
from optbench.datasets._base import (
    BOS,
    EOS,
    PAD,
    SPLITS,
    UNK,
    DatasetInfo,
    Found,
    ImageInfo,
    ParallelInfo,
    Ragged,
    Raw,
    RawPairs,
    RawParallel,
    RawText,
    TextInfo,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

LARGE = 128  # pixels a side: images larger than this are cropped from stored ones, as ImageNet's are
USUAL_VOCABULARY = 10_000  # where it depends on a file that nobody has named: Penn Treebank's
# Sentences have a geometric number of words, about half a mean to three means long: their lengths decide how batches
# are filled, and those of European parliament and news text spread about so.
SHORTEST, LONGEST = 0.25, 3.0
_SIDES = ("source", "target")


def raw(
    facts: DatasetInfo, size: int, found: Found, options: Mapping[str, object], vocabulary: int | None
) -> Raw | RawText | RawParallel:
    """Return made-up data: `size` examples to train on, a tenth as many in each of the other splits, at least one.

    Args:
        facts: what the data are to be like.
        size: at least 1.
        found: its checksum, in hexadecimal digits, decides the random numbers.
        options: the dataset's own, of which `vocabulary`, `source` and `target` count here.
        vocabulary: in place of the dataset's own.
    """
    import numpy as np

    random = np.random.Generator(np.random.Philox(key=int(found.checksum[:32], 16)))
    sizes = {name: size if name == "train" else max(1, size // 10) for name in SPLITS}
    if isinstance(facts, ImageInfo):
        return Raw({name: _images(facts, count, random) for name, count in sizes.items()}, found)
    if isinstance(facts, TextInfo):
        words = vocabulary or _count(options) or facts.vocabulary or USUAL_VOCABULARY
        # a split needs two tokens: one to see, one to predict
        splits = {name: random.integers(0, words, max(2, count), np.int32) for name, count in sizes.items()}
        return RawText(splits, tuple(f"w{number}" for number in range(words)), found)
    assert isinstance(facts, ParallelInfo), facts.kind
    pieces = vocabulary or _count(options) or facts.vocabulary
    pairs = {name: _pairs(count, pieces, facts.sentence_tokens, random) for name, count in sizes.items()}
    source, target = (str(options.get(key) or own) for key, own in zip(_SIDES, facts.languages, strict=True))
    return RawParallel(pairs, (source, target), pieces, Numbers(), found)


def _count(options: Mapping[str, object]) -> int | None:
    given = options.get("vocabulary")
    return given if isinstance(given, int) else None


def _images(facts: ImageInfo, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return uniform pixels and labels."""
    import numpy as np

    channels, height, width = facts.shape
    if height > LARGE:
        height, width = round(height * _crops.RESIZED), round(width * _crops.RESIZED)
    images = random.integers(0, facts.pixel_max, (count, channels, height, width), np.uint8, endpoint=True)
    return images, random.integers(0, len(facts.classes), count)


def _pairs(count: int, pieces: int, mean: float, random: np.random.Generator) -> RawPairs:
    """Return sentences of uniform subwords; a pair's two lengths differ by a fifth at most."""
    import numpy as np

    length = np.clip(random.exponential(mean, count), SHORTEST * mean, LONGEST * mean)
    rows = []
    for factor in (np.ones(count), random.uniform(0.8, 1.2, count)):
        lengths = np.maximum(1, np.rint(length * factor)).astype(np.int64)
        offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        first = max(PAD, UNK, BOS, EOS) + 1
        rows.append(Ragged(random.integers(first, pieces, int(offsets[-1]), np.int32), offsets))
    source, target = rows
    decode = Numbers().decode
    texts = [tuple(decode(r.ids[a:b].tolist()) for a, b in zip(r.offsets, r.offsets[1:], strict=False)) for r in rows]
    return RawPairs(texts[0], texts[1], source, target)


class Numbers:
    """A tokenizer whose words are their own ids."""

    def encode(self, sentence: str) -> list[int]:
        """Return the numbers that a sentence consists of."""
        return [int(word) for word in sentence.split()]

    def decode(self, ids: Sequence[int]) -> str:
        """Return ids as a sentence."""
        return " ".join(map(str, ids))
