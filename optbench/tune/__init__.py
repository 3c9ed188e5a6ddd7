"""Tuning: every arm, baselines included, gets the same number of trials, each in a search space of its own. No torch.

A trial is one reference, trained with the tuning seeds, which are not seeds that anything is evaluated with, and judged
by the primary metric on validation data after the last epoch. The best trial's values are then trained with fresh
seeds and scored on test data, once. Trials are the points of a scrambled Sobol sequence, or of a grid; they depend on
the optimizer's name, its space and the budget alone, so the same command makes the same trials, and those that are in
the store are not trained again.

Where the best trial lies at the edge of its space, the space is extended there. A quarter of the budget is kept for
that; an arm whose best is inside goes on in its space, so that all arms have as many trials.
"""

from collections.abc import Callable, Mapping, Sequence

from optbench import plan
from optbench.errors import OptbenchError
from optbench.optimizers import Reference, parse
from optbench.plan import RunSpec
from optbench.recipe import Recipe
from optbench.results import RunResult
from optbench.tune._curve import Point, best_of_k
from optbench.tune._search import Grid, Search, Sobol
from optbench.tune._space import declared
from optbench.tune._trials import ArmTuning, Objective, Trial
from optbench.tune._write import check_target, tuned_recipe, write_recipe

__all__ = [
    "FIRST_SEED",
    "ArmTuning",
    "Objective",
    "Point",
    "Trial",
    "best_of_k",
    "check_target",
    "tune",
    "tuned_recipe",
    "write_recipe",
]

FIRST_SEED = 10_000
"""The first tuning seed. Evaluations take the seeds from 0 on, and so never reach it."""
ROUNDS = 2  # in which a space can be extended

Train = Callable[[Sequence[RunSpec]], Sequence[RunResult]]


def tune(
    recipe: Recipe,
    references: Sequence[Reference],
    objective: Objective,
    train: Train,
    *,
    budget: int = 0,
    grid: Mapping[str, Sequence[float]] | None = None,
    seeds: int = 1,
    build: Mapping[str, object] | None = None,
) -> list[ArmTuning]:
    """Return every arm's trials and its best values.

    Args:
        recipe: what is trained, under the standard protocol.
        references: the arms; what a reference gives is not searched.
        objective: what is judged.
        train: trains runs, or takes them from a store.
        budget: trials of each arm, unless there is a grid.
        grid: values by hyper-parameter, the same for every arm; all combinations are tried.
        seeds: tuning seeds of each trial.
        build: further arguments of `optbench.plan.build`, such as the device.

    Raises:
        OptbenchError: an arm has nothing to search, or a budget or seeds that are not positive.
    """
    if seeds < 1 or (not grid and budget < 1):
        raise OptbenchError(f"{budget} trials with {seeds} seeds each", "give at least one of both")
    if recipe.protocol != "standard":
        raise OptbenchError(
            "protocol paper trains on the validation data, by which tuning chooses", "tune with --protocol standard"
        )
    searches = [_search(recipe, reference, budget, grid) for reference in references]
    arms = [ArmTuning(reference, objective, found) for reference, found in zip(references, searches, strict=True)]

    def run(wanted: Sequence[Sequence[Mapping[str, float]]]) -> None:
        trials = [
            (arm, Trial(values, _with(arm.reference, values)))
            for arm, own in zip(arms, wanted, strict=True)
            for values in own
        ]
        specs = [_specs(recipe, trial.reference, seeds, build or {}) for _, trial in trials]
        results = iter(train([spec for own in specs for spec in own]))
        for (arm, trial), runs in zip(trials, specs, strict=True):
            arm.add(trial, [next(results) for _ in runs])

    run([arm.search.first() for arm in arms])
    for number in range(ROUNDS):
        at_edge = [arm.edges() for arm in arms]
        if grid and not any(at_edge):
            break
        run([arm.search.more(arm, edges, number, ROUNDS) for arm, edges in zip(arms, at_edge, strict=True)])
    return arms


def _search(recipe: Recipe, reference: Reference, budget: int, grid: Mapping[str, Sequence[float]] | None) -> Search:
    """Return how an arm is searched."""
    fixed = {key for key, _ in reference.options}
    if grid:
        for key in grid:
            if key in fixed:
                raise OptbenchError(f"{reference.text} gives {key}, and so does --grid", "leave one out")
            parse(_with(reference, {key: grid[key][0]}).text)  # the arm must have it, and take the value
        return Grid(grid)
    space = recipe.tune.get(reference.name) or declared(reference.name)
    space = {key: found for key, found in space.items() if key not in fixed}
    if not space:
        raise OptbenchError(
            f"{reference.text} has nothing to search",
            f"give ranges in [tune.{reference.name}] of a recipe, or use --grid",
        )
    return Sobol(reference.text, space, budget)


def _with(reference: Reference, values: Mapping[str, float]) -> Reference:
    """Return a reference with further options, as its user would have written it."""
    more = "".join(f":{key}={value!r}" for key, value in values.items())
    return parse(reference.text + more)


def _specs(recipe: Recipe, reference: Reference, seeds: int, build: Mapping[str, object]) -> tuple[RunSpec, ...]:
    (arm,) = plan.build(recipe, [reference], [], range(FIRST_SEED, FIRST_SEED + seeds), **build)  # type: ignore[arg-type]
    return arm.specs
