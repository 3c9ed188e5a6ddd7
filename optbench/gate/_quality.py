"""Quality held against quality: figures of the same seeds, paired."""

from collections.abc import Sequence

from optbench.gate._rules import Decision, Rule
from optbench.saved import Saved, SavedArm
from optbench.stats import LEVEL
from optbench.stats.intervals import ROUNDING, resolution, t_interval
from optbench.stats.verdicts import Paired, holm, seeds_needed

Figures = tuple[list[float], list[float]]  # new and old, of the seeds that finished both times


def judge(new: Saved, old: Saved, arms: Sequence[tuple[SavedArm, SavedArm]], rule: Rule) -> list[Decision]:
    """Return a decision for each arm (new and old). Significant: two-sided paired t test, Holm-corrected over the arms.

    A pass is the mirror image of a regression: the worsening is below the tolerance by a one-sided t test at 5 %, or
    not one figure has changed.
    """
    if rule.metric not in new.directions or rule.metric not in old.directions:
        which = "new" if rule.metric not in new.directions else "saved"
        text = f"{rule.metric}: the {which} comparison has none"
        return [Decision(rule.metric, now.optimizer, "inconclusive", text) for now, _ in arms]
    figures = [_figures(new, old, now, before, rule.metric) for now, before in arms]
    p_values = [Paired.of(*pair).p() for pair in figures]
    corrected = iter(holm([p for p in p_values if p is not None]))
    lower = new.directions[rule.metric] == "lower"
    return [
        _decision(now.optimizer, pair, rule, lower, None if p is None else next(corrected))
        for (now, _), pair, p in zip(arms, figures, p_values, strict=True)
    ]


def _figures(new: Saved, old: Saved, now: SavedArm, before: SavedArm, metric: str) -> Figures:
    then = dict(zip(old.seeds, before.metrics[metric], strict=True))
    pairs = [(value, then.get(seed)) for seed, value in zip(new.seeds, now.metrics[metric], strict=True)]
    both = [(value, other) for value, other in pairs if value is not None and other is not None]
    return [value for value, _ in both], [other for _, other in both]


def _decision(label: str, figures: Figures, rule: Rule, lower: bool, p: float | None) -> Decision:
    what, n = f"{rule.metric} of {label}", len(figures[0])
    if not n:
        return Decision(rule.metric, label, "inconclusive", f"{what}: no seed finished both then and now")
    pair = Paired.of(*figures)
    low, high = t_interval(pair.differences, resolution([*figures[0], *figures[1]]), pair.scale)
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    if pair.constant and abs(pair.mean) <= ROUNDING * pair.scale:
        same = f"{what}: the same as before " + (f"in each of {seeds}" if n > 1 else f"in {seeds}")
        return Decision(rule.metric, label, "pass", same, 0.0, low, high)
    allowed = rule.tolerance.of(sum(figures[1]) / n)
    interval = f" [{low:+.4g}, {high:+.4g}]" if low is not None and high is not None else ""
    text = f"{what}: {pair.mean:+.4g}{interval} over {seeds}, {allowed:.4g} worse is allowed"
    worse = pair if lower else -pair
    p_within = worse.p_below(allowed)
    if p is None or p_within is None:
        text += "; one seed has no interval, give --seeds 5 or more"
        return Decision(rule.metric, label, "inconclusive", text, pair.mean)
    if worse.mean > allowed and p <= LEVEL:
        text += f"; it is worse by more, and significantly so (p = {p:.2g})"
        return Decision(rule.metric, label, "regression", text, pair.mean, low, high)
    if p_within <= LEVEL:
        return Decision(rule.metric, label, "pass", text, pair.mean, low, high)
    return Decision(rule.metric, label, "inconclusive", text + _open(worse, allowed), pair.mean, low, high)


def _open(worse: Paired, allowed: float) -> str:
    """Return why nothing can be said, and how many seeds would change that."""
    if worse.mean > allowed:
        text, effect, level = "; it is worse by more, but not significantly", worse.mean, LEVEL
    else:
        text, effect, level = "; a worsening by more cannot be ruled out", allowed, 2 * LEVEL  # one-sided
    needed = seeds_needed(effect / worse.std, level) if worse.std else None
    return f"{text}; it would take about {max(needed, len(worse.differences) + 1)} seeds" if needed else text
