"""Comparisons of single runs named by their keys, whoever made them, and of comparisons that were saved."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.cli._sheets import Sheet
from optbench.cli._stored_arms import Wanted, common_seeds, compared
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.recipe import Recipe
    from optbench.results import RunResult
    from optbench.runs import Stored
    from optbench.saved import Saved, SavedArm

_OF_A_RUN = ("optimizer", "seed", "source", "third_party", "versions", "reference", "created")
"""What may differ between runs that are compared."""


def of_keys(prefixes: Sequence[str], wanted: Wanted) -> list[Sheet]:
    """Return a comparison for each group of runs that share recipe, settings and data.

    Raises:
        OptbenchError: a key that no run has, several have, or whose run has no result.
    """
    from optbench import runs

    stored = runs.stored(runs.opened(wanted.runs, wanted.note))
    groups: dict[str, dict[str, Stored]] = {}
    for prefix in prefixes:
        run = runs.find(stored, prefix)
        if run.result is None or not run.spec:
            raise OptbenchError(f"the run {run.key[:12]} is {run.status} and has no result", "leave it out")
        groups.setdefault(_shared(run.spec), {})[run.key] = run
    return [_of_group(list(group.values()), wanted) for group in groups.values()]


def of_saved(path: Path, wanted: Wanted) -> Sheet:
    """Return a saved comparison: its figures by seed and its costs, without histories to draw."""
    from optbench import saved

    held = saved.load(path)
    results = {arm.canonical: _results(arm, held) for arm in held.arms}
    roles = {arm.canonical: (arm.optimizer, arm.role) for arm in held.arms}
    found = compared(held.recipe, results, roles, wanted, held.settings, held.measurement, dict(held.machine))
    return Sheet(found, _recipe(held.recipe))


def _shared(spec: Mapping[str, Any]) -> str:
    """Return what runs of one comparison have in common; a schedule may be an optimizer's own."""
    held = {key: value for key, value in spec.items() if key not in _OF_A_RUN}
    held["recipe"] = {key: value for key, value in spec.get("recipe", {}).items() if key != "schedule"}
    return json.dumps(held, sort_keys=True)


def _of_group(group: "Sequence[Stored]", wanted: Wanted) -> Sheet:
    """Return the comparison of runs that share everything but optimizer and seed."""
    first = group[0]
    recipe = _recipe(first.recipe_name)
    results: dict[str, dict[int, RunResult]] = {}
    for run in sorted(group, key=lambda run: run.modified):
        assert run.result is not None
        results.setdefault(run.canonical, {})[run.result.seed] = replace(run.result, cached=True)
    if len({json.dumps(run.spec.get("source")) for run in group}) > 1:
        wanted.note("these runs were made by different versions of optbench")
    texts = {run.canonical: run.reference or run.canonical for run in group}
    twice = {text for text in texts.values() if list(texts.values()).count(text) > 1}
    labels = {name: name if text in twice else text for name, text in texts.items()}
    against = _baselines(recipe, wanted)
    roles = {
        name: (label, "baseline" if name in against or label in against else "arm") for name, label in labels.items()
    }
    kept = common_seeds(results, wanted)
    return Sheet(compared(first.recipe_name or "runs", kept, roles, wanted, _settings(first.spec, recipe)), recipe)


def _recipe(name: str) -> "Recipe | None":
    """Return the recipe of that name, None where it is somebody's own file or gone."""
    from optbench import recipe as recipes

    return recipes.load(name) if name in recipes.names() else None


def _baselines(recipe: "Recipe | None", wanted: Wanted) -> set[str]:
    """Return the baselines, as references and in full."""
    from optbench import plan

    texts = wanted.baselines if wanted.baselines is not None else recipe.baselines if recipe else ()
    return {*texts, *(each.canonical for each in plan.resolve(recipe, texts))} if recipe else set(texts)


def _settings(spec: Mapping[str, Any], recipe: "Recipe | None") -> dict[str, object]:
    """Return what a report says of the settings that a run was made with."""
    from optbench.recipe import Schedule

    held = dict(spec["recipe"])
    said = held["schedule"].items()
    schedule: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said}
    own = {key: spec[key] for key in ("precision", "device", "threads")}
    return {"title": recipe.title if recipe else "", **held, "schedule": str(Schedule(**schedule)), **own}


def _results(arm: "SavedArm", held: "Saved") -> "dict[int, RunResult]":
    """Return results that say what a saved arm says."""
    from optbench.results import RunResult

    found = {}
    for i, (seed, status) in enumerate(zip(held.seeds, arm.statuses, strict=True)):
        found[seed] = RunResult(
            optimizer=arm.optimizer,
            canonical=arm.canonical,
            seed=seed,
            status=status,  # type: ignore[arg-type]  # `saved` has checked that it is one
            message="",
            metrics={name: values[i] for name, values in arm.metrics.items()},
            reported="",
            history=(),
            executor=arm.executor,
            state_bytes=arm.state_bytes,
            parameters=None,
            seconds=0.0,
            weights_sha256="",
            environment={},
            cached=True,
        )
    return found
