"""`optbench data`: which data sets are here, and bringing those that are not."""

import json
from pathlib import Path
from typing import Any

import click

from optbench.cli import _completion, _display, _options
from optbench.errors import OptbenchError

SCHEMA = "optbench.data/1"
_ROOT = _options.data_root("Folder to look in first.")


@click.group("data", short_help="Show which data sets are here; download and verify them.")
def command() -> None:
    """Show which data sets are here, or download and verify some.

    \b
    optbench data list
    optbench data fetch cifar10
    """


@command.command("list", short_help="Show what is here, where, and whether it is verified.")
@_ROOT
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print the result.",
)
def list_(data_root: Path | None, form: str) -> None:
    """Show every data set: whether it is here and where.

    Its status is `verified` (the published bytes, by their checksum), `other bytes` (whole, but not what was
    published, such as CIFAR as JPEG files), `damaged`, or `not here`. What is new is verified, which may take a
    while; what has not changed since is not read again.

    \b
    optbench data list
    """
    from optbench import datasets
    from optbench.datasets._places import data_root as checked

    data_root = checked(data_root)
    found = [_facts(name, data_root) for name in datasets.names()]
    if form == "json":
        _options.say(json.dumps({"schema": SCHEMA, "datasets": found}, indent=2))
        return
    from tabulate import tabulate

    rows = [(each["name"], each["status"], each["detail"]) for each in found]
    table = tabulate(rows, ("data set", "status", "where"), tablefmt="plain", disable_numparse=True)
    _options.say("\n".join(line.rstrip() for line in table.splitlines()))


@command.command("fetch", short_help="Find, download, verify and decode data sets.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=_completion.datasets)
@_ROOT
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@_display.verbosity
def fetch(names: tuple[str, ...], data_root: Path | None, quiet: bool) -> None:
    """Have data sets on this machine: found, or downloaded into the cache, then verified and decoded.

    A download that broke off is continued. The cache is $XDG_CACHE_HOME/optbench, else ~/.cache/optbench.

    \b
    optbench data fetch cifar10 fashion-mnist
    """
    from optbench import datasets
    from optbench.cli._display import display

    for name in names:
        datasets.info(name)  # a mistyped name is told before hours of downloading
    with display(quiet) as show:
        for name in names:
            provenance = datasets.fetch(name, root=data_root, progress=show.download)
            _options.say(f"{name}: {provenance}, sha256 {datasets.checksum(name, root=data_root)}")
            _options.say(f"  licence: {datasets.info(name).licence}")


def _facts(name: str, data_root: Path | None) -> dict[str, Any]:
    """Return, JSON-ready, what is known of a data set on this machine."""
    from optbench import datasets
    from optbench.datasets import Found

    found: Found | None = None
    try:
        found = datasets.locate(name, root=data_root)
        problem = None
    except OptbenchError as error:
        problem = str(error)
    if problem is not None:
        status, detail = "damaged", problem
    elif found is None:
        own = not any(datasets.info(name).splits.values())
        status, detail = "not here", "your own: its path stands in a recipe" if own else f"optbench data fetch {name}"
    else:
        status, detail = "verified" if found.exact else "other bytes", found.place or "embedded in optbench"
        detail += f" ({found.variant})" if found.variant else ""
    return {
        "name": name,
        "status": status,
        "detail": detail,
        "place": found.place if found else None,
        "variant": found.variant if found else None,
        "exact": found.exact if found else None,
        "sha256": found.checksum if found else None,
        "published_sha256": datasets.info(name).checksum,
    }
