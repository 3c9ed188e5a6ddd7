"""The TOML form of a recipe: its tables and keys, and the checks that each of them passes. See `recipes/`.

    title, description, task, optims, baselines        texts, and lists of references
    [data]       name, augmentation (tasks.AUGMENTATIONS), normalisation, and the data set's own options
    [TASK]       the options of the task, in a table of its name, such as [language_modeling]
    [model]      name and the model's own options
    [training]   epochs, batch_size (images, or what the task counts, of an optimizer step), accumulation (micro-batches
                 that it is cut into), seeds, threads, precision, protocol, label_smoothing, clip_norm, channels_last,
                 compile, ema (decay), average_last (epochs whose weights are averaged in the end),
                 reestimate_batch_norm (batches over which BatchNorm's statistics are taken anew before evaluations),
                 gradient_histograms (updates from one histogram of the gradients to the next)
    [schedule]   name, its settings (`optbench.schedules`), by = "epoch" or "iteration", warmup_steps
    [optimizers.NAME]            hyper-parameters and `provenance`: where they come from
    [optimizers.NAME.schedule]   a schedule of this optimizer's own
    [tune.NAME]                  what `optbench tune` searches: lr = { low = 1e-4, high = 1e-1 }
    [published]                  the paper's tables that this reproduces (`_recipe_sections.read_published`)

A file that holds `alias_of = "NAME"` and nothing else is another name of a recipe.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optbench import schedules
from optbench._fields import Field, count, flag, number, one_of, read_table, text, texts, whole
from optbench._recipe_sections import read_optimizers, read_published, read_tune
from optbench.errors import OptbenchError, nearest

PRECISIONS = ("fp32", "bf16", "fp16")
PROTOCOLS = ("standard", "paper")

TOP = {
    "title": text(),
    "description": text(default=""),
    "task": text(default="classification"),
    "optims": texts(),
    "baselines": texts(default=("adamw", "sgdm")),
}
DATA = {
    "name": text(),
    "augmentation": text(default="none"),
    "normalisation": text(default="train"),
}
TRAINING: dict[str, Field] = {
    "epochs": count(),
    "batch_size": count(),
    "accumulation": count(default=1),
    "seeds": count(default=10),
    "threads": count(default=1),
    "precision": one_of(PRECISIONS, default="fp32"),
    "protocol": one_of(PROTOCOLS, default="standard"),
    "label_smoothing": number("from 0 to less than 1", lambda v: 0 <= v < 1, default=0.0),
    "clip_norm": number("above 0", lambda v: v > 0, default=None),
    "channels_last": flag(default=False),
    "compile": flag(default=False),
    "ema": number("between 0 and 1", lambda v: 0 < v < 1, default=None),
    "average_last": whole(default=0),
    "reestimate_batch_norm": whole(default=0),
    "gradient_histograms": whole(default=0),
}
SCHEDULE: dict[str, Field] = {
    "name": one_of(schedules.NAMES, default="constant"),
    "milestones": Field(
        lambda v: isinstance(v, list) and bool(v) and all(type(e) is int and e >= 1 for e in v) and v == sorted(set(v)),
        "must be an ascending list of epochs (or iterations), each at least 1",
        default=(),
        convert=tuple,
    ),
    "factor": number("above 0", lambda v: v > 0, default=0.1),
    "power": number("above 0", lambda v: v > 0, default=1.0),
    "final": number("from 0 to less than 1", lambda v: 0 <= v < 1, default=0.0),
    "by": one_of(schedules.UNITS, default="epoch"),
    "warmup_steps": whole(default=0),
}
NEEDED = {"multistep": "milestones", "polynomial": "power"}
TABLES = ("data", "model", "training", "schedule", "optimizers", "tune", "published")


def parse(path: Path) -> dict[str, Any]:
    """Return what a recipe's file holds, as TOML gives it.

    Raises:
        OptbenchError: when it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise OptbenchError(f"{path} is not valid TOML: {error}", "mend that line") from error
    except FileNotFoundError as error:
        raise OptbenchError(f"no recipe file {path}", "see 'optbench list recipes'") from error
    except (OSError, UnicodeDecodeError) as error:
        raise OptbenchError(f"cannot read the recipe {path}: {error}", "see 'optbench list recipes'") from error


def read(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Check what `parse` returned; return the fields of a `Recipe` but its name and source.

    Raises:
        OptbenchError: when something is wrong in it, with the file and the key.
    """
    from optbench import datasets, tasks

    tables = {key: document.pop(key, {}) for key in (*TABLES, *(set(document) & set(tasks.names())))}
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise OptbenchError(f"{path}: '{key}' must be a table", f"write it as [{key}]")
    top = read_table(path, "", document, TOP, also=(*TABLES, *tasks.names(), "alias_of"))
    _check_known(path, "task", top["task"], tasks.names())
    for key in set(tables) - {*TABLES, top["task"]}:
        raise OptbenchError(
            f"{path}: [{key}] in a recipe of task '{top['task']}'", f"its options stand in [{top['task']}]"
        )
    training = read_table(path, "training", tables["training"], TRAINING)
    if training["batch_size"] % training["accumulation"]:
        raise OptbenchError(
            f"{path}: batch_size = {training['batch_size']} with accumulation = {training['accumulation']}",
            "the batch must divide into that many micro-batches",
        )
    source = tables["data"].get("name")
    if isinstance(source, str):
        _check_known(path, "data set", source, datasets.names())
    own = datasets.options(source) if isinstance(source, str) else {}
    if training["average_last"] > 1 and training["protocol"] == "paper":
        raise OptbenchError(f"{path}: average_last with protocol 'paper'", "that reports the best epoch; leave out one")
    data = read_table(path, "data", tables["data"], {**DATA, **own})
    chosen = read_table(path, top["task"], tables.get(top["task"], {}), tasks.options(top["task"]))
    model = read_table(path, "model", tables["model"], {"name": text()}, options=True)
    _check_names(path, top, data, model)
    found = read_optimizers(path, tables["optimizers"])
    return {
        **top,
        **training,
        "data": data.pop("name"),
        "data_options": {key: data.pop(key) for key in own},
        **data,
        "task_options": chosen,
        "model": model.pop("name"),
        "model_options": model,
        "schedule": read_schedule(path, "schedule", tables["schedule"]),
        "optimizers": found.values,
        "provenance": found.provenance,
        "schedules": {
            name: read_schedule(path, f"optimizers.{name}.schedule", table) for name, table in found.schedules.items()
        },
        "tune": read_tune(path, tables["tune"]),
        "published": read_published(path, tables["published"]) if tables["published"] else None,
    }


def read_schedule(path: Path, where: str, table: Mapping[str, Any]) -> schedules.Schedule:
    """Check one schedule's table; a setting that its kind does not have is an error."""
    values = read_table(path, where, table, SCHEDULE)
    name = values["name"]
    allowed = ("name", "warmup_steps", *schedules.KEYS[name])
    for key in table:
        if key not in allowed:
            owners = [kind for kind, keys in schedules.KEYS.items() if key in keys]
            raise OptbenchError(
                f"{path}: [{where}] name '{name}' with {key} = {table[key]!r}", f"{key} belongs to {', '.join(owners)}"
            )
    if (needed := NEEDED.get(name)) and needed not in table:
        raise OptbenchError(f"{path}: [{where}] name '{name}' without {needed}", f"'{name}' needs {needed}")
    return schedules.Schedule(**values)


def _check_known(path: Path, kind: str, word: str, known: Any) -> None:
    """Raise OptbenchError unless a word is one of those that are known."""
    if word not in known:
        hint = nearest(word, known) or "one of " + ", ".join(known)
        raise OptbenchError(f"{path}: unknown {kind} '{word}'", hint)


def _check_names(path: Path, top: Mapping[str, Any], data: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Raise OptbenchError unless model, references and options of data and model exist and fit the task."""
    from optbench import datasets, models, optimizers, tasks

    task, facts = tasks.info(top["task"]), datasets.info(data["name"])
    _check_known(path, "augmentation", data["augmentation"], tasks.AUGMENTATIONS)
    _check_known(path, "normalisation", data["normalisation"], facts.normalisations)
    _check_known(path, "model", model["name"], models.names())
    if facts.kind != task.kind:
        fit = ", ".join(name for name in datasets.names() if datasets.info(name).kind == task.kind)
        raise OptbenchError(f"{path}: data set '{facts.name}' with task '{task.name}'", f"it takes one of {fit}")
    if models.info(model["name"]).kind != task.models:
        fit = ", ".join(name for name in models.names() if models.info(name).kind == task.models)
        raise OptbenchError(f"{path}: model '{model['name']}' with task '{task.name}'", f"it takes one of {fit}")
    if task.kind != "images" and data["augmentation"] != "none":
        raise OptbenchError(f"{path}: augmentation = {data['augmentation']!r}", f"task '{task.name}' has none")
    options = ["name", *models.options(model["name"])]
    for key in model:
        if key not in options:
            hint = nearest(key, options) or "the keys are " + ", ".join(options)
            raise OptbenchError(f"{path}: unknown key '{key}' in [model]", hint)
    for key in ("optims", "baselines"):
        for reference in top[key]:
            try:
                optimizers.parse(reference)
            except OptbenchError as error:
                raise OptbenchError(f"{path}: in {key}: {error.message}", error.hint) from error
