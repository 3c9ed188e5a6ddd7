"""Training and measuring from Python: `compare`, `costs` and `run`, over the functions that the commands consist of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.api import _settings as settings
from optbench.api._compared import Compared
from optbench.api._references import Named, text, texts

if TYPE_CHECKING:
    from optbench.cli._cost_options import CostChoice
    from optbench.cli._training import Storage
    from optbench.recipe import Recipe
    from optbench.results import RunResult

DEFAULT = "digits-cnn"


def compare(
    recipe: "str | Path | Recipe" = DEFAULT,
    optims: Named | Sequence[Named] | None = None,
    *,
    baselines: Named | Sequence[Named] | None = None,
    seeds: int | None = None,
    cost: bool = True,
    jobs: int = 1,
    margin: Mapping[str, float | str] | None = None,
    target: float | str | None = None,
    device: str = "cpu",
    runs: str | Path | None = None,
    data_root: str | Path | None = None,
    rerun: bool = False,
    progress: bool = False,
    **overrides: Any,
) -> Compared:
    """Compare optimizers on a recipe, as `optbench compare` does: same seeds for all, baselines beside them.

    Finished runs are kept in the run folder and not trained again.

    Args:
        recipe: a name, the path of a `.toml` file, or a `Recipe`.
        optims: references, classes, or pairs of either and a dict of options; None means the recipe's.
        baselines: likewise; None means the recipe's, an empty list none.
        seeds: train with the seeds 0 to seeds - 1 instead of the recipe's.
        cost: measure time and memory too, which takes about half a minute for two optimizers beside two baselines.
        jobs: runs to train at once, in processes of their own when more than one.
        margin: by metric, the difference that does not matter: in its unit, or ``"2%"`` of the baseline's mean.
        target: say how soon each arm reaches this in the primary metric, or ``"loss:0.1"`` in another.
        device: where to train.
        runs: folder that keeps runs; None means `OPTBENCH_RUNS`, or else `.optbench`.
        data_root: folder to look for data in first; None means `OPTBENCH_DATA`.
        rerun: train and measure again what is stored.
        progress: tell on stderr how far it is.
        overrides: recipe settings to replace: epochs, batch_size, precision, threads, protocol, compile, ...

    Raises:
        OptbenchError: for anything that can be mended: an unknown name, a bad value, missing data.
    """
    told = settings.call("compare", locals())
    margins = [f"{name}:{value}" for name, value in (margin or {}).items()]
    return _compared(
        settings.chosen(recipe, seeds, overrides),
        optims,
        baselines,
        told,
        cost=settings.cost(measure=cost, train=True),
        jobs=jobs,
        verdicts=(margins, None if target is None else str(target)),
        device=device,
        storage=settings.storage(runs, data_root, rerun),
        progress=progress,
    )


def costs(
    recipe: "str | Path | Recipe" = DEFAULT,
    optims: Named | Sequence[Named] | None = None,
    *,
    baselines: Named | Sequence[Named] | None = None,
    budget: float | None = None,
    launches: int | None = None,
    synthetic: bool = False,
    device: str = "cpu",
    runs: str | Path | None = None,
    data_root: str | Path | None = None,
    rerun: bool = False,
    progress: bool = False,
    **overrides: Any,
) -> Compared:
    """Measure what optimizers cost in time and memory, as `optbench compare --cost-only` does. Nothing is trained.

    The arguments are those of `compare`, and `budget`, the seconds after which measuring ends once the launches are
    done; `launches`, how many fresh sets of worker processes there are at least; `synthetic`, whether to train on
    generated data of the recipe's shape. None means the usual.

    Raises:
        OptbenchError: as `compare`.
    """
    told = settings.call("costs", locals())
    choice = settings.cost(measure=True, train=False)
    if budget is not None:
        choice = replace(choice, budget=budget)
    if launches is not None:
        choice = replace(choice, launches=launches)
    return _compared(
        settings.chosen(recipe, None, overrides),
        optims,
        baselines,
        told,
        cost=replace(choice, synthetic=synthetic),
        jobs=1,
        verdicts=([], None),
        device=device,
        storage=settings.storage(runs, data_root, rerun),
        progress=progress,
    )


def run(
    recipe: "str | Path | Recipe",
    optim: Named,
    *,
    seed: int = 0,
    device: str = "cpu",
    runs: str | Path | None = None,
    data_root: str | Path | None = None,
    rerun: bool = False,
    progress: bool = False,
    **overrides: Any,
) -> "RunResult":
    """Train one optimizer with one seed, as `optbench train` does, and return its result, history included.

    The arguments are those of `compare`, and `optim`, one reference, class, or pair of either and a dict of options;
    `seed`, of weights and data.

    Raises:
        OptbenchError: as `compare`.
    """
    from optbench.cli import _training
    from optbench.cli._display import display
    from optbench.store import Store

    storage = settings.storage(runs, data_root, rerun)
    chosen = settings.chosen(recipe, None, overrides)
    (arm,) = _training.plan_arms(chosen, [text(optim)], [], seeds=[seed], device=device, data_root=storage.data_root)
    with display(not progress) as show, settings.interrupts():
        (result,) = _training.train_all(arm.specs, Store(storage.runs, show.note), storage, show)
    return replace(result, optimizer=arm.reference.text)


def _compared(
    recipe: "Recipe",
    optims: Named | Sequence[Named] | None,
    baselines: Named | Sequence[Named] | None,
    told: str,
    *,
    cost: "CostChoice",
    jobs: int,
    verdicts: tuple[list[str], str | None],
    device: str,
    storage: "Storage",
    progress: bool,
) -> Compared:
    """Plan, train, measure and compare."""
    from optbench.cli import _comparing, _gating, _training
    from optbench.cli._display import display
    from optbench.store import Store

    named = None if optims is None else ",".join(texts(optims))
    against = None if baselines is None else ",".join(texts(baselines)) or "none"
    arms = _comparing.plan(recipe, named, against, device, storage)
    margins, target = verdicts
    gating = _gating.prepare(
        _gating.Choice(tuple(margins), target, None, None, None, ()),
        recipe=recipe,
        settings=_training.settings(recipe, device),
        runs=storage.runs,
    )
    job = _comparing.Job(recipe, device, tuple(arms), cost, gating)
    with display(not progress) as show, settings.interrupts():
        comparison = _comparing.compare(job, Store(storage.runs, show.note), storage, show, jobs)
    return Compared(comparison, recipe, job.published(comparison), told, storage.data_root)
