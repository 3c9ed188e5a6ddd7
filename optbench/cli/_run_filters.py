"""The options by which `optbench runs` chooses among what is stored."""

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from optbench.cli import _completion, _options
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.runs import Filter, Stored, StoredCost

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_STATUSES = ("ok", "diverged", "out_of_memory", "error", "running", "unfinished", "damaged")
_OF_RUNS_ALONE = ("recipe", "status", "seed", "unfinished", "current", "other")


class Age(click.ParamType[float]):
    """A time span such as 90s, 30m, 12h, 7d or 2w, in seconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", str(value))
        if not found:
            self.fail(f"{value!r} is no age; write a number and s, m, h, d or w, such as 30d", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


def filters(function: F) -> F:
    """Add the options that choose among runs; `taken` makes a filter of them."""
    return _options.stack(
        click.option(
            "--recipe",
            metavar="PATTERN",
            multiple=True,
            help="Of recipes whose names match, such as 'xgrad/*'.",
            shell_complete=_completion.recipe_names_stored,
        ),
        click.option(
            "--optim",
            metavar="PATTERN",
            multiple=True,
            help="Of optimizers whose name or reference matches; a comma separates patterns.",
            shell_complete=_completion.references,
        ),
        click.option("--status", type=click.Choice(_STATUSES), multiple=True, help="That ended so."),
        click.option("--seed", type=click.IntRange(min=0), metavar="N", multiple=True, help="With this seed."),
        click.option("--older-than", type=Age(), metavar="AGE", help="Not written to for so long: 30m, 12h, 7d, 4w."),
        click.option("--newer-than", type=Age(), metavar="AGE", help="Written to within so long."),
        click.option("--unfinished", is_flag=True, help="Without a result: cut short, damaged, or at work."),
        click.option("--current", is_flag=True, help="Made by this version of optbench, torch and Python."),
        click.option("--other", is_flag=True, help="Made by another version, so that no command uses them."),
    )(function)


def given(options: dict[str, Any]) -> bool:
    """Tell whether any filter was given."""
    return any(value not in (None, False, ()) for value in options.values())


def taken(options: dict[str, Any]) -> "Filter":
    """Return the filter that the options ask for.

    Raises:
        OptbenchError: for --current together with --other.
    """
    from optbench.runs import Filter

    if options["current"] and options["other"]:
        raise OptbenchError("--current and --other leave nothing", "give one of them")
    return Filter(
        recipes=options["recipe"],
        optims=tuple(pattern for text in options["optim"] for pattern in text.split(",")),
        statuses=options["status"],
        seeds=options["seed"],
        older_than=options["older_than"],
        newer_than=options["newer_than"],
        unfinished=options["unfinished"],
        current=True if options["current"] else False if options["other"] else None,
        now=time.time(),
    )


def chosen(runs: "Sequence[Stored]", keys: Sequence[str], options: dict[str, Any]) -> "list[Stored]":
    """Return the runs that keys name, or all, as far as the filters let them through."""
    from optbench.runs import find, select

    named = list({run.key: run for run in (find(runs, key) for key in keys)}.values()) if keys else runs
    return select(named, taken(options))


def chosen_costs(found: "Sequence[StoredCost]", keys: Sequence[str], options: dict[str, Any]) -> "list[StoredCost]":
    """Return the measurements that keys name, or all, as far as the filters let them through.

    Raises:
        OptbenchError: for a filter that only runs have.
    """
    from optbench.runs import find

    for name in _OF_RUNS_ALONE:
        if options[name] not in (False, ()):
            raise OptbenchError(f"--{name} with --costs: a measurement has none", "use --optim, --older-than or keys")
    wanted = taken(options)
    named = [find(found, key) for key in keys] if keys else found
    return [one for one in named if wanted.takes(one)]
