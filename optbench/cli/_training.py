"""What `train` and `compare` share: from options to references, from specs to results, interruptible."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.cli import Interrupted
from optbench.cli._display import Quiet

if TYPE_CHECKING:
    from optbench.optimizers import Reference
    from optbench.plan import Arm, RunSpec
    from optbench.recipe import Recipe
    from optbench.results import RunResult
    from optbench.store import Store


@dataclass(frozen=True)
class Storage:
    """Where runs and data are, as the shared options gave it."""

    runs: Path
    data_root: Path | None
    rerun: bool
    keep_weights: bool = False


def plan_arms(recipe: "Recipe", optims: Any, baselines: Any, **more: Any) -> list["Arm"]:
    """Return `plan.build`'s arms, once every class named by import path has shown that it is an optimizer."""
    from optbench import plan

    arms = plan.build(recipe, optims, baselines, **more)
    if third_party := [arm.reference for arm in arms if arm.reference.is_import_path]:
        try_optimizers(third_party)
    return arms


def settings(recipe: "Recipe", device: str) -> dict[str, object]:
    """Return what a report says of a recipe as it is run."""
    from optbench import datasets

    return {
        "title": recipe.title,
        "task": recipe.task,
        "data": recipe.data,
        "data_options": {key: value for key, value in recipe.data_options.items() if value is not None},
        "stand_in_for": datasets.info(recipe.data).stand_in_for,
        "task_options": dict(recipe.task_options),
        "augmentation": recipe.augmentation,
        "normalisation": recipe.normalisation,
        "model": recipe.model,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "accumulation": recipe.accumulation,
        "schedule": str(recipe.schedule),
        "label_smoothing": recipe.label_smoothing,
        "clip_norm": recipe.clip_norm,
        "ema": recipe.ema,
        "average_last": recipe.average_last,
        "channels_last": recipe.channels_last,
        "compile": recipe.compile,
        "precision": recipe.precision,
        "device": device,
        "threads": recipe.threads,
        "protocol": recipe.protocol,
    }


def machine(device: str) -> dict[str, object]:
    """Return what a report says of the machine and its software."""
    from optbench import environment

    found: dict[str, object] = {**environment.machine(), **environment.versions()}
    if device.startswith("cuda"):
        import torch

        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def train_all(
    specs: Sequence["RunSpec"], store: "Store", storage: Storage, show: Quiet, jobs: int = 1
) -> list["RunResult"]:
    """Return a result for every spec, from the store or trained now."""
    found = [] if storage.rerun else [result for result in _stored(specs, store, storage) if result]
    if found:
        show.note(f"{len(found)} of {len(specs)} {'run' if len(specs) == 1 else 'runs'} from the store")
    if len(found) == len(specs):
        for spec, result in zip(specs, found, strict=True):  # torch is not needed
            show.run_finished(spec, result)
        return found
    try_optimizers(spec.optimizer for spec in specs)
    _fetch_data(specs[0], storage, show)
    from optbench.parallel import run_all

    show.stage("training", len(specs))
    return run_all(
        specs,
        store=store,
        data_root=storage.data_root,
        progress=show,
        rerun=storage.rerun,
        jobs=jobs,
        keep_weights=storage.keep_weights,
    )


def _stored(specs: Sequence["RunSpec"], store: "Store", storage: Storage) -> list["RunResult | None"]:
    """Return the results that need not be trained again, None for the other specs."""
    return [store.usable(spec.key(), with_weights=storage.keep_weights) for spec in specs]


@contextmanager
def interruptible(specs: Sequence["RunSpec"], store: "Store", storage: Storage) -> Iterator[None]:
    """Turn Ctrl-C into a sentence that says what was kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        same = "the same command again without --rerun" if storage.rerun else "the same command again"
        done = sum(result is not None for result in _stored(specs, store, storage))
        kept = f"{done} of {len(specs)} runs are stored in {storage.runs}"
        raise Interrupted(f"{kept}; run {same} to continue") from None


def try_optimizers(chosen: Iterable["Reference"]) -> None:
    """Make each optimizer once, over one parameter: what it refuses is told before anything trains."""
    import torch

    from optbench import optimizers

    for reference in dict.fromkeys(chosen):
        optimizers.create(reference, [torch.nn.Parameter(torch.zeros(1))])


def _fetch_data(spec: "RunSpec", storage: Storage, show: Quiet) -> None:
    """Have the data here before anything trains, with a bar where it has to be downloaded."""
    from optbench import datasets

    recipe = spec.recipe
    datasets.fetch(recipe.data, root=storage.data_root, progress=show.download, options=recipe.data_options)
