"""Holds a trajectory against the transcription of every variant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbench.verify.fingerprint._algorithm import Algorithm, Choice
from optbench.verify.fingerprint._experiment import Trajectory, problem, transcribe
from optbench.verify.fingerprint._report import FingerprintReport, Variant
from optbench.verify.oracles._base import Array

EXACT = (1e-11, 1e-13)
SINGLE = (3e-5, 5e-7)
"""(share of a move, share of a weight): what rounding in float64, or in float32 on the way, may differ by."""


@dataclass(frozen=True)
class _Match:
    choice: Choice
    went: Trajectory
    exact: bool
    single: bool
    share: float
    steps: int
    distance: float


def compare(
    title: str, name: str, algorithm: Algorithm, went: Trajectory, hyper: Mapping[str, Any]
) -> FingerprintReport:
    """Return which variants move as the optimizer did, or else the nearest one and where they part."""
    decays = bool(hyper.get("weight_decay"))
    matches = [_match(algorithm, choice, went, hyper) for choice in algorithm.variants(decays)]
    precision = "float64"
    same = [m for m in matches if m.exact]
    if not same:
        same, precision = [m for m in matches if m.single], "float32"
    best = same[0] if same else max(matches, key=lambda m: _nearness(m, bool(algorithm.who(m.choice, decays))))
    variants = tuple(_variant(algorithm, m.choice, decays) for m in (same or [best]))
    return FingerprintReport(
        subject=title,
        algorithm=name,
        tried=len(matches),
        hyperparameters={k: v for k, v in hyper.items() if k in ("lr", "betas", "eps", "weight_decay", "momentum")},
        variants=variants,
        identified=bool(same),
        precision=precision if same else "",
        worst=_worst(went, best.went),
        share=best.share,
        parting="" if same else _parting(went, best.went),
        states=() if same else _states(went, best.went),
    )


def _nearness(match: _Match, published: bool) -> tuple[int, float, bool, float]:
    """Rank by whole steps that agree, moves that do (in tenths), whether somebody computes it, and the distance."""
    return match.steps, round(match.share, 1), published, -match.distance


def _match(algorithm: Algorithm, choice: Choice, went: Trajectory, hyper: Mapping[str, Any]) -> _Match:
    other = transcribe(algorithm, choice, hyper)
    agrees = _agrees(went, other, *SINGLE)
    with np.errstate(all="ignore"):
        distance = np.abs(went.moves - other.moves) / (np.abs(other.moves) + 1e-12)
    finite = np.where(np.isfinite(distance), np.minimum(distance, 10.0), 10.0 * ~agrees)
    exact = bool(_agrees(went, other, *EXACT).all())
    return _Match(
        choice,
        other,
        exact,
        bool(agrees.all()),
        float(agrees.mean()),
        int(agrees.all(axis=1).sum()),
        float(finite.mean()),
    )


def _agrees(went: Trajectory, other: Trajectory, of_move: float, of_weight: float) -> NDArray[np.bool_]:
    """Tell for each step and element whether both moved alike; not a number is like not a number."""
    with np.errstate(all="ignore"):
        allowed = of_move * np.abs(other.moves) + of_weight * other.sizes
        near = np.abs(went.moves - other.moves) <= allowed
    return np.asarray(near | (np.isnan(went.moves) & np.isnan(other.moves)))


def _worst(went: Trajectory, other: Trajectory) -> float:
    """Return the largest difference of a move in units of its weight; infinite where one alone is not a number."""
    with np.errstate(all="ignore"):
        difference = np.abs(went.moves - other.moves) / other.sizes
    both = np.isnan(went.moves) & np.isnan(other.moves)
    return float(np.max(np.where(both, 0.0, np.where(np.isnan(difference), np.inf, difference))))


def _variant(algorithm: Algorithm, choice: Choice, decays: bool) -> Variant:
    return Variant(dict(choice), tuple(algorithm.describe(choice)), tuple(algorithm.who(choice, decays)))


def _parting(went: Trajectory, other: Trajectory) -> str:
    """Say at which step and in which element of which tensor they part first, and by how much."""
    disagrees = ~_agrees(went, other, *SINGLE)
    step = int(np.argmax(disagrees.any(axis=1)))
    with np.errstate(all="ignore"):
        size = np.where(disagrees[step], np.abs(went.moves[step] - other.moves[step]), -1.0)
    element = int(np.argmax(np.where(np.isnan(size), np.inf, size)))
    ends = np.cumsum([p.size for p in problem()[0]])
    tensor = int(np.searchsorted(ends, element, side="right"))
    start = int(ends[tensor - 1]) if tensor else 0
    count = int(disagrees[step].sum())
    moved, expected = went.moves[step, element], other.moves[step, element]
    return (
        f"step {step + 1}: {count} of {disagrees.shape[1]} elements of theta move otherwise; tensor {tensor} "
        f"({_KINDS[tensor]}), element {element - start}: by {moved:.6g} instead of {expected:.6g}"
    )


_KINDS = ("ordinary", "large gradients", "tiny gradients", "gradient 0 at first", "starts at 0")


def _states(went: Trajectory, other: Trajectory) -> tuple[str, ...]:
    """Say for each quantity of the transcription which state tensor holds it, and from which step on it does not."""
    told = []
    for quantity, values in other.states.items():
        kept = {key: _agreeing(mine, values) for key, mine in went.states.items()}
        key = max(kept, key=lambda k: kept[k], default="")
        if not key or not kept[key]:
            if values and np.any(values[-1]):
                told.append(f"{quantity}: no state tensor holds it")
        elif kept[key] < len(values):
            told.append(f"{quantity}: {key} parts at step {kept[key] + 1}")
        elif np.any(values[-1]):
            told.append(f"{quantity}: {key} agrees throughout")
    return tuple(told)


def _agreeing(mine: list[Array], theirs: list[Array]) -> int:
    """Return for how many steps from the first on two quantities are alike."""
    for step, (a, b) in enumerate(zip(mine, theirs, strict=False)):
        if not np.allclose(a, b, rtol=1e-4, atol=1e-12, equal_nan=True):
            return step
    return min(len(mine), len(theirs))
