"""Cost held against cost: bytes are exact, times are ratios over launches."""

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.gate._rules import TIME_METRICS, Decision, Rule
from optbench.results import Cost
from optbench.saved import Saved, SavedArm
from optbench.stats import LEVEL
from optbench.stats.launches import Change, apart, interleaved
from optbench.stats.verdicts import holm

_TITLES = {"step_time": "step time", "epoch_time": "epoch time", "state_bytes": "state", "peak_memory": "peak memory"}
_REMEDY = "give --against-path DIR with the old code to time both in one run"


@dataclass(frozen=True)
class Sides:
    """One arm's cost now and then.

    Attributes:
        new, old: None where that side was not measured.
        state: bytes of the optimizer's state, new and old, as far as known without a cost.
        together: both were timed in one run, turn by turn.
        doubt: why times from two runs cannot be compared; empty when they can.
    """

    label: str
    new: Cost | None
    old: Cost | None
    state: tuple[int | None, int | None] = (None, None)
    together: bool = False
    doubt: str = ""


def side_by_side(new: Saved, now: SavedArm) -> Sides:
    """Return an arm beside the same arm of another checkout, timed in the same run."""
    old = new.cost(f"{now.canonical}#old")
    return Sides(now.optimizer, new.cost(now.canonical), old, together=True)


def from_file(new: Saved, old: Saved, now: SavedArm, before: SavedArm) -> Sides:
    """Return an arm beside what a file says of it."""
    state = now.state_bytes, before.state_bytes
    return Sides(now.optimizer, new.cost(now.canonical), old.cost(before.canonical), state, doubt=_doubt(new, old))


def _doubt(new: Saved, old: Saved) -> str:
    """Return why times of two measurements cannot be held against each other; empty when they can."""
    if new.measurement is None or old.measurement is None:
        return ""
    here, there = new.measurement.machine, old.measurement.machine
    if here != there:
        parts = [
            f"{key} {there.get(key)} then, {here.get(key)} now"
            for key in {**there, **here}
            if there.get(key) != here.get(key)
        ]
        return f"the saved times are another machine's ({'; '.join(parts)})"
    busy = [
        f"{when}: {'; '.join(side.busy)}"
        for when, side in (("then", old.measurement), ("now", new.measurement))
        if side.busy
    ]
    return f"the machine was busy ({', '.join(busy)})" if busy else ""


def judge(arms: Sequence[Sides], rule: Rule) -> list[Decision]:
    """Return a decision for each arm."""
    broken = [_broken(arm, rule) for arm in arms]
    if not rule.is_time:
        return [found or _bytes(arm, rule) for arm, found in zip(arms, broken, strict=True)]
    changes = [None if found else _change(arm, rule.metric) for arm, found in zip(arms, broken, strict=True)]
    p_values = [change.p if change else None for change in changes]
    corrected = iter(holm([p for p in p_values if p is not None]))
    decisions = []
    for arm, found, change, p in zip(arms, broken, changes, p_values, strict=True):
        p_holm = None if p is None else next(corrected)
        decisions.append(found or _time(arm, rule, change, p_holm))
    return decisions


def _broken(arm: Sides, rule: Rule) -> Decision | None:
    """Return the decision for an arm that one side has no figures of; None when both have."""
    what = f"{_TITLES[rule.metric]} of {arm.label}"
    for side, when in ((arm.old, "old"), (arm.new, "new")):
        if side is None or side.status == "ok":
            continue
        text = f"{what}: the {when} one could not be measured: {side.message or side.status}"
        return Decision(rule.metric, arm.label, "regression" if side is arm.new else "inconclusive", text)
    if rule.is_time and arm.doubt:
        return Decision(rule.metric, arm.label, "inconclusive", f"{what}: {arm.doubt}; {_REMEDY}")
    return None


def _bytes(arm: Sides, rule: Rule) -> Decision:
    what = f"{_TITLES[rule.metric]} of {arm.label}"
    attribute = "peak_memory_bytes" if rule.metric == "peak_memory" else "state_bytes"
    new, old = (getattr(cost, attribute) if cost else None for cost in (arm.new, arm.old))
    if rule.metric == "state_bytes":
        new, old = (exact if exact is not None else run for exact, run in zip((new, old), arm.state, strict=True))
    if new is None or old is None:
        which = "new" if new is None else "old"
        return Decision(rule.metric, arm.label, "inconclusive", f"{what}: the {which} one was not measured")
    allowed = rule.tolerance.of(old)
    ratio = new / old if old else (1.0 if new == old else None)
    text = f"{what}: {old:,} bytes then, {new:,} now ({new - old:+,}), {allowed:,.0f} more are allowed"
    return Decision(rule.metric, arm.label, "regression" if new - old > allowed else "pass", text, ratio)


def _change(arm: Sides, metric: str) -> Change | None:
    if arm.new is None or arm.old is None:
        return None
    return (interleaved if arm.together else apart)(arm.new, arm.old, TIME_METRICS[metric])


def _time(arm: Sides, rule: Rule, change: Change | None, p: float | None) -> Decision:
    what = f"{_TITLES[rule.metric]} of {arm.label}"
    if change is None:
        which = "new" if arm.new is None else "old"
        return Decision(rule.metric, arm.label, "inconclusive", f"{what}: the {which} one was not timed")
    low, high = change.interval
    interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
    text = f"{what}: {change.ratio:.3f}x{interval} over {change.launches} launches, {rule.tolerance} more is allowed"
    within = change.p_below(1 + rule.tolerance.amount)
    if p is None or within is None:
        return Decision(rule.metric, arm.label, "inconclusive", f"{text}; one launch has no interval", change.ratio)
    if change.ratio > 1 + rule.tolerance.amount and p <= LEVEL:
        text += f"; it is slower by more, and significantly so (p = {p:.2g})"
        return Decision(rule.metric, arm.label, "regression", text, change.ratio, low, high)
    if within <= LEVEL:
        return Decision(rule.metric, arm.label, "pass", text, change.ratio, low, high)
    text += "; a slowdown by more cannot be ruled out: give a tighter --cost-precision and a larger --cost-budget"
    return Decision(rule.metric, arm.label, "inconclusive", text, change.ratio, low, high)
