"""Parallel text made by hand, for the tests of translation."""

import numpy as np
import torch

from optbench.datasets import Pairs, ParallelText, RaggedTensor


class Words:
    """A tokenizer: id 7 is the word w7."""

    def encode(self, sentence):
        return [int(word[1:]) for word in sentence.split()]

    def decode(self, ids):
        return " ".join(f"w{number}" for number in ids)


def ragged(rows):
    """Return lists of ids as a ragged tensor."""
    offsets = np.cumsum([0, *map(len, rows)])
    ids = [number for row in rows for number in row]
    return RaggedTensor(torch.tensor(ids, dtype=torch.int32), torch.from_numpy(offsets))


def pairs(source, target):
    """Return sentences, given as lists of ids, and their translations."""
    texts = [tuple(Words().decode(row) for row in rows) for rows in (source, target)]
    return Pairs(ragged(source), ragged(target), *texts)


def drawn(count, vocabulary=20, longest=9, seed=0):
    """Return pairs of random sentences, none of them empty."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, longest, (2, count))
    return pairs(*([random.integers(4, vocabulary, n).tolist() for n in side] for side in lengths))


def dataset(train=None, validation=None, test=None, vocabulary=20):
    """Return a data set of these pairs, or of random ones."""
    return ParallelText(
        name="toy",
        train=train or drawn(40, vocabulary),
        validation=validation or drawn(12, vocabulary, seed=1),
        test=test or drawn(10, vocabulary, seed=2),
        device=torch.device("cpu"),
        languages=("de", "en"),
        pieces=vocabulary,
        tokenizer=Words(),
        checksum="",
        provenance="",
    )
