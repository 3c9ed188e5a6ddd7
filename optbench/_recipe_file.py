"""The TOML form of a recipe: its tables and keys, and the checks that each of them passes. See `recipes/`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optbench._fields import Field, count, one_of, read_table, text, texts
from optbench.errors import OptbenchError, nearest

PRECISIONS = ("fp32", "bf16", "fp16")
PROTOCOLS = ("standard", "paper")
SCHEDULES = ("constant", "cosine", "multistep")

TOP = {
    "title": text(),
    "description": text(default=""),
    "task": text(default="classification"),
    "optims": texts(),
    "baselines": texts(default=("adamw", "sgdm")),
}
TRAINING: dict[str, Field] = {
    "epochs": count(),
    "batch_size": count(),
    "seeds": count(default=10),
    "threads": count(default=1),
    "precision": one_of(PRECISIONS, default="fp32"),
    "protocol": one_of(PROTOCOLS, default="standard"),
}
SCHEDULE: dict[str, Field] = {
    "name": one_of(SCHEDULES, default="constant"),
    "milestones": Field(
        lambda v: isinstance(v, list) and bool(v) and all(type(e) is int and e >= 1 for e in v),
        "must be a list of epochs, each at least 1",
        default=(),
        convert=tuple,
    ),
    "factor": Field(
        lambda v: type(v) in (int, float) and 0 < v < float("inf"),
        "must be a number above 0",
        default=0.1,
        convert=float,
    ),
}
TABLES = ("data", "model", "training", "schedule", "optimizers")


def read(path: Path) -> dict[str, Any]:
    """Read and check one recipe file; return the fields of a `Recipe` but its name and source.

    Raises:
        OptbenchError: when it cannot be read, is not TOML, or has something wrong in it.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise OptbenchError(f"{path} is not valid TOML: {error}", "mend that line") from error
    except FileNotFoundError as error:
        raise OptbenchError(f"no recipe file {path}", "see 'optbench list recipes'") from error
    except (OSError, UnicodeDecodeError) as error:
        raise OptbenchError(f"cannot read the recipe {path}: {error}", "see 'optbench list recipes'") from error
    tables = {key: document.pop(key, {}) for key in TABLES}
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise OptbenchError(f"{path}: '{key}' must be a table", f"write it as [{key}]")
    top = read_table(path, "", document, TOP, also=TABLES)
    training = read_table(path, "training", tables["training"], TRAINING)
    schedule = read_table(path, "schedule", tables["schedule"], SCHEDULE)
    if (schedule["name"] == "multistep") != bool(schedule["milestones"]):
        raise OptbenchError(
            f"{path}: [schedule] name '{schedule['name']}' with milestones {list(schedule['milestones'])}",
            "milestones belong to 'multistep', which needs them",
        )
    data = read_table(path, "data", tables["data"], {"name": text()})["name"]
    model = read_table(path, "model", tables["model"], {"name": text()}, options=True)
    optimizers, provenance = _optimizers(path, tables["optimizers"])
    _check_names(path, top, data, model)
    return {
        **top,
        **training,
        "data": data,
        "model": model.pop("name"),
        "model_options": model,
        "schedule": schedule,
        "optimizers": optimizers,
        "provenance": provenance,
    }


def _optimizers(path: Path, sections: Mapping[str, Any]) -> tuple[dict[str, dict[str, object]], dict[str, str]]:
    """Check the [optimizers.NAME] sections; return the hyper-parameters and the provenance by name."""
    from optbench import optimizers

    values: dict[str, dict[str, object]] = {}
    provenance: dict[str, str] = {}
    for name, section in sections.items():
        where = f"[optimizers.{name}]"
        if not isinstance(section, dict):
            raise OptbenchError(f"{path}: {where} must be a table", "hyper-parameters belong below an optimizer")
        if "." not in name and name not in optimizers.names():
            hint = nearest(name, optimizers.names()) or "see 'optbench list optimizers'"
            raise OptbenchError(f"{path}: unknown optimizer '{name}' in {where}", hint)
        origin = section.get("provenance")
        if not isinstance(origin, str) or not origin.strip():
            raise OptbenchError(f"{path}: {where} has no provenance", "say in a sentence where its values come from")
        provenance[name] = origin
        given = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in section.items()
            if key != "provenance"
        }
        if "." not in name:
            _check_hyperparameters(path, where, name, given)
        values[name] = given
    return values, provenance


def _check_hyperparameters(path: Path, where: str, name: str, given: Mapping[str, object]) -> None:
    """Raise OptbenchError unless every key and value is one that the optimizer takes."""
    from optbench import optimizers

    known = [*(h.name for h in optimizers.info(name).hyperparameters), "impl"]
    for key in given:
        if key not in known:
            hint = nearest(key, [*known, "provenance"]) or f"{name} takes " + ", ".join(known)
            raise OptbenchError(f"{path}: unknown key '{key}' in {where}", hint)
    try:
        optimizers.parse(name).resolve(given)
    except OptbenchError as error:
        raise OptbenchError(f"{path}: in {where}: {error.message}", error.hint) from error


def _check_names(path: Path, top: Mapping[str, Any], data: str, model: Mapping[str, Any]) -> None:
    """Raise OptbenchError unless task, data set, model and its options, and references exist."""
    from optbench import datasets, models, optimizers, tasks

    for kind, word, known in (
        ("task", top["task"], tasks.names()),
        ("data set", data, datasets.names()),
        ("model", model["name"], models.names()),
    ):
        if word not in known:
            hint = nearest(word, known) or "one of " + ", ".join(known)
            raise OptbenchError(f"{path}: unknown {kind} '{word}'", hint)
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
