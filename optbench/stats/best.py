"""Which arm of a comparison may be called the best in a metric: the one that beats every other beyond chance.

A table that prints its best figure in bold makes a claim about all the other rows. It is made here only where it holds:
every run of the arm with the best mean finished, its paired t test against every other arm is significant (two-sided at
5 %, Holm's correction over those tests), and the comparison's own verdict against each baseline says ``better`` too.
Rows of role ``reference`` (a baseline through another implementation) are beside the question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.stats._types import ArmSummary, Comparison
from optbench.stats.verdicts import LEVEL, Paired, holm


@dataclass(frozen=True)
class Best:
    """The answer for one metric.

    Attributes:
        arm: the label of the best arm; empty where none can be called that.
        leader: the label of the arm with the best mean; empty where there are no figures.
        tied: labels of the arms that the leader is not shown to be better than.
    """

    arm: str
    leader: str
    tied: tuple[str, ...] = ()


def best(comparison: Comparison, metric: str) -> Best:
    """Return which arm is the best in `metric`, if one is; see the module for when.

    With one seed nothing is tested and none is the best. An arm of which no run finished does not stand in the way; one
    whose finished runs are too few to be tested does.
    """
    arms = [arm for arm in comparison.arms if arm.role != "reference" and arm.metrics[metric].mean is not None]
    if not arms:
        return Best("", "")
    sign = 1.0 if comparison.metrics[metric].direction == "higher" else -1.0
    leader = max(arms, key=lambda arm: sign * (arm.metrics[metric].mean or 0.0))
    others = [arm for arm in arms if arm is not leader]
    open_ = _not_beaten(leader, others, metric)
    open_ += [name for name in comparison.baselines if _verdict(leader, metric, name) not in ("better", "")]
    tied = tuple(arm.optimizer for arm in others if arm.optimizer in open_)
    whole = leader.metrics[metric].seeds == len(comparison.seeds)
    shown = whole and bool(others) and not tied
    return Best(leader.optimizer if shown else "", leader.optimizer, tied)


def _verdict(arm: ArmSummary, metric: str, baseline: str) -> str:
    found = arm.metrics[metric].difference.get(baseline)
    return found.verdict if found else ""


def _not_beaten(leader: ArmSummary, others: Sequence[ArmSummary], metric: str) -> list[str]:
    """Return the labels of those whose test against the leader is not significant, or not possible."""
    own = leader.metrics[metric].per_seed
    p_values = [Paired.of(own, other.metrics[metric].per_seed).p() for other in others]
    corrected = holm([1.0 if p is None else p for p in p_values])
    return [other.optimizer for other, p in zip(others, corrected, strict=True) if p > LEVEL]
