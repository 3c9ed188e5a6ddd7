"""The options that commands share, each declared once."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from optbench.cli import _display

F = TypeVar("F", bound=Callable[..., Any])


def stack(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return one decorator that adds the options in the order given."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def optimizers_of(text: str) -> str:
    """Return the help text for an option that takes references."""
    return f"{text}: NAME[:key=value]..., such as adamw:lr=3e-4 or xgrad+sgdm, or an import path."


def overrides(function: F) -> F:
    """Add the options that replace a setting of the recipe."""
    return stack(
        click.option(
            "--epochs", type=click.IntRange(min=1), metavar="N", help="Epochs of a run instead of the recipe's."
        ),
        click.option(
            "--batch-size",
            type=click.IntRange(min=1),
            metavar="N",
            help="Images (columns, tokens) a step instead of the recipe's.",
        ),
        click.option(
            "--protocol",
            type=click.Choice(["standard", "paper"]),
            help="standard: test data once, at the end; paper: the best test figure over epochs.",
        ),
        click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), help="Arithmetic of the model."),
        click.option("--device", default="cpu", show_default=True, help="Where to train: cpu, cuda or cuda:N."),
        click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads of one run."),
        click.option(
            "--compile/--no-compile", "compile", default=None, help="Run the model through torch.compile, or do not."
        ),
        click.option(
            "--channels-last/--no-channels-last", "channels_last", default=None, help="Lay images out channels last."
        ),
    )(function)


def runs_folder(*, eager: bool = False) -> Callable[[F], F]:
    """Return the option that says where runs are; an eager one is read before the arguments of the command."""
    return click.option(
        "--runs",
        type=click.Path(file_okay=False, path_type=Path),
        default=".optbench",
        show_default=True,
        envvar="OPTBENCH_RUNS",
        show_envvar=True,
        is_eager=eager,
        help="Folder that keeps finished runs.",
    )


def data_root(text: str = "Folder to look for data in first.") -> Callable[[F], F]:
    """Return the option that says where data are."""
    return click.option(
        "--data-root",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="OPTBENCH_DATA",
        show_envvar=True,
        help=text,
    )


def storage(function: F) -> F:
    """Add the options that say where runs and data are."""
    return stack(
        runs_folder(),
        data_root(),
        click.option("--rerun", is_flag=True, help="Train and measure again what is stored already."),
    )(function)


def keep_weights(function: F) -> F:
    """Add the option that keeps trained weights."""
    return click.option("--keep-weights", is_flag=True, help="Keep each run's weights, as weights.pt in its folder.")(
        function
    )


def output(*formats: str) -> Callable[[F], F]:
    """Add the options that shape what is printed; the first format is the default."""
    return stack(
        click.option(
            "--format",
            "form",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            help="How to print the result.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on stderr."),
        _display.verbosity,
    )


def say(text: str) -> None:
    """Print a result; a stdout that is not Unicode gets ASCII in place of what it cannot show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for sign, plain in (("±", "+-"), ("–", "-"), ("─", "-"), ("µ", "u")):
            text = text.replace(sign, plain)
        text = text.encode(encoding, "replace").decode(encoding)
    click.echo(text, nl=not text.endswith("\n"))


def terminal() -> dict[str, Any]:
    """Return width and colour for `report.render`: unlimited and none unless stdout is a terminal."""
    if not sys.stdout.isatty():
        return {"width": None, "colour": False}
    dumb = os.environ.get("TERM") == "dumb"
    return {
        "width": shutil.get_terminal_size().columns,
        "colour": not dumb and not os.environ.get("NO_COLOR"),
    }
