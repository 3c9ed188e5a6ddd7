"""`optbench tune`: hyper-parameters for every arm, with the same number of trials, and then test, once."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.cli import Interrupted, _completion, _options, _output, _sheets
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.cli._display import Quiet
    from optbench.cli._training import Storage
    from optbench.recipe import Recipe
    from optbench.stats import Comparison
    from optbench.store import Store
    from optbench.tune import ArmTuning, Objective


@click.command("tune", short_help="Choose hyper-parameters, with the same number of trials for every arm.")
@click.argument("recipe", default="digits-cnn", shell_complete=_completion.recipes)
@click.option(
    "--optims",
    metavar="REF,...",
    shell_complete=_completion.references,
    help=_options.optimizers_of("Optimizers, by default the recipe's"),
)
@click.option(
    "--baselines",
    metavar="REF,...",
    shell_complete=_completion.references,
    help="Tuned and compared with too, by default the recipe's; or none.",
)
@click.option("--budget", type=click.IntRange(min=1), metavar="N", help="Trials of each arm.  [default: 16]")
@click.option("--grid", multiple=True, metavar="KEY=V,...", help="Try these values instead; may be given repeatedly.")
@click.option(
    "--tuning-seeds", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Seeds of a trial."
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Seeds of the test instead of the recipe's.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Runs at once.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the tuned recipe.  [default: tuned-RECIPE.toml]",
)
@_output.report_option
@_options.overrides
@_options.storage
@_options.output("table", "json")
def command(recipe: str, form: str, quiet: bool, jobs: int, out: Path | None, **options: Any) -> None:
    """Choose hyper-parameters on a RECIPE (default: digits-cnn) for every arm, baselines included.

    Each arm has the same number of trials in a search space of its own: what its rule declares, or what the recipe says
    in [tune.NAME]. They are judged on validation data, with seeds that nothing is evaluated with. Then the chosen
    values are trained with fresh seeds and scored on test data, once, and written as a recipe. The same command makes
    the same trials, and goes on where it was stopped.

    \b
    optbench tune digits-cnn --optims adaplus,radam --budget 8
    optbench tune digits-cnn --optims adaplus --grid lr=0.1,0.03,0.01
    """
    from optbench import recipe as recipes
    from optbench import tune
    from optbench.cli import _training
    from optbench.cli._display import display
    from optbench.store import Store

    files = _output.taken(options)
    storage = _training.Storage(options.pop("runs"), options.pop("data_root"), options.pop("rerun"))
    search = {key: options.pop(key) for key in ("optims", "baselines", "budget", "grid", "tuning_seeds")}
    device = options.pop("device")
    chosen = _standard(_named(recipes.load(recipe), search["optims"], search["baselines"]), options)
    path = out or Path(f"tuned-{chosen.name.replace('/', '-')}.toml")
    tune.check_target(path)
    objective = _objective(chosen)
    with display(quiet) as show:
        work = _Work(Store(storage.runs, show.note), storage, show, jobs, device)
        try:
            arms = work.tune(chosen, objective, search)
            how = f"trials by validation {objective.metric}, seeds from {tune.FIRST_SEED} (optbench tune)"
            tuned = tune.tuned_recipe(chosen, arms, how)
            tune.write_recipe(tuned, path, f"{chosen.name}: {len(arms[0].trials)} trials an arm.")
            comparison = work.test(tuned)
        except KeyboardInterrupt:
            text = f"finished runs are stored in {storage.runs}; run the same command again to continue"
            raise Interrupted(text) from None
    _options.say(_report(arms, _about(chosen, objective, search, path), comparison, form))
    sheet = _sheets.Sheet(comparison, replace(tuned, source=path), tuning=arms)
    _output.say_written(files.write([sheet], _sheets.command(), storage.data_root), quiet)


def _about(recipe: "Recipe", objective: "Objective", search: dict[str, Any], written: Path) -> dict[str, Any]:
    """Return what a report says of the tuning."""
    from optbench import tune

    return {
        "recipe": recipe.name,
        "metric": objective.metric,
        "tuning_seeds": [tune.FIRST_SEED + k for k in range(search["tuning_seeds"])],
        "written": str(written),
    }


def _report(arms: "list[ArmTuning]", about: dict[str, Any], comparison: "Comparison", form: str) -> str:
    """Return what was found, as the format has it."""
    from optbench.report import render, tuning

    if form == "json":
        return tuning.document(arms, about, comparison)
    seeds = ", ".join(map(str, about["tuning_seeds"]))
    trials = len(arms[0].trials)
    heading = f"{about['recipe']}: tuned by validation {about['metric']}, {trials} trials an arm, seeds {seeds}"
    parts = [tuning.text(arms, heading), render(comparison, form, **_options.terminal())]
    path = about["written"]
    return "\n".join([*parts, f"the chosen values are in {path}: optbench compare {path}"])


def _named(recipe: "Recipe", optims: str | None, baselines: str | None) -> "Recipe":
    """Return the recipe with the arms and the baselines that the options name."""
    from optbench import optimizers

    def listed(text: str) -> tuple[str, ...]:
        return () if text == "none" else tuple(reference.text for reference in optimizers.parse_list(text))

    found = replace(recipe, optims=listed(optims)) if optims is not None else recipe
    found = replace(found, baselines=listed(baselines)) if baselines is not None else found
    if not (*found.optims, *found.baselines):
        raise OptbenchError("no optimizers to tune", "name some with --optims")
    return found


def _standard(recipe: "Recipe", options: dict[str, Any]) -> "Recipe":
    """Return the recipe with the options' settings, under the standard protocol, which keeps test data for the end."""
    from optbench.tune import FIRST_SEED

    if options.get("protocol") == "paper":
        raise OptbenchError("--protocol paper trains on validation data, by which tuning chooses", "leave it out")
    found = recipe.override(**{**options, "protocol": "standard"})
    if found.seeds > FIRST_SEED:
        raise OptbenchError(f"{found.seeds} seeds would reach the tuning seeds", f"give at most {FIRST_SEED}")
    return found


def _objective(recipe: "Recipe") -> "Objective":
    from optbench import tasks
    from optbench.tune import Objective

    task = tasks.info(recipe.task, recipe.data)
    directions = {metric.name: metric.direction for metric in task.metrics}
    second = next((name for name in directions if name != task.primary), task.primary)
    return Objective(task.primary, directions[task.primary], second, directions[second])


def _grid(texts: tuple[str, ...]) -> dict[str, list[float]]:
    """Read `lr=0.1,0.03,0.01`."""
    found: dict[str, list[float]] = {}
    for text in texts:
        key, _, values = text.partition("=")
        try:
            numbers = [float(value) for value in values.split(",")]
        except ValueError:
            numbers = []
        if not (key.isidentifier() and numbers) or key in found:
            raise OptbenchError(f"--grid {text} is not KEY=NUMBER,NUMBER,...", "write it like --grid lr=0.1,0.03,0.01")
        found[key] = numbers
    return found


class _Work:
    """Trains what tuning and its test ask for."""

    def __init__(self, store: "Store", storage: "Storage", show: "Quiet", jobs: int, device: str) -> None:
        self.store, self.storage, self.show, self.jobs, self.device = store, storage, show, jobs, device

    def tune(self, recipe: "Recipe", objective: "Objective", search: dict[str, Any]) -> "list[ArmTuning]":
        """Make the trials of every arm."""
        from optbench import optimizers, tune

        grid = _grid(search["grid"])
        if grid and search["budget"]:
            raise OptbenchError("--grid says how many trials there are, and so does --budget", "give one of them")
        return tune.tune(
            recipe,
            [optimizers.parse(text) for text in dict.fromkeys((*recipe.optims, *recipe.baselines))],
            objective,
            self._train,
            budget=search["budget"] or 16,
            grid=grid,
            seeds=search["tuning_seeds"],
            build={"device": self.device, "data_root": self.storage.data_root},
        )

    def test(self, recipe: "Recipe") -> "Comparison":
        """Train the chosen values with fresh seeds, and compare them on test data."""
        from optbench import plan, tasks
        from optbench.cli import _training
        from optbench.stats import ArmResult, compare

        arms = plan.build(recipe, recipe.optims, None, device=self.device, data_root=self.storage.data_root)
        specs = [spec for arm in arms for spec in arm.specs]
        results = iter(self._train(specs))
        found = []
        for arm in arms:
            runs = tuple(next(results) for _ in arm.specs)
            found.append(ArmResult(arm.reference.text, arm.role, runs[0].executor, runs))
        task = tasks.info(recipe.task, recipe.data)
        return compare(
            found,
            task.metrics,
            task.primary,
            recipe=recipe.name,
            settings=_training.settings(recipe, self.device),
            machine=_training.machine(self.device),
        )

    def _train(self, specs: Any) -> Any:
        from optbench.cli import _training

        return _training.train_all(specs, self.store, self.storage, self.show, self.jobs) if specs else []
