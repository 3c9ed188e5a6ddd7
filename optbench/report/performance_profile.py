"""Performance profiles over several recipes (Dolan and More, 2002, arXiv:cs/0102001), scored as AlgoPerf scores them.

With t_{p,s} what optimizer s spends on recipe p until it reaches p's target, over the set S that is compared:

    r_{p,s} = t_{p,s} / min {t_{p,s'} : s' in S}                 at least 1; infinite where s misses the target
    rho_s(tau) = |{p : r_{p,s} <= tau}| / (number of recipes)    the profile: on which part s is within tau of the best
    B_s = 1 / (r_max - 1) * integral of rho_s(tau), tau from 1 to r_max, r_max = 4
                                                                 AlgoPerf's score (arXiv:2306.07179, section 4)

rho_s is a step function, so that the integral is exact: B_s is the mean over p of max(0, r_max - r_{p,s}) / (r_max -
1). t_{p,s} is the median over all seeds, one that misses the target or fails being infinite; it counts epochs, updates
or seconds. A recipe without a target is judged by its primary metric at the end instead: t_{p,s} is the figure itself
where lower is better (perplexity, loss), 100 less the figure where it is a percentage (the error), and else its inverse
(BLEU). Scores depend on S: an optimizer that joins changes those of the others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from optbench.errors import OptbenchError
from optbench.stats import ArmSummary, Comparison, Metric

Array = npt.NDArray[np.float64]
R_MAX = 4.0
BY = ("second", "update", "epoch")
TAUS: Array = np.linspace(1.0, R_MAX, 301)
"""Where the profile is drawn; its score is exact and does not depend on it."""


@dataclass(frozen=True)
class Problem:
    """One recipe: what was counted, in words, and by optimizer its ratio to the best, infinite where unsolved."""

    recipe: str
    counted: str
    ratios: Mapping[str, float]


@dataclass(frozen=True)
class Profile:
    """What the optimizers do on all recipes.

    Attributes:
        problems: one a recipe.
        scores: B_s by optimizer, best first.
        left_out: optimizers that were not run on every recipe, and so are not compared.
    """

    problems: tuple[Problem, ...]
    scores: Mapping[str, float]
    left_out: tuple[str, ...]

    def ratios(self, optimizer: str) -> Array:
        """Return an optimizer's ratios, (recipes,)."""
        return np.array([problem.ratios[optimizer] for problem in self.problems])


def profile(comparisons: Sequence[Comparison], by: str = "second") -> Profile:
    """Return the profiles of the optimizers that were run on all the recipes.

    Args:
        comparisons: one a recipe; those with a target are judged by it.
        by: one of `BY`: what is counted until the target is reached.

    Raises:
        OptbenchError: fewer than two optimizers are common to all recipes, or nothing was trained.
    """
    for comparison in comparisons:
        if not comparison.metrics:
            raise OptbenchError(f"{comparison.recipe}: nothing was trained", "name recipes with finished runs")
    labels = list(dict.fromkeys(arm.optimizer for each in comparisons for arm in each.arms if arm.role != "reference"))
    common = [label for label in labels if all(_arm(each, label) for each in comparisons)]
    if len(common) < 2:
        listed = ", ".join(each.recipe for each in comparisons)
        raise OptbenchError(
            f"{len(common)} optimizers have runs on all of {listed}", "a profile compares two or more: train them there"
        )
    problems = tuple(_problem(each, common, by) for each in comparisons)
    scores = {label: score(np.array([problem.ratios[label] for problem in problems])) for label in common}
    ranked = dict(sorted(scores.items(), key=lambda pair: -pair[1]))
    return Profile(problems, ranked, tuple(label for label in labels if label not in common))


def rho(ratios: Array, taus: Array = TAUS) -> Array:
    """Return the part of the recipes on which the ratio is at most tau, for every tau: (taus,)."""
    found: Array = np.mean(ratios[:, None] <= taus[None, :], axis=0)
    return found


def score(ratios: Array, r_max: float = R_MAX) -> float:
    """Return AlgoPerf's score: the area below the profile from 1 to `r_max`, as a part of the whole."""
    return float(np.mean(np.maximum(0.0, r_max - ratios)) / (r_max - 1))


def _arm(comparison: Comparison, label: str) -> ArmSummary | None:
    return next((arm for arm in comparison.arms if arm.optimizer == label), None)


def _problem(comparison: Comparison, labels: Sequence[str], by: str) -> Problem:
    arms = {label: arm for label in labels if (arm := _arm(comparison, label))}
    if comparison.target is None:
        metric = comparison.metrics[comparison.primary]
        spent = {label: _final(arm, metric, len(comparison.seeds)) for label, arm in arms.items()}
        counted = f"{metric.title} at the end, {_measure(metric)}"
    else:
        name, value = comparison.target
        spent = {label: _until(arm, by) for label, arm in arms.items()}
        counted = f"{by}s until {comparison.metrics[name].title} reaches {value:g}"
    best = min(spent.values())
    return Problem(comparison.recipe, counted, {label: _ratio(value, best) for label, value in spent.items()})


def _ratio(value: float, best: float) -> float:
    """Return `value` over the best; infinite where even that is, and where it is 0 for all that are not."""
    if not math.isfinite(value):
        return math.inf
    if best <= 0:
        return 1.0 if value <= best else math.inf
    return value / best


def _until(arm: ArmSummary, by: str) -> float:
    """Return the median over the seeds of what it took to reach the target."""
    found = arm.to_target
    if found is None:
        return math.inf
    if by == "update":
        counts = [_updates(run.history, epochs) for run, epochs in zip(arm.runs, found.per_seed, strict=True)]
        return float(median(counts))
    value = found.seconds if by == "second" else found.epochs
    return math.inf if value is None else value


def _updates(history: Sequence[Mapping[str, object]], epochs: int | None) -> float:
    if epochs is None:
        return math.inf
    count = history[epochs - 1].get("updates")
    if not isinstance(count, int):
        raise OptbenchError(
            "these runs do not say how many updates they made: an older optbench trained them",
            "count epochs, or train them again with --rerun",
        )
    return count


def _final(arm: ArmSummary, metric: Metric, seeds: int) -> float:
    """Return the median over all seeds of the final figure as a cost; one that failed is infinite."""
    values = [math.inf if value is None else _cost(value, metric) for value in arm.metrics[metric.name].per_seed]
    return float(median(values)) if seeds else math.inf


def _cost(value: float, metric: Metric) -> float:
    if metric.direction == "lower":
        return value
    if metric.unit == "percent":
        return 100.0 - value
    return 1 / value if value > 0 else math.inf


def _measure(metric: Metric) -> str:
    if metric.direction == "lower":
        return "as it is"
    return "as its distance to 100" if metric.unit == "percent" else "inverted"
