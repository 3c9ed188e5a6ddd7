"""Comparisons of what is stored: runs of a recipe, single runs by their keys, saved comparisons. Nothing is trained.

`comparisons` reads the words of `optbench report`: a name or `.toml` file of a recipe, a saved comparison (its name or
`.json` file), or the beginning of a run's key.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.cli import _stored_costs, _stored_keys, _training
from optbench.cli._sheets import Sheet
from optbench.cli._stored_arms import Wanted, common_seeds, compared
from optbench.errors import OptbenchError, nearest

if TYPE_CHECKING:
    from optbench.plan import Arm
    from optbench.recipe import Recipe
    from optbench.results import RunResult
    from optbench.runs import Stored
    from optbench.stats import Comparison
    from optbench.store import Store

__all__ = ["Wanted", "comparisons", "of_recipe"]

_KEY = re.compile(r"[0-9a-f]{4,64}")
SETTINGS = ("epochs", "batch_size", "accumulation", "protocol", "channels_last", "compile", "precision", "threads")
"""Settings of a run that an option of `compare` can change."""


def comparisons(words: Sequence[str], wanted: Wanted) -> list[Sheet]:
    """Return the comparisons that the words name, each with its recipe, in the order of the words.

    Raises:
        OptbenchError: for a word that names nothing stored, or runs that cannot be compared.
    """
    from optbench import recipe as recipes

    found: list[Sheet] = []
    keys: list[str] = []
    known = recipes.names()
    for word in words:
        if word.endswith(".toml") or word in known:
            found.append(of_recipe(recipes.load(word), wanted))
        elif (path := _saved_file(word, wanted.runs)) is not None:
            found.append(_stored_keys.of_saved(path, wanted))
        elif _KEY.fullmatch(word):
            keys.append(word)
        elif own := _keys_of(word, wanted):
            keys += own
        else:
            hint = nearest(word, known) or "name a recipe, a saved comparison, or the key of a run (optbench runs list)"
            raise OptbenchError(f"'{word}' names neither a recipe nor anything stored in {wanted.runs}", hint)
    return [*found, *(_stored_keys.of_keys(keys, wanted) if keys else [])]


def of_recipe(recipe: "Recipe", wanted: Wanted) -> Sheet:
    """Return the comparison of all stored runs of a recipe that this optbench would take from the store.

    Raises:
        OptbenchError: there are none, or several groups of them and the options do not say which.
    """
    from optbench import plan, runs

    store = runs.opened(wanted.runs, wanted.note)
    chosen = runs.Filter(recipes=(_literal(recipe.name),), optims=wanted.optims)
    mine = [run for run in runs.select(runs.stored(store), chosen) if run.result is not None and run.reference]
    if not mine:
        of = f" with {', '.join(wanted.optims)}" if wanted.optims else ""
        raise OptbenchError(
            f"no finished runs of {recipe.name}{of} in {wanted.runs}", "make some with optbench compare, or name --runs"
        )
    current = [run for run in mine if run.current]
    if not current:
        raise OptbenchError(
            f"{len(mine)} runs of {recipe.name} are stored, none by this optbench and these versions",
            "name them by their keys (optbench runs list), or run optbench compare again",
        )
    recipe = _as_run(recipe, current, wanted)
    seeds = sorted({run.seed for run in current if run.seed is not None})
    texts = _references(recipe, current, wanted)
    arms = plan.build(recipe, texts, wanted.baselines, seeds, device=wanted.device, data_root=wanted.data_root)
    results = _results(arms, store)
    if not results:
        raise OptbenchError(
            f"the {len(current)} stored runs of {recipe.name} have other settings or data than the recipe now has",
            "name them by their keys (optbench runs list), or run optbench compare again",
        )
    kept = common_seeds(results, wanted)
    arms = [arm for arm in arms if arm.reference.canonical in kept]
    roles = {arm.reference.canonical: (arm.reference.text, arm.role) for arm in arms}
    measurement = _stored_costs.find(arms, store)
    settings = _training.settings(recipe, wanted.device)
    comparison = compared(recipe.name, kept, roles, wanted, settings, measurement)
    return Sheet(comparison, recipe, _overlay(comparison, recipe, current))


def _results(arms: "Iterable[Arm]", store: "Store") -> "dict[str, dict[int, RunResult]]":
    """Return the stored results of arms, by canonical reference and seed; arms without any are left out."""
    found = {}
    for arm in arms:
        own = {spec.seed: result for spec in arm.specs if (result := store.result(spec.key())) is not None}
        if own:
            found[arm.reference.canonical] = {
                seed: replace(result, optimizer=arm.reference.text, cached=True) for seed, result in own.items()
            }
    return found


def _keys_of(name: str, wanted: Wanted) -> list[str]:
    """Return the keys of the runs of a recipe that is not optbench's own, and whose file was not named."""
    from optbench import runs

    try:
        stored = runs.stored(runs.opened(wanted.runs))
    except OptbenchError:
        return []
    mine = runs.select(stored, runs.Filter(recipes=(_literal(name),), optims=wanted.optims))
    return [run.key for run in mine if run.result is not None and run.current]


def _saved_file(word: str, runs: Path) -> Path | None:
    """Return the file of a saved comparison that a word names, None where there is none of that name."""
    from optbench import saved

    try:
        path = saved.locate(word, runs)
    except OptbenchError:
        return None
    return path if path.exists() or word.endswith(".json") else None


def _as_run(recipe: "Recipe", mine: "Sequence[Stored]", wanted: Wanted) -> "Recipe":
    """Return the recipe with the settings that were asked for, or that its stored runs have."""
    given = {key: value for key, value in wanted.settings.items() if value is not None}
    if given:
        return recipe.override(**given)
    own = {key: getattr(recipe, key) for key in SETTINGS}
    groups = [settings for run in mine if (settings := _settings(run.spec)) is not None]
    if own in groups or not groups:
        return recipe
    others = [dict(pairs) for pairs in dict.fromkeys(tuple(each.items()) for each in groups)]
    differ = [{key: value for key, value in each.items() if value != own[key]} for each in others]
    told = ["--" + " --".join(f"{key.replace('_', '-')} {value}" for key, value in each.items()) for each in differ]
    if len(others) > 1:
        raise OptbenchError(
            f"no stored run of {recipe.name} has the recipe's settings, and {len(others)} groups have others",
            f"say which: {' or '.join(told[:3])}",
        )
    wanted.note(f"{recipe.name}: all stored runs were made with {told[0]}, and so is this report")
    return recipe.override(**differ[0])


def _settings(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return those of `SETTINGS` that a run was made with; None where its spec does not say."""
    held = {**spec.get("recipe", {}), **{key: spec.get(key) for key in ("precision", "threads")}}
    return {key: held[key] for key in SETTINGS} if all(key in held for key in SETTINGS) else None


def _references(recipe: "Recipe", mine: "Iterable[Stored]", wanted: Wanted) -> list[str]:
    """Return what the runs call their optimizers, the recipe's own first, and tell which cannot be read."""
    from optbench import plan

    texts = dict.fromkeys(run.reference for run in mine)
    found = []
    for text in sorted(texts, key=lambda text: text not in recipe.optims):
        try:
            plan.build(recipe, [text], [], [0], device=wanted.device)[0].specs[0].key()
        except OptbenchError as error:
            wanted.note(f"{text} is left out: {error}")
        else:
            found.append(text)
    return found


def _literal(name: str) -> str:
    """Return the shell pattern that only `name` matches."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _overlay(comparison: "Comparison", recipe: "Recipe", mine: "Sequence[Stored]") -> Any:
    """Return the paper's figures beside the comparison, None where the recipe reproduces none."""
    from optbench import datasets
    from optbench.overlay import overlay

    return overlay(comparison, recipe, datasets.exact(recipe.data, str(mine[0].spec.get("data_checksum", ""))))
