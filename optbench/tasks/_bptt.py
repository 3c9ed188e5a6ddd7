"""Lengths of the windows that a text is read in: fixed, or drawn as AWD-LSTM's `train` in main.py draws them."""

from __future__ import annotations

import math

# github.com/salesforce/awd-lstm-lm, main.py
SHORTEST = 5  # tokens of a window of drawn length, but for the last
DEVIATION = 5.0  # tokens
HALVED = 0.05  # probability that a window is about half as long


def fixed_edges(predicted: int, bptt: int) -> list[int]:
    """Return where windows of `bptt` rows begin, and where the last one ends: at `predicted`, at least 1."""
    return [*range(0, predicted, bptt), predicted]


def drawn_edges(predicted: int, bptt: int, seed: int, epoch: int) -> list[int]:
    """Return where windows begin, and where the last one ends: at `predicted`, which cuts it short.

    A window has max(SHORTEST, int(N(b, DEVIATION))) rows, b = bptt or, with probability HALVED, half of it.
    """
    import numpy as np

    random = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch))))
    edges = [0]
    while edges[-1] < predicted:
        centre = bptt / 2 if random.random() < HALVED else bptt
        length = max(SHORTEST, int(random.normal(centre, DEVIATION)))
        edges.append(min(edges[-1] + length, predicted))
    return edges


def drawn_mean(bptt: int) -> float:
    """Return the mean length of the windows of `drawn_edges`, but for the last."""

    def mean(centre: float) -> float:
        # the mean of a whole number n >= SHORTEST is SHORTEST plus the sum over k > SHORTEST of P(n >= k)
        above = range(SHORTEST + 1, math.ceil(centre + 10 * DEVIATION))
        return SHORTEST + sum(0.5 * math.erfc((k - centre) / (DEVIATION * math.sqrt(2))) for k in above)

    return HALVED * mean(bptt / 2) + (1 - HALVED) * mean(bptt)
