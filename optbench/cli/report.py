"""`optbench report`: tables, figures and the HTML report of what is stored. Nothing is trained, torch is not loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.cli import _completion, _cost_options, _options, _output, _sheets
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from optbench.cli._output import Files
    from optbench.cli._sheets import Sheet
    from optbench.cli._stored import Wanted

FORMS = {".html": "html", ".md": "markdown", ".json": "json", ".csv": "csv", ".tex": "latex", ".txt": "table"}
"""The form of a file by its suffix."""


def _words(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Complete a recipe that runs are stored of, or the key of one."""
    found = _completion.recipe_names_stored(ctx, param, incomplete)
    return found or _completion.run_keys(ctx, param, incomplete)


@click.command("report", short_help="Report on stored runs: tables, figures, HTML. Trains nothing.")
@click.argument("runs_", metavar="RUNS...", nargs=-1, required=True, shell_complete=_words)
@click.option("-o", "--out", type=_output.FILE, metavar="FILE", help=f"Write the report to a file: {', '.join(FORMS)}.")
@_output.figure_options
@click.option("--optims", metavar="PATTERN,...", help="Only these optimizers, such as 'ada*'; all by default.")
@click.option(
    "--baselines",
    metavar="REF,...",
    shell_complete=_completion.references,
    help="Compare with these, by default the recipe's; none for none.",
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Only the seeds 0 to N-1.")
@click.option("--margin", multiple=True, metavar="METRIC:VALUE", help="As for compare.")
@click.option(
    "--target", multiple=True, metavar="[RECIPE=]VALUE", help="As for compare; for one recipe with its name in front."
)
@click.option(
    "--performance-profile", is_flag=True, help="Score the optimizers over several recipes, as AlgoPerf does."
)
@click.option(
    "--by",
    type=click.Choice(["second", "update", "epoch"]),
    default="second",
    show_default=True,
    help="What a performance profile counts until the target is reached.",
)
@_options.overrides
@_options.runs_folder()
@_options.data_root("Folder in which the data were looked for first.")
@_options.output("table", "json", "markdown", "csv", "latex", "html")
def command(
    runs_: tuple[str, ...], out: Path | None, form: str, quiet: bool, performance_profile: bool, by: str, **options: Any
) -> None:
    """Report on RUNS that are stored: recipes (all their runs), saved comparisons, or keys of runs.

    Of a recipe those runs are taken that this optbench would not train again: same source, settings and data. Runs
    named by key are taken as they are, and grouped by recipe and settings. A comparison kept with --save has its
    figures, but no curves.

    \b
    optbench report digits-cnn -o report.html
    optbench report digits-cnn --figure curves.pdf --format latex
    optbench report digits-cnn fashion-lenet --performance-profile --figure profile.pdf
    """
    files = _output.taken(options)
    form = _form(out, form)
    if performance_profile and files.y is not None:
        raise OptbenchError(f"--figure-y {files.y} is of curves", "leave it out with --performance-profile")
    from optbench.cli import _stored
    from optbench.cli._display import display

    with display(quiet) as show:
        wanted = _wanted(options, show.note)
        sheets = _stored.comparisons(runs_, wanted)
    if performance_profile:
        _profile(sheets, by, form, out, files, quiet)
        return
    text = _text(sheets, form, out, wanted)
    _output.say_written(files.write(sheets, _sheets.command(), wanted.data_root), quiet)
    _publish(text, out, quiet)


def _form(out: Path | None, form: str) -> str:
    """Return the form that --format names, or else that the file's suffix has."""
    if out is None:
        return form
    _output.check_file("--out", out)
    if _cost_options.given("form"):
        return form
    if out.suffix not in FORMS:
        raise OptbenchError(f"--out {out}: its form is not known", f"name a file with {', '.join(FORMS)}, or --format")
    return FORMS[out.suffix]


def _wanted(options: dict[str, Any], note: Any) -> "Wanted":
    from optbench.cli import _stored

    def listed(text: str | None) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",")) if text and text != "none" else ()

    baselines = options.pop("baselines")
    return _stored.Wanted(
        runs=options.pop("runs"),
        data_root=options.pop("data_root"),
        device=options.pop("device"),
        optims=listed(options.pop("optims")),
        baselines=None if baselines is None else listed(baselines),
        seeds=options.pop("seeds"),
        margins=options.pop("margin"),
        targets=options.pop("target"),
        settings=options,
        note=note,
    )


def _text(sheets: "Sequence[Sheet]", form: str, out: Path | None, wanted: "Wanted") -> str:
    """Return the report in its form."""
    if form == "html":
        return _sheets.html(sheets, _sheets.command(), wanted.data_root)
    from optbench.report import published, render, render_several

    terminal = _options.terminal() if out is None else {"width": None, "colour": False}
    found = [sheet.comparison for sheet in sheets]
    overlays = [sheet.overlay for sheet in sheets]
    if len(found) > 1:
        return published.joined_several(render_several(found, form, **terminal), overlays, form, terminal["width"])
    return published.joined(render(found[0], form, **terminal), overlays[0], form, terminal["width"])


def _profile(sheets: "Sequence[Sheet]", by: str, form: str, out: Path | None, files: "Files", quiet: bool) -> None:
    """Report a performance profile instead of the comparisons."""
    from optbench.report import figure, performance_text
    from optbench.report.performance_profile import profile

    if form == "html":
        raise OptbenchError("a performance profile has no HTML form", "write --format latex, or --figure profile.svg")
    found = profile([sheet.comparison for sheet in sheets], by)
    terminal = _options.terminal() if out is None else {"width": None, "colour": False}
    if files.figures:
        drawn = performance_text.draw(found)
        for path in files.figures:
            figure.write(drawn, path)
    _output.say_written(files.figures, quiet)
    _publish(performance_text.render(found, form, **terminal), out, quiet)


def _publish(text: str, out: Path | None, quiet: bool) -> None:
    """Print the report, or write it to its file."""
    if out is None:
        _options.say(text)
        return
    from optbench._files import write

    write(out, text.encode())
    _output.say_written([out], quiet)
