"""The tuned recipe: the values that tuning chose, as a file that `optbench compare` takes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optbench._files import write
from optbench._ranges import Range
from optbench._recipe_file import TRAINING
from optbench.errors import OptbenchError
from optbench.recipe import Recipe
from optbench.schedules import Schedule
from optbench.tune._trials import ArmTuning

MARK = "# Written by `optbench tune`."


def tuned_recipe(recipe: Recipe, arms: Sequence[ArmTuning], how: str) -> Recipe:
    """Return a recipe with the values of each arm's best trial.

    An arm that is an optimizer's plain name gets them in its section; any other one is named with them.

    Args:
        recipe: what was tuned on.
        arms: as `tune` returned them, those of the recipe's `optims` and `baselines`.
        how: words for the provenance, such as "8 Sobol trials by validation accuracy, seed 10000".
    """
    values, provenance, names = dict(recipe.optimizers), dict(recipe.provenance), {}
    for arm in arms:
        reference = arm.reference
        names[arm.label] = arm.label
        if arm.best.value is None:
            continue
        if arm.label == reference.name:
            values[reference.name] = {**recipe.defaults_for(reference.name), **arm.best.values}
            provenance[reference.name] = f"{', '.join(arm.best.values)}: the best of {len(arm.trials)} {how}."
        else:
            names[arm.label] = arm.best.reference.text
    return replace(
        recipe,
        title=f"{recipe.title}, tuned",
        optims=tuple(names[text] for text in recipe.optims),
        baselines=tuple(names[text] for text in recipe.baselines),
        optimizers=values,
        provenance=provenance,
        published=None,
    )


def check_target(path: Path) -> None:
    """Raise OptbenchError if there is a file that `optbench tune` did not write: it is left alone."""
    if path.exists() and not path.read_bytes().startswith(MARK.encode()):
        raise OptbenchError(f"{path} exists and was not written by 'optbench tune'", "give another --out")


def write_recipe(recipe: Recipe, path: Path, heading: str) -> None:
    """Write a recipe as TOML.

    Raises:
        OptbenchError: there is another file, or it cannot be written.
    """
    check_target(path)
    write(path, f"{MARK} {heading}\n\n{toml(recipe)}".encode())


def toml(recipe: Recipe) -> str:
    """Return a recipe as TOML text that reads as the same recipe."""
    top = {key: getattr(recipe, key) for key in ("title", "description", "task", "optims", "baselines")}
    of_data = {"name": recipe.data, "augmentation": recipe.augmentation, "normalisation": recipe.normalisation}
    tables: list[tuple[str, Mapping[str, Any]]] = [
        ("data", {**of_data, **recipe.data_options}),
        *([(recipe.task, recipe.task_options)] if recipe.task_options else []),
        ("model", {"name": recipe.model, **recipe.model_options}),
        ("training", {key: getattr(recipe, key) for key in TRAINING}),
        ("schedule", _schedule(recipe.schedule)),
    ]
    for name, values in recipe.optimizers.items():
        where = f"optimizers.{_key(name)}"
        tables.append((where, {"provenance": recipe.provenance[name], **values}))
        if name in recipe.schedules:
            tables.append((f"{where}.schedule", _schedule(recipe.schedules[name])))
    tables += [(f"tune.{_key(name)}", ranges) for name, ranges in recipe.tune.items()]
    return "\n".join([_lines(top), *(f"[{name}]\n{_lines(values)}" for name, values in tables)])


def _schedule(schedule: Schedule) -> Mapping[str, object]:
    return schedule.figures()


def _lines(values: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in values.items() if value not in (None, ""))


def _key(name: str) -> str:
    plain = name and all(character.isalnum() or character in "-_" for character in name)
    return name if plain and name.isascii() else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which TOML wants escaped too
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Range):
        return f'{{ low = {value.low!r}, high = {value.high!r}, scale = "{value.scale}" }}'
    return repr(value)
