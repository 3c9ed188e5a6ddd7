"""An arm while it is tuned: its trials, which is best, and whether that lies at the edge."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optbench.optimizers import Reference
from optbench.results import RunResult

if TYPE_CHECKING:
    from optbench.tune._search import Search


@dataclass(frozen=True)
class Objective:
    """What trials are judged by: a validation metric, and another one where two are equal. Directions: see tasks."""

    metric: str
    direction: str
    second: str = ""
    second_direction: str = "lower"

    def rank(self, trial: "Trial") -> tuple[float, float]:
        """Return what sorts trials, the best one first; one that failed comes last."""
        first = _signed(trial.value, self.direction)
        return first, _signed(trial.second, self.second_direction)


def _signed(value: float | None, direction: str) -> float:
    if value is None:
        return math.inf
    return -value if direction == "higher" else value


@dataclass
class Trial:
    """Some values of what is searched, and what they gave.

    Attributes:
        values: by hyper-parameter.
        reference: the arm's, with these values.
        value, second: the objective's metrics on validation data, means over the tuning seeds; None if a run failed.
        status: `ok`, or how the first of its runs failed.
    """

    values: Mapping[str, float]
    reference: Reference
    value: float | None = None
    second: float | None = None
    status: str = ""


@dataclass
class ArmTuning:
    """One arm: its search, its trials in their order, and where its space was extended."""

    reference: Reference
    objective: Objective
    search: "Search"
    trials: list[Trial] = field(default_factory=list)
    extended: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The reference as its user wrote it."""
        return self.reference.text

    @property
    def best(self) -> Trial:
        """The best trial so far; the first one where several are equal."""
        return min(self.trials, key=self.objective.rank)

    def add(self, trial: Trial, results: Sequence[RunResult]) -> None:
        """Take in a trial that was run."""
        failed = [result.status for result in results if result.status != "ok"]
        trial.status = failed[0] if failed else "ok"
        if not failed:
            trial.value = _mean(results, self.objective.metric)
            trial.second = _mean(results, self.objective.second)
        self.trials.append(trial)

    def edges(self) -> dict[str, bool]:
        """Return the hyper-parameters in which the best trial lies at the edge, and whether at the lower one."""
        if self.best.value is None:
            return {}
        return self.search.edges(self)

    def tried(self, key: str) -> list[float]:
        """Return the values of a hyper-parameter that were tried and did not fail, ascending."""
        return sorted({trial.values[key] for trial in self.trials if trial.value is not None})


def _mean(results: Sequence[RunResult], metric: str) -> float | None:
    """Return the mean of the last epoch's validation metric; None where it is not finite."""
    values = [result.history[-1].get("validation", {}).get(metric) for result in results]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
