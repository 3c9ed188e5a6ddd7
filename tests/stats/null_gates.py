"""Gates resampled from recorded A/A rounds: one optimizer timed against itself, launch by launch.

A null gate draws launches with replacement from the recording and lets chance decide which twin is called new, so that
nothing but this machine's noise is left; a planted slowdown lengthens the new one's own phases. Run as a script it
prints the README's table.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from optbench.gate import Decision, Rule, decide
from optbench.results import Cost, Measurement
from optbench.saved import Saved, SavedArm
from optbench.stats import Tolerance
from optbench.stats.times import OWN

RECORDING = Path(__file__).parent / "aa_rounds.json"  # made by record_aa.py
LAUNCHES = 5  # of a gate: what optbench launches at least


def recorded(path: Path = RECORDING) -> tuple[Cost, Cost]:
    """Return the costs of the twins."""
    document = json.loads(path.read_text())
    base, twin = (Cost.from_dict(document[name]) for name in ("base", "twin"))
    return base, twin


def simulated(launches: int = 40, turns: int = 6, seed: int = 0) -> tuple[Cost, Cost]:
    """Return twins as a quiet machine would time them: drift that both share, layout by launch, noise by turn."""
    from priced import cost

    rng = np.random.default_rng(seed)
    shape = (launches, turns)
    drift = np.exp(rng.normal(0, 0.03, (launches, 1)) + rng.normal(0, 0.02, shape))

    def twin() -> Cost:
        rows = {
            phase: seconds * drift * np.exp(rng.normal(0, 0.01, (launches, 1)) + rng.normal(0, 0.02, shape))
            for phase, seconds in (("forward", 1e-3), ("backward", 2e-3), ("step", 2e-4))
        }
        rows["iteration"] = sum(rows.values())
        return cost("adamw", samples={phase: tuple(map(tuple, found)) for phase, found in rows.items()})

    return twin(), twin()


def gate(twins: tuple[Cost, Cost], rng: np.random.Generator, tolerance: float, slowdown: float = 0.0) -> Decision:
    """Return what one gate on `step_time` says of resampled launches, the new side `slowdown` slower in its step."""
    first, second = twins if rng.random() < 0.5 else twins[::-1]
    chosen = rng.integers(0, len(first.samples["iteration"]), LAUNCHES)
    new = replace(first, canonical="a", samples=_slower(_launches(first, chosen), 1 + slowdown))
    old = replace(second, canonical="a#old", samples=_launches(second, chosen))
    costs = {"a": new, "a#old": old}
    measurement = Measurement(costs, LAUNCHES, 1, 1.0, 0.02, True, (), False, {})
    saved = Saved("", {}, {}, {}, (), (SavedArm("a", "a", "arm", "cpu", (), {}, None),), measurement)
    rule = Rule("step_time", Tolerance(tolerance, relative=True))
    (decision,) = decide(saved, None, [rule], against_path=True).decisions
    return decision


def shares(
    twins: tuple[Cost, Cost], gates: int, tolerance: float, slowdown: float = 0.0, seed: int = 1
) -> dict[str, float]:
    """Return which share of many gates ends how."""
    rng = np.random.default_rng(seed)
    found = [gate(twins, rng, tolerance, slowdown).status for _ in range(gates)]
    return {status: found.count(status) / gates for status in ("pass", "inconclusive", "regression")}


Samples = Mapping[str, tuple[tuple[float, ...], ...]]


def _launches(cost: Cost, chosen: np.ndarray) -> Samples:
    return {phase: tuple(launches[i] for i in chosen) for phase, launches in cost.samples.items()}


def _slower(samples: Samples, factor: float) -> Samples:
    return {
        phase: tuple(tuple(seconds * factor for seconds in turns) for turns in launches) if phase in OWN else launches
        for phase, launches in samples.items()
    }


if __name__ == "__main__":
    twins = recorded()
    turns = [len(launch) for launch in twins[0].samples["step"]]
    print(f"{len(turns)} launches with {min(turns)} to {max(turns)} turns recorded; gates of {LAUNCHES} launches\n")
    print("| tolerance | planted slowdown of the step | pass | inconclusive | regression |")
    print("| --- | --- | --- | --- | --- |")
    for tolerance in (0.05, 0.01):
        for slowdown in (0.0, 0.03, 0.05, 0.1):
            found = shares(twins, 1000, tolerance, slowdown)
            cells = " | ".join(f"{100 * share:.1f} %" for share in found.values())
            print(f"| {100 * tolerance:g} % | {100 * slowdown:g} % | {cells} |")
