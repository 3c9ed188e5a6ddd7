"""`optbench show`: everything known about one optimizer, recipe, dataset or model."""

import inspect
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from optbench.cli import _options
from optbench.cli._kinds import kinds
from optbench.errors import OptbenchError, nearest

if TYPE_CHECKING:
    from optbench.optimizers import Reference
    from optbench.optimizers._rule import Value
    from optbench.recipe import Schedule


@click.command("show", short_help="Show all about an optimizer, recipe, dataset or model.")
@click.argument("name")
def command(name: str) -> None:
    """Show an optimizer's equations, hyper-parameters and costs, or what a recipe, dataset or model is.

    NAME may also be a reference with options; state and traffic are then those of the options.

    \b
    optbench show adaplus
    optbench show xgrad+adamw:s=2
    optbench show digits-cnn
    """
    if ":" in name or "+" in name:
        from optbench import optimizers

        _options.say(_reference(optimizers.parse(name)))
        return
    known = kinds()
    found = [kind for kind in known.values() if name in kind.names()]
    if not found:
        words = [word for kind in known.values() for word in kind.names()]
        hint = nearest(name, words) or "see 'optbench list'"
        raise OptbenchError(f"no optimizer, recipe, dataset or model is called '{name}'", hint)
    pages = {"optimizer": _optimizer, "recipe": _recipe, "dataset": _dataset, "model": _model}
    _options.say("\n\n\n".join(pages[kind.singular](name) for kind in found))


def _reference(reference: "Reference") -> str:
    """Return the pages of a reference's parts, with its own options."""
    if reference.is_import_path:
        raise OptbenchError(f"nothing is known of '{reference.text}'", "classes by import path can be compared")
    base, wrapper = reference.resolve().split()
    base.pop("impl", None)
    pages = [_optimizer(reference.name, base)]
    if reference.xgrad:
        pages.insert(0, _optimizer("xgrad", wrapper))
    return "\n\n\n".join(pages)


def _optimizer(name: str, options: "Mapping[str, Value] | None" = None) -> str:
    from optbench import optimizers

    entry = optimizers.info(name)
    chosen = options or {}
    more = " on top of the optimizer's own" if entry.wrapper else ""
    facts = [
        ("paper", entry.paper),
        ("link", entry.url if entry.url != entry.paper else ""),
        ("implementations", ", ".join(entry.offered)),
        ("state", f"{entry.state_bytes(**chosen)} bytes a parameter (fp32){more}"),
        ("traffic", f"{entry.traffic_bytes(**chosen)} bytes of memory a parameter and step (fp32){more}"),
        ("use", f"{name}+NAME, such as {name}+adamw" if entry.wrapper else ""),
    ]
    rows = [(h.name, _value(chosen.get(h.name, h.default)), h.kind, h.doc) for h in entry.hyperparameters]
    if not entry.wrapper:
        takes = "word: " + ", ".join(("auto", *entry.offered))
        rows.append(("impl", "auto", takes, "implementation; auto is the fastest for device and dtype"))
    return _page(
        f"{'wrapper' if entry.wrapper else 'optimizer'} {name}: {entry.title}",
        _facts(facts),
        inspect.cleandoc(entry.doc),
        "hyper-parameters\n" + _table(rows, ("name", "value" if options else "default", "takes", "what it is")),
    )


def _recipe(name: str) -> str:
    from optbench import recipe

    found = recipe.load(name)
    facts = [
        ("data", found.data),
        ("model", _call(found.model, found.model_options)),
        ("epochs", found.epochs),
        ("batch size", found.batch_size),
        ("seeds", found.seeds),
        ("schedule", _schedule(found.schedule)),
        ("precision", found.precision),
        ("threads", found.threads),
        ("protocol", found.protocol),
        ("arms", ", ".join(found.optims)),
        ("baselines", ", ".join(found.baselines)),
        ("file", found.source),
    ]
    sections = []
    for optimizer, values in found.optimizers.items():
        settings = " ".join(f"{key}={_value(value)}" for key, value in values.items()) or "its defaults"
        origin = textwrap.fill(found.provenance.get(optimizer, ""), 100)
        sections.append(f"{optimizer}: {settings}\n{textwrap.indent(origin, '  ')}".rstrip())
    listed = textwrap.indent("\n".join(sections), "  ")
    head = f"recipe {name}: {found.title}"
    text = textwrap.fill(" ".join(found.description.split()), 100)
    return _page(head, text, _facts(facts), f"hyper-parameters\n{listed}" if sections else "")


def _schedule(schedule: "Schedule") -> str:
    if not schedule.milestones:
        return schedule.name
    return f"{schedule.name}, x {schedule.factor:g} after epochs {', '.join(map(str, schedule.milestones))}"


def _dataset(name: str) -> str:
    from optbench import datasets

    found = datasets.info(name)
    facts = [
        ("source", found.source),
        ("licence", found.licence),
        ("splits", ", ".join(f"{split} {size:,}" for split, size in found.splits.items())),
        ("images", f"{' x '.join(map(str, found.shape))} (channels x height x width)"),
        ("classes", ", ".join(found.classes)),
        ("sha256", found.checksum),
        ("stands in for", found.stand_in_for),
    ]
    return _page(f"dataset {name}: {found.title}", inspect.cleandoc(found.doc), _facts(facts))


def _model(name: str) -> str:
    from optbench import models

    found = models.info(name)
    facts = [("parameters", f"{found.parameters:,}"), ("input", " x ".join(map(str, found.input_shape)))]
    return _page(f"model {name}: {found.title}", inspect.cleandoc(found.doc), _facts(facts))


def _page(head: str, *parts: str) -> str:
    return "\n\n".join([click.style(head, bold=True), *(part for part in parts if part)])


def _facts(facts: Iterable[tuple[str, object]]) -> str:
    return _table([(f"{key}:", value) for key, value in facts if value not in (None, "")])


def _table(rows: Sequence[Sequence[object]], headings: Sequence[str] = ()) -> str:
    from tabulate import tabulate

    text = tabulate(rows, headings, tablefmt="plain", disable_numparse=True)
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _call(name: str, options: Mapping[str, object]) -> str:
    text = " ".join(f"{key}={_value(value)}" for key, value in options.items())
    return f"{name} {text}".strip()


def _value(value: object) -> str:
    """Return a value as it is written in a reference: `0.9/0.999`, `true`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return "/".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
