"""Files that a comparison is written to besides what is printed: figures and the HTML report.

files = taken(options)            before anything trains: a file that cannot be written is told at once
files.write(sheets, command())    when all is done
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.cli._options import F, stack
from optbench.cli._sheets import Sheet, html
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.recipe import Recipe

FILE = click.Path(path_type=Path)
_AXES = ("epoch", "update", "second")


def figure_options(function: F) -> F:
    """Add the options of figures."""
    return stack(
        click.option(
            "--figure",
            "figures",
            type=FILE,
            multiple=True,
            metavar="FILE",
            help="Draw the curves for a paper: .pdf, .svg or .png; may be given repeatedly.",
        ),
        click.option(
            "--figure-x", type=click.Choice(_AXES), default=_AXES[0], show_default=True, help="What the curves go by."
        ),
        click.option(
            "--figure-y",
            metavar="METRIC",
            help="What they show: a metric (by default the primary one), loss, the training loss, or gradients, their "
            "histograms.",
        ),
    )(function)


def report_option(function: F) -> F:
    """Add the option of the HTML report."""
    return click.option(
        "--report", "report", type=FILE, metavar="FILE", help="Write a report to look at: one .html file."
    )(function)


@dataclass(frozen=True)
class Files:
    """What the options said."""

    figures: tuple[Path, ...] = ()
    x: str = _AXES[0]
    y: str | None = None
    report: Path | None = None

    def check(self, recipes: "Sequence[Recipe]") -> None:
        """Refuse a figure of what runs of these recipes will not have, before any of them trains.

        Raises:
            OptbenchError: an unknown metric, or gradients that are not recorded.
        """
        if self.y is None or not self.figures:
            return
        from optbench import tasks
        from optbench.report import figure

        for recipe in recipes:
            metrics = [metric.name for metric in tasks.info(recipe.task, recipe.data).metrics]
            figure.check_quantity(self.y, metrics, recipe.name, recipe.gradient_histograms > 0, len(recipes))

    def write(self, sheets: Sequence[Sheet], told: str, data_root: Path | None = None) -> list[Path]:
        """Write all files, each whole or not at all, and return them.

        Args:
            sheets: one a recipe.
            told: the command, for the report.
            data_root: folder in which data were looked for first.

        Raises:
            OptbenchError: the runs lack what a figure shows, a package is missing, or a disk is full.
        """
        if self.figures:
            from optbench.report import figure

            drawn = figure.draw([sheet.comparison for sheet in sheets], self.x, self.y)
            for path in self.figures:
                figure.write(drawn, path)
        if self.report is not None:
            from optbench._files import write

            write(self.report, html(sheets, told, data_root).encode())
        return [*self.figures, *([self.report] if self.report else [])]


def taken(options: dict[str, Any], trains: bool = True) -> Files:
    """Take the options of this module out of a command's options, as far as it has them.

    Args:
        options: of the command.
        trains: whether there will be curves to draw.

    Raises:
        OptbenchError: a file that cannot be written, a package that is missing, or a figure of nothing.
    """
    figures, report = options.pop("figures", ()), options.pop("report", None)
    files = Files(figures, options.pop("figure_x", _AXES[0]), options.pop("figure_y", None), report)
    if figures and not trains:
        raise OptbenchError(f"--figure {figures[0]} shows training, and nothing is trained", "leave out one of the two")
    if files.y is not None and not figures:
        raise OptbenchError(f"--figure-y {files.y} has no effect without --figure", "give --figure FILE too")
    for path in figures:
        from optbench.report import figure

        figure.check(path)
        check_file("--figure", path)
    if report is not None:
        if report.suffix != ".html":
            raise OptbenchError(f"--report {report}: a report is one .html file", "name such a file")
        check_file("--report", report)
    return files


def check_file(option: str, path: Path) -> None:
    """Refuse a file whose folder is not there, that is a folder, or that may not be written."""
    if path.is_dir():
        raise OptbenchError(f"{option} {path}: it is a folder", "name a file")
    if not path.parent.is_dir():
        raise OptbenchError(f"{option} {path}: there is no folder {path.parent}", "make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OptbenchError(f"{option} {path}: writing is not permitted", "name another file")


def say_written(paths: Sequence[Path], quiet: bool) -> None:
    """Say on stderr which files were written."""
    if not quiet:
        for path in paths:
            click.echo(f"wrote {path}", err=True)
