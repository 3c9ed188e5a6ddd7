"""What an option or argument may be completed to, for click's `shell_complete=`. No torch is imported.

A callback takes click's context, the parameter and the text so far, and returns whole words. One of type `open` goes on
(`adamw:lr=` wants a value), so the shell adds no space after it. A mistake earlier on the line completes to nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.optimizers import Entry, Hyperparameter

Items = list[CompletionItem[str]]
Callback = Callable[[click.Context, click.Parameter, str], Items]


def _forgiving(function: Callable[..., Iterable[CompletionItem[str]]]) -> Callback:
    """Return a callback that completes to nothing what optbench cannot read."""

    @wraps(function)
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        try:
            return list(function(ctx, param, incomplete))
        except OptbenchError:
            return []

    return complete


def _beginning(incomplete: str, words: Iterable[str], **more: Any) -> Iterator[CompletionItem[str]]:
    return (CompletionItem(word, **more) for word in words if word.startswith(incomplete))


# --- references ----------------------------------------------------------------------------------------------------


@_forgiving
def references(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Complete the last of several references: its wrapper and name, then keys after a colon, then a key's value."""
    before, comma, current = incomplete.rpartition(",")
    for item in _reference(current):
        yield CompletionItem(f"{before}{comma}{item.value}", item.type, item.help)


def _reference(current: str) -> Iterator[CompletionItem[str]]:
    from optbench import optimizers

    head, colon, rest = current.partition(":")
    if colon:
        yield from _option(head, rest)
        return
    wrapper, plus, name = head.rpartition("+")
    if not plus:
        wrappers = ((each, optimizers.info(each).title) for each in optimizers.wrappers() if each.startswith(name))
        yield from (CompletionItem(f"{each}+", "open", f"{title}, over any optimizer") for each, title in wrappers)
    for each in (*optimizers.names(), *optimizers.plugins()):
        if each.startswith(name):
            yield CompletionItem(f"{wrapper}{plus}{each}", "plain", _title(each))


def _title(name: str) -> str:
    """Return what to say of an optimizer; a plug-in's code is not loaded for it."""
    from optbench import optimizers

    plugin = optimizers.plugins().get(name)
    return plugin.origin if plugin else optimizers.info(name).title


def _option(head: str, rest: str) -> Iterator[CompletionItem[str]]:
    """Complete `key` or `key=value` after a reference's name."""
    from optbench import optimizers

    name = head.rpartition("+")[2]
    entry = optimizers.parse(head).entry
    taken = [] if entry is None else [entry]
    if "+" in head:
        taken.append(optimizers.info(head.partition("+")[0]))
    given, colon, last = rest.rpartition(":")
    stem = f"{head}:{given}{colon}"
    used = {pair.partition("=")[0] for pair in given.split(":")}
    key, equals, value = last.partition("=")
    if equals:
        yield from _values(taken, name, key, value, f"{stem}{key}=")
        return
    for one in taken:
        for hyper in one.hyperparameters:
            if hyper.name.startswith(key) and hyper.name not in used:
                yield CompletionItem(f"{stem}{hyper.name}=", "open", f"{hyper.doc} ({hyper.kind})")
    if entry is not None and "impl".startswith(key) and "impl" not in used:
        yield CompletionItem(f"{stem}impl=", "open", "what runs it")


def _values(taken: "list[Entry]", name: str, key: str, value: str, stem: str) -> Iterator[CompletionItem[str]]:
    """Complete a value: the words that a key takes, or the default of a number."""
    found = {hyper.name: list(_words(hyper)) for one in taken for hyper in one.hyperparameters}
    if taken and key == "impl":
        found["impl"] = ["auto", *taken[0].offered]
    yield from (CompletionItem(stem + word) for word in found.get(key, ()) if word.startswith(value))


def _words(hyper: "Hyperparameter") -> tuple[str, ...]:
    """Return the words that a hyper-parameter takes; its default where it takes numbers."""
    from optbench.optimizers._reference import show_value

    what, _, words = hyper.kind.partition(": ")
    if what == "switch":
        return "true", "false"
    return tuple(words.split(" or ")) if what == "word" else (show_value(hyper.default),)


# --- recipes, and what else there is -------------------------------------------------------------------------------


@_forgiving
def recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Complete the last of several recipes: a name, or else a file."""
    from optbench import recipe

    before, comma, current = incomplete.rpartition(",")
    found = [each for each in recipe.names() if each.startswith(current)]
    yield from (CompletionItem(f"{before}{comma}{each}") for each in found)
    files = sorted(str(path) for path in Path().glob("*.toml") if str(path).startswith(current))
    yield from (CompletionItem(f"{before}{comma}{path}") for path in files)
    if not found and not files:
        yield CompletionItem(incomplete, "file")


@_forgiving
def datasets(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Complete a data set's name."""
    from optbench import datasets

    return _beginning(incomplete, datasets.names())


@_forgiving
def shown(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Complete what `show` takes: a kind, or a name of that kind or of any; a reference with its options."""
    from optbench.cli._kinds import kinds

    known = {one.singular: one for one in kinds().values()}
    words = ctx.params.get(param.name or "") or ()
    if words and not (len(words) == 1 and words[0] in known):
        return  # the name is there already
    asked = [known[words[-1]]] if words and words[-1] in known else list(known.values())
    if not words and (":" in incomplete or "+" in incomplete):
        yield from references(ctx, param, incomplete)
        return
    if not words:
        yield from _beginning(incomplete, known, help="a kind")
    for one in asked:
        yield from _beginning(incomplete, one.names(), help=one.singular)


@_forgiving
def listed(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Complete what `list` takes first: a kind."""
    from optbench.cli._kinds import kinds

    return _beginning(incomplete, kinds())


# --- stored runs ---------------------------------------------------------------------------------------------------


@_forgiving
def run_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Complete the key of a stored run, twelve digits of it, with what the run is."""
    from optbench import runs

    for run in runs.stored(runs.opened(ctx.params.get("runs") or ".optbench")):
        if run.key.startswith(incomplete):
            what = f"{run.recipe_name} {run.reference} seed {run.seed}, {run.status}"
            yield CompletionItem(run.key[: max(12, len(incomplete))], help=what.strip())


@_forgiving
def recipe_names_stored(ctx: click.Context, param: click.Parameter, incomplete: str) -> Iterator[CompletionItem[str]]:
    """Complete the name of a recipe that runs are stored of."""
    from optbench import runs

    found = runs.stored(runs.opened(ctx.params.get("runs") or ".optbench"))
    return _beginning(incomplete, sorted({run.recipe_name for run in found if run.recipe_name}))
