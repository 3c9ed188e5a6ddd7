"""The sections of a recipe's file that are about optimizers: hyper-parameters, search spaces, published results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optbench._fields import Field, read_table, text, texts
from optbench._ranges import Range, read_range
from optbench.errors import OptbenchError, nearest


@dataclass(frozen=True)
class Optimizers:
    """What the [optimizers.NAME] sections hold, each by the optimizer's name."""

    values: Mapping[str, Mapping[str, object]]
    provenance: Mapping[str, str]
    schedules: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Reproduces:
    """Which published results a recipe is made to reproduce.

    Attributes:
        paper: its name in `optbench.published`.
        tables: ids of its tables.
        model: the model as the paper names it.
        arms: our reference -> the row's keys: `optimizer`, and others where that is not enough to find the row.
        rows: further keys that all rows must have, such as epochs and batch.
        against: the published optimizer that the others are ordered by.
        flags: ids of the suspected errors that concern these rows.
    """

    paper: str
    tables: tuple[str, ...]
    model: str
    against: str
    arms: Mapping[str, Mapping[str, object]] = field(hash=False)
    rows: Mapping[str, object] = field(default_factory=dict, hash=False)
    flags: tuple[str, ...] = ()


def read_optimizers(path: Path, sections: Mapping[str, Any]) -> Optimizers:
    """Check the [optimizers.NAME] sections."""
    found = Optimizers({}, {}, {})
    values, provenance, schedules = dict(found.values), dict(found.provenance), dict(found.schedules)
    for written, section in sections.items():
        where = f"[optimizers.{written}]"
        name = _check_known(path, where, written, section)
        origin = section.get("provenance")
        if not isinstance(origin, str) or not origin.strip():
            raise OptbenchError(f"{path}: {where} has no provenance", "say in a sentence where its values come from")
        provenance[name] = origin
        if "schedule" in section:
            if not isinstance(section["schedule"], dict):
                raise OptbenchError(
                    f"{path}: schedule in {where} must be a table", f"write [optimizers.{name}.schedule]"
                )
            schedules[name] = section["schedule"]
        given = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in section.items()
            if key not in ("provenance", "schedule")
        }
        if "." not in name:
            _check_hyperparameters(path, where, name, given)
        values[name] = given
    return Optimizers(values, provenance, schedules)


def _check_known(path: Path, where: str, name: str, section: object) -> str:
    """Return the name that references have: of a plug-in, its import path.

    Raises:
        OptbenchError: the section is no table, or not of an optimizer that exists.
    """
    from optbench import optimizers

    if not isinstance(section, dict):
        raise OptbenchError(f"{path}: {where} must be a table", "hyper-parameters belong below an optimizer")
    if "." not in name and name not in (*optimizers.names(), *optimizers.plugins()):
        hint = nearest(name, optimizers.names()) or "see 'optbench list optimizers'"
        raise OptbenchError(f"{path}: unknown optimizer '{name}' in {where}", hint)
    return optimizers.parse(name).name


def _check_hyperparameters(path: Path, where: str, name: str, given: Mapping[str, object]) -> None:
    """Raise OptbenchError unless every key and value is one that the optimizer takes."""
    from optbench import optimizers

    known = [*(h.name for h in optimizers.info(name).hyperparameters), "impl"]
    for key in given:
        if key not in known:
            hint = nearest(key, [*known, "provenance", "schedule"]) or f"{name} takes " + ", ".join(known)
            raise OptbenchError(f"{path}: unknown key '{key}' in {where}", hint)
    try:
        optimizers.parse(name).resolve(given)
    except OptbenchError as error:
        raise OptbenchError(f"{path}: in {where}: {error.message}", error.hint) from error


def read_tune(path: Path, sections: Mapping[str, Any]) -> dict[str, dict[str, Range]]:
    """Check the [tune.NAME] sections; return the ranges by optimizer and hyper-parameter."""
    from optbench import optimizers

    spaces: dict[str, dict[str, Range]] = {}
    for written, section in sections.items():
        where = f"[tune.{written}]"
        name = _check_known(path, where, written, section)
        if not section:
            raise OptbenchError(f"{path}: {where} is empty", "give ranges such as lr = { low = 1e-4, high = 1e-1 }")
        spaces[name] = {}
        for key, value in section.items():
            if "." not in name:
                known = [h.name for h in optimizers.info(name).hyperparameters if h.kind.startswith("number")]
                if key not in known:
                    hint = nearest(key, known) or f"{name} can search " + ", ".join(known)
                    raise OptbenchError(f"{path}: unknown key '{key}' in {where}", hint)
            found, problem = read_range(value)
            if found is None:
                raise OptbenchError(f"{path}: {key} = {value!r} in {where}", problem)
            if "." not in name:
                for end in (found.low, found.high):
                    _check_hyperparameters(path, where, name, {key: end})
            spaces[name][key] = found
    return spaces


PUBLISHED: dict[str, Field] = {
    "paper": text(),
    "tables": texts(),
    "model": text(),
    "against": text(),
    "flags": texts(default=()),
    "arms": Field(lambda v: isinstance(v, dict) and bool(v), "must be a table: our reference = the paper's name"),
    "rows": Field(lambda v: isinstance(v, dict), "must be a table of keys that the rows have", default={}),
}


def read_published(path: Path, table: Mapping[str, Any]) -> Reproduces:
    """Check the [published] section against the paper's transcription."""
    from optbench import optimizers, published

    values = read_table(path, "published", table, PUBLISHED)
    if values["paper"] not in published.names():
        hint = nearest(values["paper"], published.names()) or "one of " + ", ".join(published.names())
        raise OptbenchError(f"{path}: unknown paper '{values['paper']}' in [published]", hint)
    arms: dict[str, dict[str, object]] = {}
    for reference, row in values["arms"].items():
        try:
            optimizers.parse(reference)
        except OptbenchError as error:
            raise OptbenchError(f"{path}: in [published.arms]: {error.message}", error.hint) from error
        keys = {"optimizer": row} if isinstance(row, str) else row
        if not isinstance(keys, dict) or not isinstance(keys.get("optimizer"), str):
            raise OptbenchError(
                f"{path}: {reference} = {row!r} in [published.arms]",
                'write the paper\'s name of the optimizer, or { optimizer = "NAME", ... } with other keys of its row',
            )
        arms[reference] = keys
    return Reproduces(**{**values, "arms": arms})
