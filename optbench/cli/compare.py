"""`optbench compare`: the main job. Optimizers and baselines, trained with the same seeds, side by side."""

from typing import TYPE_CHECKING, Any

import click

from optbench.cli import _completion, _cost_options, _gating, _options, _output, _sheets
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.cli._comparing import Job
    from optbench.cli._training import Storage
    from optbench.stats import Comparison

_OF_ONE_RECIPE = ("save", "against", "against_path", "fail_if")


@click.command("compare", short_help="Compare optimizers with the baselines AdamW and SGDM.")
@click.argument("recipe", default="digits-cnn", metavar="[RECIPE,...]", shell_complete=_completion.recipes)
@click.option(
    "--optims",
    metavar="REF,...",
    shell_complete=_completion.references,
    help=_options.optimizers_of("Optimizers, by default the recipe's"),
)
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Train with the seeds 0 to N-1 instead of the recipe's."
)
@click.option(
    "--baselines",
    metavar="REF,...",
    shell_complete=_completion.references,
    help="Compare with these, by default the recipe's; none for none.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", default=1, show_default=True, help="Runs to train at once."
)
@_options.overrides
@_cost_options.cost_options
@_gating.gate_options
@_output.figure_options
@_output.report_option
@_options.storage
@_options.keep_weights
@_options.output("table", "json", "markdown", "csv", "latex")
def command(
    recipe: str, optims: str | None, baselines: str | None, jobs: int, form: str, quiet: bool, **options: Any
) -> int:
    """Compare optimizers on a RECIPE (default: digits-cnn), each with the same seeds, in quality and cost.

    The baselines are added by themselves. An optimizer named twice is compared once. Finished runs are kept
    and not trained again; Ctrl-C loses at most an epoch. Several recipes are compared one after the other;
    with --cost-only they share tables.

    \b
    optbench compare --optims adaplus,radam
    optbench compare fashion-lenet --optims adam,xgrad+adam:s=2 --seeds 5
    optbench compare digits-cnn,fashion-lenet --optims adam,xgrad+adam --cost-only
    optbench compare --optims adaplus --report report.html --figure curves.pdf
    """
    from optbench.cli import _comparing, _training
    from optbench.cli._display import display
    from optbench.store import Store

    files = _output.taken(options, trains=not (options["cost_only"] or options["synthetic"]))
    storage = _training.Storage(*(options.pop(key) for key in ("runs", "data_root", "rerun", "keep_weights")))
    work = _jobs(_names(recipe), optims, baselines, storage, options)
    files.check([job.recipe for job in work])
    with display(quiet) as show:
        store = Store(storage.runs, show.note)
        found = [_comparing.compare(job, store, storage, show, jobs) for job in work]
    status = _report(found, work, form)
    sheets = [_sheets.Sheet(each, job.recipe, job.published(each)) for each, job in zip(found, work, strict=True)]
    _output.say_written(files.write(sheets, _sheets.command(), storage.data_root), quiet)
    return status


def _names(recipe: str) -> list[str]:
    """Return the recipes that the argument names, each once."""
    names = list(dict.fromkeys(name.strip() for name in recipe.split(",")))
    if not all(names):
        raise OptbenchError(f"'{recipe}' holds an empty recipe name", "write NAME,NAME")
    several = _cost_options.given(*_OF_ONE_RECIPE)
    if len(names) > 1 and several:
        raise OptbenchError(f"{several[0]} is for one recipe, and '{recipe}' names {len(names)}", "name one of them")
    return names


def _jobs(
    names: list[str], optims: str | None, baselines: str | None, storage: "Storage", options: dict[str, Any]
) -> list["Job"]:
    """Plan all recipes before any of them runs, so that a mistake is told at once."""
    from optbench import recipe as recipes
    from optbench.cli import _comparing, _training

    cost, gates = _cost_options.taken(options), _gating.taken(options)
    device = options.pop("device")
    jobs = []
    for name in names:
        chosen = recipes.load(name).override(**options)
        arms = _comparing.plan(chosen, optims, baselines, device, storage)
        _comparing.check_noise_floor(cost, arms)
        gating = _gating.prepare(
            gates,
            recipe=chosen,
            settings=_training.settings(chosen, device),
            runs=storage.runs,
            cost=cost.measure,
            train=cost.train,
        )
        jobs.append(_comparing.Job(chosen, device, tuple(arms), cost, gating))
    return jobs


def _report(found: list["Comparison"], work: list["Job"], form: str) -> int:
    """Print the report, the published figures beside it, and what the gate says; return the exit status."""
    from optbench.report import published, render, render_several

    terminal = _options.terminal()
    overlays = [job.published(comparison) for job, comparison in zip(work, found, strict=True)]
    if len(found) > 1:
        report = render_several(found, form, **terminal)
        _options.say(published.joined_several(report, overlays, form, terminal["width"]))
        return 0
    (comparison,), (job,) = found, work
    report = published.joined(render(comparison, form, **terminal), overlays[0], form, terminal["width"])
    text, status = _gating.finish(comparison, comparison.measurement, job.gating, form, report=report)
    _options.say(text)
    return status
