"""Where trials lie: a scrambled Sobol sequence over ranges, or a grid; and how either goes on at an edge."""

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from optbench._ranges import Range
from optbench.tune._trials import ArmTuning

Values = dict[str, float]
Edges = Mapping[str, bool]  # hyper-parameter -> whether the best lies at its lower edge


class Search(Protocol):
    """How an arm is searched."""

    def first(self) -> list[Values]:
        """Return the trials that are made whatever comes of them."""

    def edges(self, arm: ArmTuning) -> dict[str, bool]:
        """Return the hyper-parameters in which the arm's best trial lies at the edge; true for the lower one."""

    def more(self, arm: ArmTuning, edges: Edges, number: int, rounds: int) -> list[Values]:
        """Return the trials of a further round: beyond the edges, or else inside."""

    def describe(self) -> str:
        """Say what is searched now."""


class Sobol:
    """The first points of a Sobol sequence, scrambled by the arm's own name, in ranges that grow at their edges.

    Args:
        label: of the arm.
        space: a range by hyper-parameter.
        budget: how many points there are in all; the last quarter of them is for `more`.
    """

    def __init__(self, label: str, space: Mapping[str, Range], budget: int) -> None:
        self.space = dict(sorted(space.items()))
        self.budget = budget
        self._points = _sobol(len(self.space), budget, label)
        self._kept = budget // 4
        self._next = 0

    def first(self) -> list[Values]:
        """Return the points of the first three quarters of the budget."""
        return [self._take(self.space) for _ in range(self.budget - self._kept)]

    def edges(self, arm: ArmTuning) -> dict[str, bool]:
        """A value is at an edge when nothing beyond it was tried and a trial's share of the range does not fit."""
        found = {}
        share = 1 / max(2, len(arm.trials))
        for key, where in self.space.items():
            value, tried = arm.best.values[key], arm.tried(key)
            if value == tried[0] and where.place(value) < share:
                found[key] = True
            elif value == tried[-1] and where.place(value) > 1 - share:
                found[key] = False
        return found

    def more(self, arm: ArmTuning, edges: Edges, number: int, rounds: int) -> list[Values]:
        """Return the next points; where the best lies at an edge, they lie in what is opened beyond it."""
        count = self._kept // rounds + (number < self._kept % rounds)
        opened = dict(self.space)
        for key, below in edges.items() if count else ():
            opened[key] = self.space[key].beyond(below)
            self.space[key] = self.space[key].joined(opened[key])
            arm.extended.append(f"{key} {'downwards' if below else 'upwards'}, now {self.space[key]}")
        return [self._take(opened) for _ in range(count)]

    def describe(self) -> str:
        return ", ".join(f"{key} {where}" for key, where in self.space.items())

    def _take(self, space: Mapping[str, Range]) -> Values:
        point = self._points[self._next]
        self._next += 1
        return {key: where.at(unit) for (key, where), unit in zip(space.items(), point, strict=True)}


def _sobol(dimensions: int, count: int, label: str) -> Sequence[Sequence[float]]:
    """Return points in the unit cube: the first `count` of a whole power of 2, for which the sequence is balanced."""
    import numpy as np
    from scipy.stats import qmc

    seed = int.from_bytes(hashlib.sha256(f"optbench tune {label}".encode()).digest()[:8], "big")
    made = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed))
    points: list[list[float]] = made.random_base2(max(0, math.ceil(math.log2(count)))).tolist()
    return points[:count]


class Grid:
    """All combinations of given values. At an edge it goes on by the step between the last two values.

    Args:
        values: at least one by hyper-parameter.
    """

    def __init__(self, values: Mapping[str, Sequence[float]]) -> None:
        self.values = {key: sorted(set(own)) for key, own in sorted(values.items())}
        self._given = {key: list(own) for key, own in self.values.items()}

    def first(self) -> list[Values]:
        return [dict(zip(self.values, point, strict=True)) for point in itertools.product(*self.values.values())]

    def edges(self, arm: ArmTuning) -> dict[str, bool]:
        found = {}
        for key, own in self.values.items():
            if len(own) > 1 and (value := arm.best.values[key]) in (own[0], own[-1]):
                found[key] = value == own[0]
        return found

    def more(self, arm: ArmTuning, edges: Edges, number: int, rounds: int) -> list[Values]:
        """Return one trial: beyond the edges, or between the best value and its better neighbour."""
        best = dict(arm.best.values)
        for key, own in self.values.items():
            if len(own) < 2:
                continue
            if key in edges:
                best[key] = _step(own[1], own[0]) if edges[key] else _step(own[-2], own[-1])
                arm.extended.append(f"{key} {'downwards' if edges[key] else 'upwards'}, to {best[key]:g}")
            else:
                best[key] = _between(own, best[key], arm, key)
            own.append(best[key])
            own.sort()
        return [best]

    def describe(self) -> str:
        return ", ".join(f"{key} {' '.join(f'{value:g}' for value in own)}" for key, own in self._given.items())


def _step(inner: float, outer: float) -> float:
    """Return the value as far beyond `outer` as that is from `inner`: by ratio where both are positive."""
    value = outer * (outer / inner) if inner > 0 and outer > 0 else 2 * outer - inner
    return float(f"{value:.3g}")


def _between(own: Sequence[float], value: float, arm: ArmTuning, key: str) -> float:
    """Return the middle between a value and the neighbour whose best trial is better."""
    at = list(own).index(value)
    neighbours = {own[k] for k in (at - 1, at + 1) if 0 <= k < len(own)}
    ranked = sorted(
        neighbours, key=lambda near: min(arm.objective.rank(t) for t in arm.trials if t.values[key] == near)
    )
    middle = math.sqrt(value * ranked[0]) if value > 0 and ranked[0] > 0 else (value + ranked[0]) / 2
    return float(f"{middle:.3g}")
