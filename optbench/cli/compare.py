"""`optbench compare`: the main job. Optimizers and baselines, trained with the same seeds, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from optbench.cli import _options

if TYPE_CHECKING:
    from optbench.cli._display import Quiet
    from optbench.cli._training import Storage
    from optbench.plan import Arm
    from optbench.stats import ArmResult
    from optbench.store import Store


@click.command("compare", short_help="Compare optimizers with the baselines AdamW and SGDM.")
@click.argument("recipe", default="digits-cnn")
@click.option("--optims", metavar="REF,...", help=_options.optimizers_of("Optimizers, by default the recipe's"))
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Train with the seeds 0 to N-1 instead of the recipe's."
)
@click.option("--baselines", metavar="REF,...", help="Compare with these, by default the recipe's; none for none.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", default=1, show_default=True, help="Runs to train at once."
)
@_options.overrides
@_options.storage
@_options.output("table", "json", "markdown", "csv")
def command(
    recipe: str, optims: str | None, baselines: str | None, jobs: int, form: str, quiet: bool, **options: Any
) -> None:
    """Compare optimizers on a RECIPE (default: digits-cnn), each with the same seeds, in quality and cost.

    The baselines are added by themselves. An optimizer named twice is compared once. Finished runs are kept
    and not trained again; Ctrl-C loses at most an epoch.

    \b
    optbench compare --optims adaplus,radam
    optbench compare fashion-lenet --optims adam,xgrad+adam:s=2 --seeds 5
    """
    from optbench import optimizers
    from optbench import recipe as recipes
    from optbench.cli import _training
    from optbench.cli._display import display
    from optbench.store import Store

    storage = _training.Storage(options.pop("runs"), options.pop("data_root"), options.pop("rerun"))
    device = options.pop("device")
    chosen = recipes.load(recipe).override(**options)
    arms = _training.plan_arms(
        chosen,
        chosen.optims if optims is None else optimizers.parse_list(optims),
        None if baselines is None else [] if baselines == "none" else optimizers.parse_list(baselines),
        device=device,
    )
    with display(quiet) as show:
        store = Store(storage.runs, show.note)
        specs = [spec for arm in arms for spec in arm.specs]
        with _training.interruptible(specs, store, storage):
            results = _results(arms, store, storage, show, jobs)
    _options.say(_report(results, chosen, device, form))


def _results(arms: Sequence["Arm"], store: "Store", storage: "Storage", show: "Quiet", jobs: int) -> list["ArmResult"]:
    """Train all arms, then measure their cost, with nothing else running."""
    from optbench.cli import _training
    from optbench.measure import measure_arms
    from optbench.stats import ArmResult

    specs = [spec for arm in arms for spec in arm.specs]
    runs = iter(_training.train_all(specs, store, storage, show, jobs))
    by_arm = [tuple(next(runs) for _ in arm.specs) for arm in arms]

    def rounds(done: int, total: int) -> None:
        if done == 0:
            show.stage("measuring time and memory", total)
        show.advance(done, f"round {done} of {total}")

    show.stage("measuring time and memory", 1)
    costs = measure_arms(arms, store=store, data_root=storage.data_root, progress=rounds, rerun=storage.rerun)
    results = []
    for arm, own in zip(arms, by_arm, strict=True):
        cost = costs.get(arm.reference.canonical)
        executor = (cost.executor if cost else "") or own[0].executor
        results.append(ArmResult(arm.reference.text, arm.role, executor, own, cost))
    return results


def _report(results: Sequence["ArmResult"], recipe: Any, device: str, form: str) -> str:
    from optbench import tasks
    from optbench.cli import _training
    from optbench.report import render
    from optbench.stats import compare

    task = tasks.info(recipe.task)
    comparison = compare(
        results,
        task.metrics,
        task.primary,
        recipe=recipe.name,
        settings=_training.settings(recipe, device),
        machine=_training.machine(device),
    )
    return render(comparison, form, **_options.terminal())
