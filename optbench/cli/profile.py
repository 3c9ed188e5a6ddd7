"""`optbench profile`: where an epoch's time and memory go, for one optimizer or several side by side."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.cli import Interrupted, _completion, _options, _output
from optbench.cli._cost_options import seconds, share
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.cli._display import Quiet
    from optbench.measure import CostSettings
    from optbench.measure._profiled import Profile
    from optbench.plan import Arm

LAUNCHES = 3
_FILE = click.Path(path_type=Path)


def _settings(function: _options.F) -> _options.F:
    """Add the options that replace a setting of the recipe."""
    return _options.stack(
        click.option(
            "--batch-size", type=click.IntRange(min=1), metavar="N", help="Samples a step instead of the recipe's."
        ),
        click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), help="Arithmetic of the model."),
        click.option("--device", default="cpu", show_default=True, help="Where to train: cpu, cuda or cuda:N."),
        click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads of one run."),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights and data."),
        _options.data_root(),
        click.option("--synthetic", is_flag=True, help="Train on generated data of the recipe's shape."),
    )(function)


def _measuring(function: _options.F) -> _options.F:
    """Add the options that say how long to time, and what to write besides."""
    return _options.stack(
        click.option(
            "--cost-precision",
            callback=share,
            metavar="PERCENT",
            default="2%",
            show_default=True,
            help="Time until 95 % intervals are this narrow to each side.",
        ),
        click.option(
            "--cost-budget",
            callback=seconds,
            metavar="SECONDS",
            default="20",
            show_default=True,
            help="Time phases no longer than this.",
        ),
        click.option("--scale", metavar="N,...", help="Show growth with the number of parameters: 1M,10M,100M."),
        click.option("--plot", type=_FILE, metavar="FILE", help="Write that growth as a picture: .svg or .png."),
        click.option("--trace", type=_FILE, metavar="FILE", help="Write a trace for Perfetto or Chrome: .json."),
        click.option("--memory-snapshot", type=_FILE, metavar="FILE", help="Write torch's snapshot of CUDA memory."),
    )(function)


@click.command("profile", short_help="Show where an epoch's time and memory go.")
@click.argument("recipe", default="digits-cnn", shell_complete=_completion.recipes)
@click.option(
    "--optims",
    metavar="REF,...",
    shell_complete=_completion.references,
    help=_options.optimizers_of("Optimizers, by default the recipe's"),
)
@_settings
@_measuring
@_options.output("table", "json", "markdown", "csv", "html")
def command(
    recipe: str, optims: str | None, device: str, seed: int, form: str, quiet: bool, synthetic: bool, **options: Any
) -> None:
    """Profile optimizers on a RECIPE (default: digits-cnn), side by side; nothing is trained to its end.

    Time of an epoch by phase, the work of a step beside a copy of its bytes, the memory of an iteration by kind. The
    base of an xgrad+NAME is measured too: the prediction's share is the difference to it.

    \b
    optbench profile --optims adamw,xgrad+adamw
    optbench profile --optims adaplus,torch.optim.RAdam --trace trace.json
    optbench profile --optims adamw,radam:impl=eager --scale 1M,10M --plot growth.svg
    """
    from optbench import recipe as recipes
    from optbench.measure import CostSettings
    from optbench.measure.scale import parse_sizes
    from optbench.report import profile as report

    sizes = parse_sizes(scale) if (scale := options.pop("scale")) else ()
    files = {name: options.pop(name) for name in ("plot", "trace", "memory_snapshot")}
    _check_files(files, device, sizes)
    data_root = options.pop("data_root")
    precision, budget = options.pop("cost_precision"), options.pop("cost_budget")
    timer = CostSettings(precision, budget, LAUNCHES, synthetic)
    chosen = recipes.load(recipe).override(**options)
    arms = _arms(chosen, optims, device, seed, data_root)
    from optbench.cli._display import display

    with display(quiet) as show, _interruptible():
        found = _profiled(arms, chosen, timer, sizes, data_root, show)
    _options.say(report.render(found, form, **_options.terminal()))
    with display(quiet) as show, _interruptible():
        _write(found, arms, timer, data_root, files, show)


def _arms(recipe: Any, optims: str | None, device: str, seed: int, data_root: Path | None) -> "list[Arm]":
    """Return the arms named, and the bases of those that predict weights as their baselines."""
    from optbench import optimizers, plan
    from optbench.cli import _training
    from optbench.measure.profile import base_of

    named = plan.resolve(recipe, recipe.optims if optims is None else optimizers.parse_list(optims))
    bases = [base for each in named if (base := base_of(each)) is not None]
    return _training.plan_arms(recipe, named, bases, seeds=[seed], device=device, data_root=data_root)


def _check_files(files: dict[str, Path | None], device: str, sizes: Sequence[int]) -> None:
    """Refuse files that cannot be written or would hold nothing, before anything is measured."""
    for name, path in files.items():
        if path is not None:
            _output.check_file("--" + name.replace("_", "-"), path)
    if (plot := files["plot"]) is not None:
        if not sizes:
            raise OptbenchError(f"--plot {plot}: it shows growth with the number of parameters", "give --scale too")
        from optbench.report.profile_plot import check_form

        check_form(plot)
    if (path := files["memory_snapshot"]) is not None and not device.startswith("cuda"):
        what = f"--memory-snapshot {path} is of CUDA's allocator, and the device is {device}"
        raise OptbenchError(what, "use --device cuda; on the CPU the table of memory says what there is")


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("a profile is not stored; run the same command again") from None


def _profiled(
    arms: "Sequence[Arm]",
    recipe: Any,
    timer: "CostSettings",
    sizes: Sequence[int],
    data_root: Path | None,
    show: "Quiet",
) -> "Profile":
    """Have the data here, and measure."""
    from optbench import datasets
    from optbench.cli import _training
    from optbench.measure.profile import profile

    if not timer.synthetic:
        datasets.fetch(recipe.data, root=data_root, progress=show.download, options=recipe.data_options)
    device = arms[0].specs[0].device
    return profile(
        arms,
        settings=timer,
        said=(_training.settings(recipe, device), _training.machine(device)),
        sizes=sizes,
        data_root=data_root,
        stages=show.measuring,
        note=show.note,
    )


def _write(
    found: "Profile",
    arms: "Sequence[Arm]",
    timer: "CostSettings",
    data_root: Path | None,
    files: dict[str, Path | None],
    show: "Quiet",
) -> None:
    """Write the picture, the trace and the snapshot that were asked for; optimizers that failed are left out."""
    if (plot := files.pop("plot")) is not None:
        from optbench.report.profile_plot import write

        write(found.scale, plot)
        show.note(f"wrote {plot}")
    fit = [arm for arm, seen in zip(arms, found.arms, strict=True) if seen.status == "ok"]
    for name, path in files.items():
        if path is None:
            continue
        if not fit:
            raise OptbenchError(f"{path} was not written: every optimizer failed", "see the warnings")
        from optbench.measure.profile import write_file

        write_file(name, path, fit, settings=timer, data_root=data_root)
        show.note(f"wrote {path}")
