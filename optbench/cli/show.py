"""`optbench show`: everything known about one optimizer, recipe, dataset, model or paper."""

import click

from optbench.cli import _completion, _options
from optbench.cli._kinds import kinds
from optbench.errors import OptbenchError, nearest


@click.command("show", short_help="Show all about an optimizer, recipe, dataset, model or paper.")
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="[optimizer|recipe|dataset|model|paper] NAME",
    shell_complete=_completion.shown,
)
def command(words: tuple[str, ...]) -> None:
    """Show an optimizer's equations and costs, a paper's tables and their recipes, or what a recipe or model is.

    NAME may also be a reference with options; state and traffic are then those of the options. What bears the same
    name (xgrad is a wrapper and a paper) is shown together, unless its kind is said.

    \b
    optbench show adaplus
    optbench show xgrad+adamw:s=2
    optbench show digits-cnn
    optbench show paper xgrad
    """
    from optbench.cli import _pages

    if len(words) > 2:
        raise OptbenchError(f"'{' '.join(words)}' is more than a kind and a name", "see 'optbench show --help'")
    kind, name = (None, *words) if len(words) == 1 else words
    if kind in (None, "recipe") and name.endswith(".toml"):
        _options.say(_pages.recipe(name))
        return
    if kind in (None, "optimizer") and any(sign in name for sign in ":+."):
        from optbench import optimizers

        _options.say(_pages.reference(optimizers.parse(name)))
        return
    known = {one.singular: one for one in kinds().values()}
    if kind is not None and kind not in known:
        raise OptbenchError(f"unknown kind '{kind}'", nearest(kind, known) or f"one of {', '.join(known)}")
    asked = known if kind is None else {kind: known[kind]}
    found = [one for one in asked.values() if name in one.names()]
    if not found:
        hint = nearest(name, [each for one in asked.values() for each in one.names()]) or "see 'optbench list'"
        raise OptbenchError(f"no {kind or 'optimizer, recipe, dataset, model or paper'} is called '{name}'", hint)
    _options.say("\n\n\n".join(_pages.PAGES[one.singular](name) for one in found))
