"""What a gate is asked, `step_time:5%`, and what it answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from optbench.errors import OptbenchError
from optbench.stats import Metric, Tolerance
from optbench.stats.times import OWN, Phase
from optbench.stats.tolerance import find, parse, split

OPTION = "--fail-if"
TIME_METRICS: dict[str, Phase] = {"step_time": OWN, "epoch_time": "iteration"}
"""The phases that each is the time of. Epochs have the same number of iterations, so their ratio is the iterations'."""
BYTE_METRICS = ("state_bytes", "peak_memory")
COST_METRICS = (*TIME_METRICS, *BYTE_METRICS)
_ORDER = ("regression", "inconclusive", "pass")
_EXIT = {"pass": 0, "regression": 1, "inconclusive": 3}

Status = Literal["pass", "regression", "inconclusive"]


@dataclass(frozen=True)
class Rule:
    """How much worse one metric may get."""

    metric: str
    tolerance: Tolerance

    @property
    def is_time(self) -> bool:
        """Whether it is noise from one machine to another."""
        return self.metric in TIME_METRICS

    @property
    def is_cost(self) -> bool:
        """Whether it is measured apart from training."""
        return self.metric in COST_METRICS


@dataclass(frozen=True)
class Decision:
    """What the gate says of one metric of one arm.

    Attributes:
        status: `pass`, `regression` or `inconclusive`.
        sentence: why, with the figures.
        value: new minus old in the metric's unit for quality, new over old for times and bytes; None where there is
            nothing to compare. `low` and `high`: its 95 % interval, None where it has none.
    """

    metric: str
    arm: str
    status: Status
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Outcome:
    """All decisions, and what is worth knowing beside them."""

    decisions: tuple[Decision, ...]
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The gravest of the decisions: a regression, or else what is inconclusive."""
        return min((decision.status for decision in self.decisions), key=_ORDER.index, default="pass")

    @property
    def exit_status(self) -> int:
        """0 pass, 1 regression, 3 inconclusive (2 is a mistake of the user's)."""
        return _EXIT[self.status]


def parse_rules(texts: Iterable[str], metrics: Sequence[Metric]) -> tuple[Rule, ...]:
    """Return the rules that the user wrote as `METRIC:TOLERANCE`; the sign of a tolerance is ignored.

    Args:
        texts: such as `accuracy:-0.5`, `loss:2%`, `state_bytes:0%`, `step_time:5%`.
        metrics: the task's.

    Raises:
        OptbenchError: for another form, an unknown metric, one that is given twice, or a time without a percentage.
    """
    rules: dict[str, Rule] = {}
    for text in texts:
        name, value = split(text, OPTION, "accuracy:-0.5")
        rule = Rule(find(name, metrics, f"{OPTION} {text}", COST_METRICS), parse(value, OPTION, text))
        if rule.metric in rules:
            raise OptbenchError(f"{OPTION}: {rule.metric} is given twice", "leave one out")
        if rule.is_time and not rule.tolerance.relative:
            raise OptbenchError(f"{OPTION} {text!r}: a time is held as a ratio", f"write {name}:5%")
        rules[rule.metric] = rule
    return tuple(rules.values())
