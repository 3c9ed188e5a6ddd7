"""The kinds of things that `list` and `show` know, each with its names and a line about each. No torch."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import click

from optbench.errors import OptbenchError


@dataclass(frozen=True)
class Kind:
    """One kind, such as the optimizers: how to get all names, and a few words about one."""

    plural: str
    singular: str
    names: Callable[[], list[str]]
    row: Callable[[str], tuple[str, ...]]  # the cells after the name

    def matching(self, pattern: str) -> list[str]:
        """Return the names that match a shell pattern."""
        return [name for name in self.names() if fnmatchcase(name, pattern)]


def kinds() -> dict[str, Kind]:
    """Return every kind by its plural, in the order in which `list` shows them."""
    from optbench import datasets, models, published, recipe

    found = (
        Kind("optimizers", "optimizer", _optimizers, _optimizer),
        Kind("recipes", "recipe", recipe.names, _recipe),
        Kind("datasets", "dataset", datasets.names, _dataset),
        Kind("models", "model", models.names, _model),
        Kind("papers", "paper", published.names, _paper),
    )
    return {kind.plural: kind for kind in found}


def _optimizers() -> list[str]:
    from optbench import optimizers

    return [*optimizers.names(), *optimizers.wrappers(), *optimizers.plugins()]


def _optimizer(name: str) -> tuple[str, ...]:
    from optbench import optimizers

    plugin = optimizers.plugins().get(name)
    if plugin is None:
        entry = optimizers.info(name)
        made = f"wrapper: {name}+NAME" if entry.wrapper else " ".join(entry.offered)
        return entry.title, made, entry.paper
    try:
        found = optimizers.parse(name).entry
    except OptbenchError as error:  # somebody else's package is broken: the others are listed all the same
        click.echo(f"note: {plugin.origin} offers '{name}', which cannot be used: {error}", err=True)
        return "(cannot be used)", "", plugin.origin
    title, made = (found.title, " ".join(found.offered)) if found else ("class " + plugin.path, "")
    return title, made, plugin.origin


def _recipe(name: str) -> tuple[str, ...]:
    from optbench import recipe

    found = recipe.load(name)
    if found.name != name:
        return (f"another name of {found.name}",)
    counts = ((found.epochs, "epoch"), (found.seeds, "seed"))
    return found.title, ", ".join(f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in counts)


def _dataset(name: str) -> tuple[str, ...]:
    from optbench import datasets

    facts = datasets.info(name)
    shape = f"{' x '.join(map(str, facts.shape))}, " if isinstance(facts, datasets.ImageInfo) else ""
    total = sum(facts.splits.values())
    return facts.title, f"{shape}{total:,} {facts.examples}" if total else f"{facts.examples} of your own"


def _model(name: str) -> tuple[str, ...]:
    from optbench import models

    return (models.info(name).title,)


def _paper(name: str) -> tuple[str, ...]:
    from optbench import published

    found = published.paper(name)
    return found.title, f"arXiv:{found.arxiv}", f"{len(found.tables)} tables"
