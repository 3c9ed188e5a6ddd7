"""Where an epoch's time goes, from times that `measure_arms` found: nothing is timed here, and no torch is imported."""

import statistics
from collections.abc import Mapping

from optbench.results import PHASES, Cost
from optbench.stats.times import OWN, seconds


def breakdown(cost: Cost, base: Cost | None, evaluation: float) -> dict[str, float]:
    """Return the seconds of an epoch by part: the phases of `PHASES` that occur, `prediction`, and `evaluation`.

    Args:
        cost: the arm's samples.
        base: those of the optimizer that a weight prediction wraps, of the same measurement; None for none. Its
            prediction is a part of a fused step, so what it takes is the paired difference to the base, and `step`
            and `schedule` are the base's. A difference may come out below 0 where it drowns in noise.
        evaluation: seconds of one evaluation.
    """
    parts: dict[str, float] = {}
    for phase in PHASES:
        source = base if base is not None and phase in OWN and phase in base.samples else cost
        if (found := seconds(source, phase)) is not None:
            parts[phase] = found.value
        if phase == "step" and base is not None:
            parts["prediction"] = _difference(cost, base)
    return {name: value * cost.epoch_iterations for name, value in parts.items()} | {"evaluation": evaluation}


def _difference(cost: Cost, base: Cost) -> float:
    """Return by how many seconds an iteration's own phases exceed the base's: turn by turn, the median of medians."""
    launches = zip(_own(cost.samples), _own(base.samples), strict=True)
    medians = [statistics.median(a - b for a, b in zip(mine, theirs, strict=False)) for mine, theirs in launches]
    return statistics.median(medians)


def _own(samples: Mapping[str, tuple[tuple[float, ...], ...]]) -> list[list[float]]:
    """Return by launch and turn the seconds of the phases that the optimizer decides."""
    present = [samples[phase] for phase in OWN if phase in samples]
    return [[sum(turn) for turn in zip(*launch, strict=True)] for launch in zip(*present, strict=True)]
