"""Saved comparisons: what a gate holds a new run against, in one JSON file of schema `optbench.saved/1`.

The file holds every figure by seed, the timings by launch, the recipe's settings and the machine; nothing has to be
trained or measured again to be held against it. It appears whole or not at all.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from optbench._files import write
from optbench.errors import OptbenchError
from optbench.results import STATUSES, Cost, Measurement, finite
from optbench.stats import Comparison

SCHEMA = "optbench.saved/1"
FOLDER = "saved"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ROLES = ("arm", "baseline", "reference")


@dataclass(frozen=True)
class SavedArm:
    """One optimizer of a comparison.

    Attributes:
        optimizer: the reference as the user wrote it; `canonical`: in full.
        statuses: how each run ended, in the order of the seeds.
        metrics: figures in the order of the seeds, None where a run did not finish.
        state_bytes: of the optimizer's state, None where unknown.
    """

    optimizer: str
    canonical: str
    role: str
    executor: str
    statuses: tuple[str, ...]
    metrics: Mapping[str, tuple[float | None, ...]]
    state_bytes: int | None


@dataclass(frozen=True)
class Saved:
    """A comparison, as far as another may be held against it.

    Attributes:
        settings: the recipe's settings as they were run; comparisons of different settings are not alike.
        machine: what ran, versions included.
        directions: by metric, whether ``higher`` or ``lower`` is better.
        measurement: costs with all samples and the machine they are from; None where none were measured.
    """

    recipe: str
    settings: Mapping[str, object]
    machine: Mapping[str, object]
    directions: Mapping[str, str]
    seeds: tuple[int, ...]
    arms: tuple[SavedArm, ...]
    measurement: Measurement | None

    @classmethod
    def of(cls, comparison: Comparison) -> "Saved":
        """Return what of a comparison is saved."""
        arms = [
            SavedArm(
                optimizer=arm.optimizer,
                canonical=arm.canonical,
                role=arm.role,
                executor=arm.executor,
                statuses=arm.seed_statuses,
                metrics={name: summary.per_seed for name, summary in arm.metrics.items()},
                state_bytes=arm.state_bytes,
            )
            for arm in comparison.arms
        ]
        directions = {name: metric.direction for name, metric in comparison.metrics.items()}
        return cls(
            recipe=comparison.recipe,
            settings=comparison.settings,
            machine=comparison.machine,
            directions=directions,
            seeds=comparison.seeds,
            arms=tuple(arms),
            measurement=comparison.measurement,
        )

    def cost(self, canonical: str) -> Cost | None:
        """Return what an arm cost, None where that was not measured."""
        return self.measurement.costs.get(canonical) if self.measurement else None

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison ready for JSON."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        own["arms"] = [{f.name: getattr(arm, f.name) for f in fields(arm)} for arm in self.arms]
        own["measurement"] = self.measurement.to_dict() if self.measurement else None
        document: dict[str, Any] = finite({"schema": SCHEMA, **own})
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Saved":
        """Return the comparison that `to_dict` wrote; ValueError, TypeError or KeyError when it is something else."""
        given = {f.name: document[f.name] for f in fields(cls)}
        if set(document) != {*given, "schema"}:
            raise ValueError("fields of no saved comparison")
        if not all(isinstance(given[name], dict) for name in ("settings", "machine", "directions")):
            raise TypeError("not objects")
        if not all(isinstance(given[name], list) for name in ("seeds", "arms")):
            raise TypeError("not lists")
        if not isinstance(given["recipe"], str) or not set(given["directions"].values()) <= {"higher", "lower"}:
            raise ValueError("no recipe, or no directions")
        seeds = given["seeds"] = tuple(_each(given["seeds"], int))
        given["arms"] = tuple(_arm(arm, given["directions"], len(seeds)) for arm in given["arms"])
        if given["measurement"] is not None:
            given["measurement"] = Measurement.from_dict(given["measurement"])
        return cls(**given)


def _arm(document: Mapping[str, Any], metrics: Mapping[str, str], seeds: int) -> SavedArm:
    """Return one arm, checked as strictly as its comparison."""
    given = {f.name: document[f.name] for f in fields(SavedArm)}
    texts = (given["optimizer"], given["canonical"], given["executor"])
    if not all(isinstance(text, str) for text in texts) or given["role"] not in _ROLES:
        raise ValueError("not an arm")
    given["statuses"] = tuple(given["statuses"])
    given["metrics"] = {name: tuple(values) for name, values in given["metrics"].items()}
    if len(given["statuses"]) != seeds or not set(given["statuses"]) <= set(STATUSES):
        raise ValueError("not a status a seed")
    figures = [value for values in given["metrics"].values() for value in values]
    _each([value for value in figures if value is not None], int, float)
    if set(given["metrics"]) != set(metrics) or any(len(values) != seeds for values in given["metrics"].values()):
        raise ValueError("not a figure a seed")
    if given["state_bytes"] is not None:
        _each([given["state_bytes"]], int)
    return SavedArm(**given)


def _each(values: Any, *types: type) -> Any:
    """Return the values if each is a finite number of these types; TypeError otherwise (a bool is no number)."""
    if not all(type(value) in types and math.isfinite(value) for value in values):
        raise TypeError("not numbers")
    return values


def locate(name: str, runs: Path) -> Path:
    """Return the file that NAME stands for: a path if it ends in .json or holds a slash, else one in the run folder.

    Raises:
        OptbenchError: for a name that can be no file's.
    """
    if name.endswith(".json") or "/" in name:
        return Path(name)
    if not _NAME.fullmatch(name):
        raise OptbenchError(f"'{name}' is no name for a saved comparison", "use letters, digits, '.', '_' and '-'")
    return runs / FOLDER / f"{name}.json"


def save(saved: Saved, path: Path) -> None:
    """Write the file; OptbenchError when that is not possible."""
    write(path, (json.dumps(saved.to_dict(), allow_nan=False) + "\n").encode())


def load(path: Path) -> Saved:
    """Read a file that `save` wrote.

    Raises:
        OptbenchError: in one line, for a file that is missing, damaged, foreign or of another schema.
    """
    again = "save it anew with --save"
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise OptbenchError(f"there is no saved comparison {path}", "make one with --save, or name its file") from None
    except OSError as error:
        raise OptbenchError(f"cannot read {path}: {error.strerror}", "name another file") from error
    except (ValueError, RecursionError) as error:
        raise OptbenchError(f"{path} is damaged, or no JSON", again) from error
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        what = f"has schema {found!r}" if found else "is no saved comparison"
        raise OptbenchError(f"{path} {what}; this optbench reads {SCHEMA!r}", again)
    try:
        return Saved.from_dict(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OptbenchError(f"{path} is damaged: its content is not that of a saved comparison", again) from error
