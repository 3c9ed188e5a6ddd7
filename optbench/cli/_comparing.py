"""What `compare` does with one recipe: arms, then runs and costs, then the comparison."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optbench.cli import Interrupted, _training
from optbench.cli._cost_options import CostChoice
from optbench.cli._display import Quiet
from optbench.cli._training import Storage
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.cli._gating import Gating
    from optbench.overlay import Overlay
    from optbench.plan import Arm
    from optbench.recipe import Recipe
    from optbench.results import Measurement, RunResult
    from optbench.stats import ArmResult, Comparison
    from optbench.store import Store


@dataclass(frozen=True)
class Job:
    """One recipe to compare optimizers on, and how."""

    recipe: "Recipe"
    device: str
    arms: tuple["Arm", ...]
    cost: CostChoice
    gating: "Gating"

    @property
    def settings(self) -> dict[str, object]:
        """What a report says of the recipe as it is run."""
        return _training.settings(self.recipe, self.device)

    def published(self, comparison: "Comparison") -> "Overlay | None":
        """Return the published figures that the recipe reproduces, beside a comparison of it."""
        from optbench import datasets
        from optbench.overlay import overlay

        exact = datasets.exact(self.recipe.data, self.arms[0].specs[0].data_checksum)
        return overlay(comparison, self.recipe, exact)


def plan(recipe: "Recipe", optims: str | None, baselines: str | None, device: str, storage: Storage) -> list["Arm"]:
    """Return the arms that the options name, the recipe's where they name none."""
    from optbench import optimizers

    against = None if baselines is None else [] if baselines == "none" else optimizers.parse_list(baselines)
    chosen = recipe.optims if optims is None else optimizers.parse_list(optims)
    return _training.plan_arms(recipe, chosen, against, device=device, data_root=storage.data_root)


def check_noise_floor(cost: CostChoice, arms: Sequence["Arm"]) -> None:
    """Raise OptbenchError where --aa has no baseline to time against itself."""
    if cost.aa and not any(arm.role == "baseline" for arm in arms):
        raise OptbenchError("--aa times a baseline against itself, and there is none", "name one with --baselines")


def compare(job: Job, store: "Store", storage: Storage, show: Quiet, jobs: int) -> "Comparison":
    """Train and measure, as far as was asked for, and compare."""
    from optbench import tasks
    from optbench.stats import compare as compared

    runs: list[tuple[RunResult, ...]] = [() for _ in job.arms]
    if job.cost.train:
        specs = [spec for arm in job.arms for spec in arm.specs]
        again = storage.rerun or job.gating.rerun_runs(arm.reference for arm in job.arms)
        with _training.interruptible(specs, store, storage):
            done = iter(_training.train_all(specs, store, replace(storage, rerun=again), show, jobs))
        runs = [tuple(next(done) for _ in arm.specs) for arm in job.arms]
    measurement = _measure(job, store, storage, show) if job.cost.measure else None
    task = tasks.info(job.recipe.task, job.recipe.data)
    return compared(
        [_result(arm, own, measurement) for arm, own in zip(job.arms, runs, strict=True)],
        task.metrics if job.cost.train else (),
        task.primary if job.cost.train else "",
        recipe=job.recipe.name,
        settings=job.settings,
        machine=_training.machine(job.device),
        margins=job.gating.margins,
        target=job.gating.target,
        measurement=measurement,
    )


def _measure(job: Job, store: "Store", storage: Storage, show: Quiet) -> "Measurement":
    """Measure what the arms cost, with nothing else of ours running."""
    from optbench.measure import CostSettings, measure_arms

    settings = CostSettings(
        precision=job.cost.precision,
        budget=job.cost.budget,
        launches=job.cost.launches,
        synthetic=job.cost.synthetic,
        against_path=job.gating.against_path,
        aa=job.cost.aa,
    )
    with _interruptible(job.cost.train):
        return measure_arms(
            job.arms,
            settings=settings,
            store=store,
            data_root=storage.data_root,
            progress=show.measuring(f"measuring the cost of {job.recipe.name}"),
            rerun=storage.rerun or job.gating.rerun_costs,
        )


@contextmanager
def _interruptible(trained: bool) -> Iterator[None]:
    """Turn Ctrl-C into a sentence: a measurement that was cut short is not kept, runs are."""
    try:
        yield
    except KeyboardInterrupt:
        kept = "all runs are stored; " if trained else ""
        raise Interrupted(
            f"{kept}the measurement was not finished and is not kept; run the same command again"
        ) from None


def _result(arm: "Arm", runs: tuple["RunResult", ...], measurement: "Measurement | None") -> "ArmResult":
    from optbench.stats import ArmResult

    cost = measurement.costs.get(arm.reference.canonical) if measurement else None
    executor = (cost.executor if cost else "") or (runs[0].executor if runs else "")
    return ArmResult(arm.reference.text, arm.role, executor, runs, cost)
