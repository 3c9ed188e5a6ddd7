"""Verdicts in words and in JSON: what the differences of a comparison allow to say, and what would allow more."""

from collections.abc import Iterator

from optbench.stats import LEVEL, POWER, ArmSummary, Comparison, Difference, Metric, ToTarget
from optbench.stats.verdicts import MOST_SEEDS, Paired

NOTHING = "–"
_DECIMALS = 3  # significant digits
DISAGREEMENT = 0.25
"""Ends of the t and the bootstrap interval that are further apart than this share of the t interval are told."""


def cell(difference: Difference) -> str:
    """Return the verdict as a table shows it; one that is open with how many seeds would settle it in brackets."""
    if difference.verdict != "not distinguishable":
        return difference.verdict or NOTHING
    if difference.seeds_needed is not None:
        return f"{difference.verdict} ({difference.seeds_needed})"
    return f"{difference.verdict} (>{MOST_SEEDS})" if difference.needed_for else difference.verdict


def notes(comparison: Comparison) -> list[str]:
    """Return the sentences that say how verdicts were reached and how to read them; none where there are none."""
    found = [difference for _, _, _, difference in _judged(comparison)]
    if not found:
        return []
    lines = [_basis(comparison)]
    lines += [f"margin of {metric}: {margin}" for metric, margin in comparison.margins.items()]
    if any(difference.verdict == "not distinguishable" for difference in found):
        lines.append(_open(comparison))
    return lines + _bootstrap(comparison) + _constant(comparison) + _disagreements(comparison)


def document(difference: Difference) -> dict[str, object]:
    """Return one difference ready for JSON."""
    return {
        "value": difference.value,
        "low": difference.low,
        "high": difference.high,
        "seeds": difference.seeds,
        "bootstrap": {"low": difference.bootstrap_low, "high": difference.bootstrap_high},
        "p": difference.p,
        "p_holm": difference.p_holm,
        "margin": difference.margin,
        "verdict": difference.verdict or None,
        "seeds_needed": difference.seeds_needed,
        "needed_for": difference.needed_for,
    }


def target_document(found: ToTarget | None) -> dict[str, object] | None:
    """Return how soon a target was reached, ready for JSON; None where no target was set."""
    if found is None:
        return None
    return {
        "reached": found.reached,
        "seeds": found.seeds,
        "epochs": found.epochs,
        "seconds": found.seconds,
        "per_seed": list(found.per_seed),
    }


def target_cells(arm: ArmSummary) -> tuple[str, str, str]:
    """Return how many seeds reach the target, and the median epochs and seconds to it; a miss has neither."""
    found = arm.to_target
    if found is None:
        return NOTHING, NOTHING, NOTHING
    reached = f"{found.reached} of {found.seeds}"
    if found.epochs is None or found.seconds is None:
        return reached, "missed", "missed"
    return reached, f"{found.epochs:g}", f"{found.seconds:.3g} s"


def _judged(comparison: Comparison) -> Iterator[tuple[ArmSummary, Metric, str, Difference]]:
    """Yield every difference that has a verdict, with its arm, metric and baseline."""
    for arm in comparison.arms:
        for name, metric in comparison.metrics.items():
            for baseline, difference in arm.metrics[name].difference.items():
                if difference.verdict:
                    yield arm, metric, baseline, difference


def _basis(comparison: Comparison) -> str:
    text = f"verdicts: paired t test at {100 * LEVEL:g} %, two-sided"
    if comparison.family:
        text += f", Holm's correction over {comparison.family}; the intervals are of each difference alone"
    else:
        text += ", for each metric and baseline; with one optimizer compared there is nothing for Holm to correct"
    if comparison.margins:
        inside = f"the {100 * (1 - 2 * LEVEL):g} % interval lies inside the margin (TOST)"
        text += f"; equivalent: {inside}, which is asked first"
    return text


def _open(comparison: Comparison) -> str:
    at = "of what was observed, or of the margin where one is given," if comparison.margins else "of what was observed"
    return (
        f"not distinguishable: in brackets the number of seeds that would show a true difference {at} with "
        f"{100 * POWER:g} % power"
    )


def _constant(comparison: Comparison) -> list[str]:
    """Return a line for every pair that shows one and the same difference in every seed."""
    lines = []
    for arm, metric, baseline, difference in _judged(comparison):
        base = next(other for other in comparison.arms if other.optimizer == baseline)
        if Paired.of(arm.metrics[metric.name].per_seed, base.metrics[metric.name].per_seed).constant:
            lines.append(
                f"{arm.optimizer} minus {baseline}, {metric.title}: {difference.value:+.4g} in each of "
                f"{difference.seeds} seeds; the sign test stands in for t, and the metric's least step over n - 1 for "
                f"the interval's half-width"
            )
    return lines


def _bootstrap(comparison: Comparison) -> list[str]:
    """Return a line with the bootstrap's intervals of the primary metric."""
    items = [
        f"{arm.optimizer} minus {baseline} [{d.bootstrap_low:+.{_DECIMALS}g}, {d.bootstrap_high:+.{_DECIMALS}g}]"
        for arm, metric, baseline, d in _judged(comparison)
        if metric.name == comparison.primary and d.bootstrap_low is not None
    ]
    return [f"by the bootstrap, {comparison.metrics[comparison.primary].title}: {', '.join(items)}"] if items else []


def _disagreements(comparison: Comparison) -> list[str]:
    return [
        f"{arm.optimizer} minus {baseline}, {metric.title}: the bootstrap's interval is "
        f"[{d.bootstrap_low:+.4g}, {d.bootstrap_high:+.4g}], not close to the t interval; the seeds are too few or too "
        f"uneven to trust either far"
        for arm, metric, baseline, d in _judged(comparison)
        if disagree(d)
    ]


def disagree(difference: Difference) -> bool:
    """Return whether the two intervals tell different stories: an end of theirs is far from the other's."""
    d = difference
    if d.low is None or d.high is None or d.bootstrap_low is None or d.bootstrap_high is None:
        return False
    apart = max(abs(d.low - d.bootstrap_low), abs(d.high - d.bootstrap_high))
    return apart > DISAGREEMENT * (d.high - d.low)
