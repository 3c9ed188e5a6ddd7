"""Test figures of 120 real seeds of the digits recipe, for simulations that resample them (digits_seeds.json)."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np

_DOCUMENT = json.loads((Path(__file__).parent / "digits_seeds.json").read_text())
ARMS = tuple(_DOCUMENT["arms"])
PAIRS = tuple(combinations(ARMS, 2))
METRICS = ("accuracy", "cross_entropy")


def figures(arm: str, metric: str) -> np.ndarray:
    """Return a metric by seed: accuracy in percent, as many of the test images as the model got right."""
    of_arm = _DOCUMENT["arms"][arm]
    if metric == "accuracy":
        return np.array(of_arm["correct"]) * 100 / _DOCUMENT["images"]
    return np.array(of_arm["cross_entropy"])
