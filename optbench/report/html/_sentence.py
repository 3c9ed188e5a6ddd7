"""What came out of a comparison, in one sentence."""

from collections.abc import Sequence

from optbench.report._quality import decimals
from optbench.stats import VERDICTS, ArmSummary, Comparison, Difference, Metric, Ratio

NAMED = 3
"""So many optimizers are named, with their figures; of more it is said how many there are."""


def verdict(comparison: Comparison) -> str:
    """Return the verdict on a comparison's primary metric and its cost as one sentence."""
    clauses = [*_quality(comparison), *_cost(comparison), *_failures(comparison)]
    text = "; ".join(clauses) or "nothing was trained and nothing was measured"
    return f"{text[:1].upper()}{text[1:]}."


def _asked(comparison: Comparison) -> list[ArmSummary]:
    """Return the arms that the comparison is about: those that are no baselines, or else all."""
    return [arm for arm in comparison.arms if arm.role == "arm"] or list(comparison.arms)


def _quality(comparison: Comparison) -> list[str]:
    """Return who has the best mean, and what can be said beside each baseline."""
    metric = comparison.metrics.get(comparison.primary)
    if metric is None:
        return []
    seeds = len(comparison.seeds)
    name = metric.title.removesuffix("%").strip()
    at = f"{name} at {seeds} {'seed' if seeds == 1 else 'seeds'}"
    means = {arm.optimizer: mean for arm in comparison.arms if (mean := arm.metrics[metric.name].mean) is not None}
    if not means:
        return [f"{at}: no run finished"]
    best = (max if metric.direction == "higher" else min)(means, key=lambda label: means[label])
    clauses = [f"{at}: {best} has the best mean, {means[best]:.{decimals(metric)}f}"]
    told = [_against(comparison, metric, base) for base in comparison.baselines] if seeds > 1 else []
    if not any(told):
        why = "one seed allows no verdict" if seeds == 1 else "without a baseline there is no verdict"
        return [f"{clauses[0]}, but {why}"]
    return [*clauses, *filter(None, told)]


def _against(comparison: Comparison, metric: Metric, base: str) -> str:
    """Return which optimizers are better than a baseline, which are worse, ...; empty where nothing can be said."""
    found: dict[str, list[tuple[ArmSummary, Difference]]] = {word: [] for word in VERDICTS}
    for arm in _asked(comparison):
        difference = arm.metrics[metric.name].difference.get(base)
        if difference and difference.verdict and arm.optimizer != base:
            found[difference.verdict].append((arm, difference))
    joins = {"better": "better than", "worse": "worse than", "equivalent": "equivalent to"}
    clauses: list[str] = []
    for word, arms in found.items():
        if arms:
            verb = "is" if len(arms) == 1 else "are"
            other = "it" if clauses else base
            clauses.append(f"{_listed(arms, metric)} {verb} {joins.get(word, f'{word} from')} {other}")
    return ", ".join(clauses)


def _listed(arms: Sequence[tuple[ArmSummary, Difference]], metric: Metric) -> str:
    """Return a few names, with the difference where it is clear, or how many there are."""
    if len(arms) > NAMED:
        return f"{len(arms)} optimizers"
    names = [arm.optimizer + _figures(difference, metric) for arm, difference in arms]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _figures(found: Difference, metric: Metric) -> str:
    if found.verdict not in ("better", "worse") or found.value is None or found.low is None or found.high is None:
        return ""
    value, low, high = (f"{each:+.{decimals(metric)}f}" for each in (found.value, found.low, found.high))
    return f" ({value} [{low}, {high}])"


def _cost(comparison: Comparison) -> list[str]:
    """Return how much longer an iteration takes than with the first baseline: of one or two optimizers, or a range."""
    if not comparison.baselines:
        return []
    base = comparison.baselines[0]
    found = [
        (arm, over)
        for arm in _asked(comparison)
        if arm.optimizer != base and (over := arm.overhead.get(base)) is not None
    ]
    if not found:
        return []
    if len(found) < NAMED:
        parts = [f"{_percent(over)} with {arm.optimizer}" for arm, over in found]
        return [f"beside {base}, the time of a training iteration changes by {' and by '.join(parts)}"]
    values = [100 * over.value for _, over in found]
    return [f"beside {base}, the time of a training iteration changes by {min(values):+.1f} to {max(values):+.1f} %"]


def _percent(found: Ratio) -> str:
    text = f"{100 * found.value:+.1f} %"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def _failures(comparison: Comparison) -> list[str]:
    """Return which optimizers failed, and how often."""
    found = [arm for arm in comparison.arms if arm.status != "ok"]
    if len(found) > NAMED:
        return [f"{len(found)} optimizers did not finish every run"]
    parts = []
    for arm in found:
        failed = sum(count for status, count in arm.statuses.items() if status != "ok")
        if failed:
            how = " or ".join(status.replace("_", " ") for status in arm.statuses if status != "ok")
            parts.append(f"{arm.optimizer}: {how} in {failed} of {len(comparison.seeds)} runs")
        else:
            parts.append(f"{arm.optimizer}: its cost could not be measured")
    return parts
