"""From two comparisons to decisions: which arm is held against which, and by which part of the gate."""

from collections.abc import Mapping, Sequence

from optbench.errors import OptbenchError
from optbench.gate import _cost, _quality
from optbench.gate._rules import Decision, Outcome, Rule
from optbench.saved import Saved, SavedArm

Pairs = Sequence[tuple[SavedArm, SavedArm]]  # new and old
_GATED = ("arm", "baseline")  # reference rows are torch's own code


def check_alike(recipe: str, settings: Mapping[str, object], old: Saved, name: str) -> None:
    """Raise OptbenchError, naming what differs, unless a saved comparison is of this recipe with these settings.

    A setting that one side lacks is one that its optbench does not know yet, or any more; it is no difference.
    """
    differ = [key for key in settings if key in old.settings and key != "title" and settings[key] != old.settings[key]]
    parts = [f"{key} is {old.settings[key]} there, {settings[key]} here" for key in differ]
    if recipe != old.recipe:
        parts.insert(0, f"the recipe is {old.recipe} there, {recipe} here")
    if parts:
        raise OptbenchError(f"{name} is not comparable: {'; '.join(parts)}", "run with the same recipe and settings")


def decide(new: Saved, old: Saved | None, rules: Sequence[Rule], *, against_path: bool = False) -> Outcome:
    """Return a decision for each rule and arm, and further ones for arms that failed or are gone.

    Args:
        new: the comparison at hand; its measurement holds arms named `...#old` with `against_path`.
        old: what it is held against; None where only costs are held, against those arms.
        rules: what is held, and how much worse it may get.
        against_path: whether costs are held against the old code in this very measurement.
    """
    gated = [arm for arm in new.arms if arm.role in _GATED]
    pairs = [] if old is None else _matched(gated, old)
    decisions: list[Decision] = []
    notes: list[str] = []
    if old is not None:
        decisions += [found for now, before in pairs for found in _failures(new, old, now, before)]
        missing, notes = _unmatched(gated, old, pairs)
        decisions += missing
        notes += _unknown(new.settings, old.settings)
    for rule in rules:
        if not rule.is_cost:
            decisions += _quality.judge(new, old, pairs, rule) if old is not None else []
        elif against_path:
            decisions += _cost.judge([_cost.side_by_side(new, arm) for arm in gated], rule)
        elif old is not None:
            decisions += _cost.judge([_cost.from_file(new, old, now, before) for now, before in pairs], rule)
    return Outcome(tuple(decisions), tuple(notes + [_changed(*pair) for pair in pairs if _changed(*pair)]))


def _matched(arms: Sequence[SavedArm], old: Saved) -> Pairs:
    """Pair each arm with the saved one of the same hyper-parameters, or else of the same name."""
    by_canonical = {arm.canonical: arm for arm in old.arms}
    by_label = {arm.optimizer: arm for arm in old.arms}
    found = [(arm, by_canonical.get(arm.canonical) or by_label.get(arm.optimizer)) for arm in arms]
    return [(now, before) for now, before in found if before is not None]


def _unmatched(arms: Sequence[SavedArm], old: Saved, pairs: Pairs) -> tuple[list[Decision], list[str]]:
    """Return a decision for each saved arm that is gone, and a note for each baseline that is, and each new arm."""
    matched_now, matched_then = [now for now, _ in pairs], [before for _, before in pairs]
    notes = [f"{arm.optimizer} is new: there is nothing to hold it against" for arm in arms if arm not in matched_now]
    decisions = []
    for arm in old.arms:
        if arm in matched_then or arm.role not in _GATED:
            continue
        if arm.role == "baseline":
            notes.append(f"the saved baseline {arm.optimizer} was not run now")
        else:
            text = f"{arm.optimizer} is in the saved comparison and was not run now; name it with --optims"
            decisions.append(Decision("status", arm.optimizer, "inconclusive", text))
    return decisions, notes


def _failures(new: Saved, old: Saved, now: SavedArm, before: SavedArm) -> list[Decision]:
    """Return a regression for an arm that failed with a seed that it finished with before."""
    then = dict(zip(old.seeds, before.statuses, strict=True))
    failed = [
        (seed, status)
        for seed, status in zip(new.seeds, now.statuses, strict=True)
        if status != "ok" and then.get(seed) == "ok"
    ]
    if not failed:
        return []
    told = ", ".join(f"seed {seed}: {status.replace('_', ' ')}" for seed, status in failed)
    return [Decision("status", now.optimizer, "regression", f"{now.optimizer} finished before and fails now ({told})")]


def _unknown(here: Mapping[str, object], there: Mapping[str, object]) -> list[str]:
    """Return a note on the settings that only one side knows."""
    keys = sorted(set(here) ^ set(there))
    return [f"not known to be the same, since another optbench saved the file: {', '.join(keys)}"] if keys else []


def _changed(now: SavedArm, before: SavedArm) -> str:
    """Return a note where the same name stands for other hyper-parameters than before."""
    if now.canonical == before.canonical:
        return ""
    return f"{now.optimizer} was {before.canonical} and is {now.canonical}"
