"""`optbench train`: one run."""

from dataclasses import replace
from typing import Any

import click

from optbench.cli import _completion, _options
from optbench.errors import OptbenchError


@click.command("train", short_help="Train one optimizer with one seed.")
@click.argument("recipe", shell_complete=_completion.recipes)
@click.option(
    "--optim",
    required=True,
    metavar="REF",
    shell_complete=_completion.references,
    help=_options.optimizers_of("The optimizer"),
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", default=0, show_default=True, help="Seed of the run.")
@_options.overrides
@_options.storage
@_options.keep_weights
@_options.output("table", "json")
def command(recipe: str, optim: str, seed: int, form: str, quiet: bool, **options: Any) -> None:
    """Train one optimizer on a RECIPE with one seed; store and print the result.

    \b
    optbench train digits-cnn --optim adamw:lr=3e-3 --seed 1
    """
    from optbench import optimizers
    from optbench import recipe as recipes
    from optbench.cli import _training
    from optbench.cli._display import display
    from optbench.report import run as report
    from optbench.store import Store

    storage = _training.Storage(*(options.pop(key) for key in ("runs", "data_root", "rerun", "keep_weights")))
    device = options.pop("device")
    chosen = recipes.load(recipe).override(**options)
    references = optimizers.parse_list(optim)
    if len(references) != 1:
        raise OptbenchError(f"--optim {optim} names {len(references)} optimizers", "use 'optbench compare' for several")
    (arm,) = _training.plan_arms(chosen, references, [], seeds=[seed], device=device, data_root=storage.data_root)
    with display(quiet) as show:
        store = Store(storage.runs, show.note)
        with _training.interruptible(arm.specs, store, storage):
            (result,) = _training.train_all(arm.specs, store, storage, show)
    result = replace(result, optimizer=arm.reference.text)  # a stored one may have been written otherwise
    _options.say(report.render(result, chosen.name, _training.settings(chosen, device), form))
