"""`optbench list`: what there is."""

import click

from optbench.cli import _completion, _options
from optbench.cli._kinds import Kind, kinds
from optbench.errors import OptbenchError, nearest


@click.command("list", short_help="Show what there is: optimizers, recipes, datasets, models, papers.")
@click.argument(
    "kind",
    required=False,
    metavar="[optimizers|recipes|datasets|models|papers]",
    shell_complete=_completion.listed,
)
@click.argument("pattern", required=False)
def command(kind: str | None, pattern: str | None) -> None:
    """Show what there is, of one kind or of all; PATTERN is a shell pattern such as 'ada*'.

    Optimizers that an installed package offers (entry points optbench.optimizers) are listed with that package.

    \b
    optbench list
    optbench list optimizers 'ada*'
    """
    known = kinds()
    if pattern is None and kind is not None and kind not in known:
        kind, pattern = None, kind  # `optbench list 'ada*'` looks at every kind
    if kind is not None and kind not in known:
        raise OptbenchError(f"unknown kind '{kind}'", nearest(kind, known) or f"one of {', '.join(known)}")
    chosen = list(known.values()) if kind is None else [known[kind]]
    parts = {one.plural: one.matching(pattern or "*") for one in chosen}
    if not any(parts.values()):
        words = [*known, *(name for one in chosen for name in one.names())]
        raise OptbenchError(f"nothing is called '{pattern}'", nearest(pattern or "", words) or "see 'optbench list'")
    blocks = [_block(one, parts[one.plural], len(chosen) > 1) for one in chosen if parts[one.plural]]
    _options.say("\n\n".join(blocks))


def _block(kind: Kind, names: list[str], headed: bool) -> str:
    from tabulate import tabulate

    rows = [(name, *kind.row(name)) for name in names]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    body = "\n".join(line.rstrip() for line in table.splitlines())
    return f"{kind.plural}\n" + "\n".join(f"  {line}" for line in body.splitlines()) if headed else body
