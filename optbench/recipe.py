"""Recipes: what is trained, on what and for how long, read from TOML into a frozen `Recipe`.

A recipe is found by name (`digits-cnn`, `xgrad/lenet`) in the folder of recipes that belongs to optbench, or
by the path of a `.toml` file. Everything in the file is checked before anything runs: an unknown key, a wrong
type or a value out of range is an `OptbenchError` that names the file and the key. No torch is imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optbench._recipe_file import PRECISIONS, PROTOCOLS, SCHEDULES, TRAINING, read
from optbench.errors import OptbenchError, nearest

__all__ = ["DEFAULT", "PRECISIONS", "PROTOCOLS", "SCHEDULES", "Recipe", "Schedule", "folder", "load", "names"]

DEFAULT = "digits-cnn"


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves, stepped once after every epoch.

    `constant`: lr. `cosine`: half a cosine from lr to 0 over the epochs. `multistep`: lr times `factor` after
    each of the epochs in `milestones`.
    """

    name: str = "constant"
    milestones: tuple[int, ...] = ()
    factor: float = 0.1


@dataclass(frozen=True)
class Recipe:
    """One benchmark: task, data, model, training settings and every optimizer's hyper-parameters.

    Attributes:
        name: the name it is found by, or the stem of its file.
        source: the file it was read from.
        seeds: how many seeds `compare` trains (0 .. seeds-1).
        threads: CPU threads of one run.
        protocol: `standard` (train on train, judge on validation each epoch, score the final weights on test)
            or `paper` (train on train + validation, score test each epoch, report each metric's best epoch).
        optimizers: hyper-parameters by optimizer name; what is absent is the optimizer's own default.
        provenance: by optimizer name, a sentence that says where those values come from.
        optims: the references that `compare` takes when none are named.
        baselines: the references that `compare` adds by itself.
    """

    name: str
    title: str
    description: str
    source: Path = field(compare=False)
    task: str
    data: str
    model: str
    epochs: int
    batch_size: int
    seeds: int
    schedule: Schedule
    precision: str
    threads: int
    protocol: str
    optims: tuple[str, ...]
    baselines: tuple[str, ...]
    model_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    optimizers: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)
    provenance: Mapping[str, str] = field(default_factory=dict, hash=False)

    def override(
        self,
        *,
        epochs: int | None = None,
        seeds: int | None = None,
        batch_size: int | None = None,
        precision: str | None = None,
        threads: int | None = None,
        protocol: str | None = None,
    ) -> "Recipe":
        """Return this recipe with some settings replaced; None leaves one as it is.

        Raises:
            OptbenchError: for a value out of range, such as 0 seeds.
        """
        given = {
            "epochs": epochs,
            "seeds": seeds,
            "batch_size": batch_size,
            "precision": precision,
            "threads": threads,
            "protocol": protocol,
        }
        changes: dict[str, Any] = {}
        for key, value in given.items():
            if value is None:
                continue
            problem = TRAINING[key].problem(value)
            if problem:
                flag = "--" + key.replace("_", "-")
                raise OptbenchError(f"{key.replace('_', ' ')} {value!r}: {problem}", f"give another {flag}")
            changes[key] = value
        return replace(self, **changes)

    def defaults_for(self, optimizer: str) -> Mapping[str, object]:
        """Return this recipe's hyper-parameters for an optimizer; empty when it has no section."""
        return self.optimizers.get(optimizer, {})

    def figures(self) -> dict[str, object]:
        """Return, JSON-ready, the settings that change the figures of a run (so not the title, say)."""
        schedule: dict[str, object] = {"name": self.schedule.name}
        if self.schedule.name == "multistep":
            schedule |= {"milestones": list(self.schedule.milestones), "factor": self.schedule.factor}
        return {
            "task": self.task,
            "data": self.data,
            "model": self.model,
            "model_options": dict(self.model_options),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "schedule": schedule,
            "protocol": self.protocol,
        }


def folder() -> Path:
    """Return the folder of optbench's own recipes: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def names() -> list[str]:
    """Return the names of optbench's own recipes, sorted; one in a sub-folder is named `folder/stem`."""
    root = folder()
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.toml"))


def load(name_or_path: str | Path) -> Recipe:
    """Return the recipe of that name, or the one in that `.toml` file.

    Raises:
        OptbenchError: when there is none, or when its file has something wrong in it.
    """
    word = str(name_or_path)
    if word.endswith(".toml"):
        return _recipe(Path(word), Path(word).stem)
    known = names()
    if word not in known:
        hint = nearest(word, known) or "one of " + ", ".join(known)
        raise OptbenchError(f"unknown recipe '{word}'", hint)
    return _recipe(folder() / f"{word}.toml", word)


def _recipe(path: Path, name: str) -> Recipe:
    """Read one recipe file."""
    values = read(path)
    schedule = Schedule(**values.pop("schedule"))
    return Recipe(name=name, source=path, schedule=schedule, **values)
