"""Recipes: what is trained, on what and for how long, read from TOML into a frozen `Recipe`.

A recipe is found by name (`digits-cnn`, `xgrad/lenet`) in the folder of recipes that belongs to optbench, or
by the path of a `.toml` file. Everything in the file is checked before anything runs: an unknown key, a wrong
type or a value out of range is an `OptbenchError` that names the file and the key. No torch is imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optbench._ranges import Range
from optbench._recipe_file import PRECISIONS, PROTOCOLS, TRAINING, parse, read
from optbench._recipe_sections import Reproduces
from optbench.errors import OptbenchError, nearest
from optbench.schedules import Schedule

__all__ = [
    "DEFAULT",
    "PRECISIONS",
    "PROTOCOLS",
    "Range",
    "Recipe",
    "Reproduces",
    "Schedule",
    "aliases",
    "folder",
    "load",
    "names",
    "reproducing",
]

DEFAULT = "digits-cnn"
# settings that change the figures of a run, besides the model's options and the schedule
_FIGURES: tuple[str, ...] = (
    "task",
    "data",
    "augmentation",
    "normalisation",
    "model",
    "epochs",
    "batch_size",
    "accumulation",
    "protocol",
    "label_smoothing",
    "clip_norm",
    "channels_last",
    "compile",
    "ema",
    "average_last",
    "reestimate_batch_norm",
    "gradient_histograms",
)


@dataclass(frozen=True)
class Recipe:
    """One benchmark: task, data, model, training settings and every optimizer's hyper-parameters.

    Attributes:
        name: the name it is found by, or the stem of its file.
        source: the file it was read from.
        batch_size: images (or what the task counts) of one optimizer step; `accumulation`: how many micro-batches they
            are cut into.
        seeds: how many seeds `compare` trains (0 .. seeds-1).
        threads: CPU threads of one run.
        protocol: `standard` (train on train, judge on validation each epoch, score the final weights on test)
            or `paper` (train on train + validation, score test each epoch, report each metric's best epoch).
        label_smoothing: of the training loss, from 0 to less than 1.
        clip_norm: the largest norm of all gradients together; None does not clip.
        channels_last: lay images and weights out with the channels last in memory.
        compile: run the training forward pass through torch.compile.
        ema: decay of an exponential moving average of the weights, which is then what is evaluated; None keeps none.
        reestimate_batch_norm: batches over which BatchNorm's statistics are taken anew, at the weights that are
            evaluated, before each evaluation; 0 evaluates with the statistics that training gathered.
        average_last: the test split is scored with the mean of the weights after each of the last so many epochs; 0
            and 1 score the weights themselves.
        gradient_histograms: a histogram of the gradients is kept of every so manieth update; 0 keeps none.
        data_options, task_options: the data set's and the task's own.
        optimizers: hyper-parameters by optimizer name; what is absent is the optimizer's own default.
        provenance: by optimizer name, a sentence that says where those values come from.
        schedules: by optimizer name, its own schedule where it is not `schedule`.
        tune: by optimizer name, the ranges that `optbench tune` searches.
        published: the paper's results that this recipe reproduces, if any.
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
    augmentation: str = "none"
    normalisation: str = "train"
    accumulation: int = 1
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    channels_last: bool = False
    compile: bool = False
    ema: float | None = None
    average_last: int = 0
    reestimate_batch_norm: int = 0
    gradient_histograms: int = 0
    data_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    task_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    published: Reproduces | None = None
    model_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    optimizers: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)
    provenance: Mapping[str, str] = field(default_factory=dict, hash=False)
    schedules: Mapping[str, Schedule] = field(default_factory=dict, hash=False)
    tune: Mapping[str, Mapping[str, Range]] = field(default_factory=dict, hash=False)

    def override(
        self,
        *,
        epochs: int | None = None,
        seeds: int | None = None,
        batch_size: int | None = None,
        accumulation: int | None = None,
        precision: str | None = None,
        threads: int | None = None,
        protocol: str | None = None,
        channels_last: bool | None = None,
        compile: bool | None = None,
    ) -> "Recipe":
        """Return this recipe with some settings replaced; None leaves one as it is.

        Raises:
            OptbenchError: for a value out of range, such as 0 seeds.
        """
        given = {key: value for key, value in locals().items() if key != "self"}
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        for key, value in changes.items():
            problem = TRAINING[key].problem(value)
            if problem:
                flag = "--" + key.replace("_", "-")
                raise OptbenchError(f"{key.replace('_', ' ')} {value!r}: {problem}", f"give another {flag}")
        changed = replace(self, **changes)
        if changed.batch_size % changed.accumulation:
            raise OptbenchError(
                f"batch size {changed.batch_size} does not divide into {changed.accumulation} micro-batches",
                f"the recipe accumulates: give a multiple of {changed.accumulation}",
            )
        if changed.average_last > 1 and changed.protocol == "paper":
            raise OptbenchError(
                f"{self.name} averages the weights of its last epochs, and --protocol paper reports the best epoch",
                "leave out --protocol",
            )
        return changed

    def defaults_for(self, optimizer: str) -> Mapping[str, object]:
        """Return this recipe's hyper-parameters for an optimizer; empty when it has no section."""
        return self.optimizers.get(optimizer, {})

    def schedule_for(self, optimizer: str) -> Schedule:
        """Return an optimizer's schedule: its own where it has one."""
        return self.schedules.get(optimizer, self.schedule)

    def figures(self, optimizer: str) -> dict[str, object]:
        """Return, JSON-ready, the settings that change the figures of an optimizer's runs (so not the title, say)."""
        return {
            **{key: getattr(self, key) for key in _FIGURES},
            "data_options": dict(self.data_options),
            "task_options": dict(self.task_options),
            "model_options": dict(self.model_options),
            "schedule": self.schedule_for(optimizer).figures(),
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


def aliases() -> dict[str, str]:
    """Return those of optbench's own recipe names that are another name of one, and of which."""
    found = {name: parse(folder() / f"{name}.toml").get("alias_of") for name in names()}
    return {name: target for name, target in found.items() if isinstance(target, str)}


def reproducing(paper: str) -> dict[str, list[str]]:
    """Return, by the id of a paper's table, the names of optbench's own recipes that reproduce a part of it."""
    found: dict[str, list[str]] = {}
    for name in names():
        section = parse(folder() / f"{name}.toml").get("published", {})
        if section.get("paper") == paper:
            for table in section["tables"]:
                found.setdefault(table, []).append(name)
    return found


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
        hint = nearest(word, known) or "see 'optbench list recipes'"
        raise OptbenchError(f"unknown recipe '{word}'", hint)
    return _recipe(folder() / f"{word}.toml", word)


def _recipe(path: Path, name: str) -> Recipe:
    """Read one recipe file; one that is an alias gives the recipe that it names."""
    document = parse(path)
    if "alias_of" in document:
        target = document["alias_of"]
        if len(document) > 1 or target not in names() or target == name:
            raise OptbenchError(
                f"{path}: alias_of = {target!r}", "an alias names another recipe and holds nothing else"
            )
        return load(target)
    return Recipe(name=name, source=path, **read(path, document))
