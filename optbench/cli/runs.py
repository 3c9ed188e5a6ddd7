"""`optbench runs`: what is stored, and taking it out or away."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.cli import _completion, _options, _run_filters
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.runs import Stored, StoredCost

_SHOWN = 10  # lines of what `rm` is about to remove
_PLACE = _options.runs_folder(eager=True)  # completion of keys asks for it
_COSTS = click.option("--costs", is_flag=True, help="Measurements of costs instead of runs.")
_FORM = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)


@click.group("runs", short_help="List, show, remove and export stored runs.")
def command() -> None:
    """List, show, remove and export what is stored: runs, and measurements of costs.

    A run is named by its key; the first digits are enough.

    \b
    optbench runs list --recipe digits-cnn --optim 'ada*'
    optbench runs rm --older-than 30d
    """


@command.command("list", short_help="Show what is stored, and the room that it takes.")
@_run_filters.filters
@_COSTS
@_PLACE
@_FORM
def list_(runs: Path, costs: bool, form: str, **options: Any) -> None:
    """Show the stored runs that all filters let through, the oldest first, and the room that each and all take.

    \b
    optbench runs list
    optbench runs list --unfinished
    optbench runs list --optim adamw,'xgrad+*' --status diverged
    optbench runs list --costs
    """
    from optbench import runs as stored
    from optbench.cli import _run_costs, _run_pages

    store = stored.opened(runs)
    if costs:
        chosen = _run_filters.chosen_costs(stored.costs(store), (), options)
        _options.say(_run_costs.costs(chosen, form))
        return
    everything = stored.stored(store)
    wanted = stored.select(everything, _run_filters.taken(options))
    if form == "json":
        documents = [{**stored.document(run), "result": None} for run in wanted]
        for each, run in zip(documents, wanted, strict=True):
            each["result"] = {"metrics": dict(run.result.metrics)} if run.result else None
        _options.say(json.dumps({"schema": stored.SCHEMA, "runs": documents}, indent=2, allow_nan=False))
        return
    _options.say(_run_pages.listing(wanted, everything, stored.costs(store), runs))


@command.command("show", short_help="Show a run: what it was, its figures, its history.")
@click.argument("key", shell_complete=_completion.run_keys)
@_PLACE
@_FORM
def show(key: str, runs: Path, form: str) -> None:
    """Show the run, or the measurement of costs, whose key begins with KEY: what it was, figures, history.

    \b
    optbench runs show 3fa9c2
    optbench runs show 3fa9c2 --format json
    """
    from optbench import runs as stored
    from optbench.cli import _run_pages

    store = stored.opened(runs)
    everything: list[Stored | StoredCost] = [*stored.stored(store), *stored.costs(store)]
    _options.say(_run_pages.page(stored.find(everything, key), form))


@command.command("rm", short_help="Remove runs, after asking.")
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=_completion.run_keys)
@_run_filters.filters
@click.option("--all", "everything", is_flag=True, help="Everything that is stored (still asks).")
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@_COSTS
@_PLACE
def rm(keys: tuple[str, ...], everything: bool, yes: bool, costs: bool, runs: Path, **options: Any) -> None:
    """Remove the runs named by KEY, or those that all filters let through. It asks first, and says how much goes.

    A run that a process is training now is left alone. What was removed is trained again when it is asked for.

    \b
    optbench runs rm 3fa9c2 77d0
    optbench runs rm --other --older-than 4w
    optbench runs rm --recipe 'my-*' --yes
    """
    from optbench import runs as stored
    from optbench.cli import _run_pages, _run_words

    if not (keys or everything or _run_filters.given(options)):
        raise OptbenchError("no runs are named", "give keys, filters such as --older-than 30d, or --all")
    store = stored.opened(runs)
    chosen: Sequence[Stored | StoredCost]
    if costs:
        chosen = _run_filters.chosen_costs(stored.costs(store), keys, options)
    else:
        chosen = _run_filters.chosen(stored.stored(store), keys, options)
    if not chosen:
        _options.say("nothing to remove")
        return
    size = _run_words.size(sum(one.bytes for one in chosen))
    what = f"{_run_words.counted(len(chosen), 'measurement' if costs else 'run')} ({size}) in {runs}"
    if not yes:
        _ask(f"remove {what}?", [_run_pages.line(one) for one in chosen])
    gone = [one for one in chosen if stored.delete(one)]
    _options.say(f"removed {len(gone)} of {what}")
    for one in chosen:
        if one not in gone:
            click.echo(f"note: {_run_pages.line(one)} is being trained and stays", err=True)


def _ask(question: str, lines: list[str]) -> None:
    """Ask on the terminal; an answer other than yes ends the command."""
    if not sys.stdin.isatty():
        raise OptbenchError(f"{question} There is no terminal to ask on", "say --yes")
    more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    for line in [*lines[:_SHOWN], *more]:
        click.echo(f"  {line}", err=True)
    click.confirm(question, abort=True, err=True)


@command.command("export", short_help="Write runs to a file: JSON lines, or histories as CSV.")
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=_completion.run_keys)
@_run_filters.filters
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="NAME.jsonl: a run a line, with all that is known of it; NAME.csv: an epoch a row.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@_PLACE
def export(keys: tuple[str, ...], output: Path, force: bool, runs: Path, **options: Any) -> None:
    """Write the runs named by KEY, or those that all filters let through, or all, to a file for other programs.

    The file appears whole or not at all.

    \b
    optbench runs export -o runs.jsonl
    optbench runs export --recipe digits-cnn --status ok -o histories.csv
    """
    from optbench import runs as stored
    from optbench._files import write

    forms: dict[str, Callable[[list[Stored]], str]] = {".jsonl": stored.json_lines, ".csv": stored.histories_csv}
    if output.suffix not in forms:
        raise OptbenchError(f"-o {output}: the name says neither JSON lines nor CSV", "write NAME.jsonl or NAME.csv")
    if output.exists() and not force:
        raise OptbenchError(f"{output} is there already", "choose another name, or write over it with --force")
    chosen = _run_filters.chosen(stored.stored(stored.opened(runs)), keys, options)
    if not chosen:
        raise OptbenchError("no stored run is meant, so there is nothing to write", "see 'optbench runs list'")
    write(output, forms[output.suffix](chosen).encode())
    _options.say(f"wrote {len(chosen)} {'run' if len(chosen) == 1 else 'runs'} to {output}")
