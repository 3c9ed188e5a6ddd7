"""The pages that `optbench show` prints, one function a kind."""

import inspect
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.datasets import DatasetInfo
    from optbench.optimizers import Reference
    from optbench.optimizers._hyperparameters import Value
    from optbench.published import Table
    from optbench.recipe import Recipe


def reference(found: "Reference") -> str:
    """Return the pages of a reference's parts, with its own options."""
    if found.entry is None:
        raise OptbenchError(f"nothing is known of '{found.text}'", "classes by import path can be compared")
    base, wrapper = found.resolve().split()
    base.pop("impl", None)
    pages = [optimizer(found.name, base)]
    if found.xgrad:
        pages.insert(0, optimizer("xgrad", wrapper))
    return "\n\n\n".join(pages)


def optimizer(name: str, options: "Mapping[str, Value] | None" = None) -> str:
    """Return the page of an optimizer or a wrapper, with its options where they are chosen."""
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


def recipe(name: str) -> str:
    """Return the page of a recipe."""
    from optbench import recipe as recipes

    found = recipes.load(name)
    sections = []
    for optimizer, values in found.optimizers.items():
        settings = " ".join(f"{key}={_value(value)}" for key, value in values.items()) or "its defaults"
        if optimizer in found.schedules:
            settings += f"; schedule {found.schedules[optimizer]}"
        origin = textwrap.fill(found.provenance.get(optimizer, ""), 100)
        sections.append(f"{optimizer}: {settings}\n{textwrap.indent(origin, '  ')}".rstrip())
    listed = textwrap.indent("\n".join(sections), "  ")
    head = f"recipe {found.name}: {found.title}"
    text = textwrap.fill(" ".join(found.description.split()), 100)
    return _page(head, text, _facts(_settings(found)), f"hyper-parameters\n{listed}" if sections else "")


def _settings(found: "Recipe") -> list[tuple[str, object]]:
    """Return a recipe's settings; those that are switched off are left out."""
    from optbench import tasks

    target = found.published
    images = tasks.info(found.task).kind == "images"
    batch = f"{found.batch_size} in {found.accumulation} micro-batches" if found.accumulation > 1 else found.batch_size
    return [
        (
            "data",
            _call(found.data, {key: value for key, value in found.data_options.items() if value not in (None, "")}),
        ),
        ("augmentation", found.augmentation if images else None),
        ("normalisation", found.normalisation if images else None),
        (found.task.replace("_", " "), _call("", found.task_options)),
        ("model", _call(found.model, found.model_options)),
        ("epochs", found.epochs),
        ("batch size", batch),
        ("seeds", found.seeds),
        ("schedule", found.schedule),
        ("label smoothing", found.label_smoothing or None),
        ("clip norm", found.clip_norm),
        ("average of weights", found.ema),
        ("mean of weights", f"of the last {n} epochs" if (n := found.average_last) > 1 else None),
        ("gradient histograms", f"every {n} updates" if (n := found.gradient_histograms) else None),
        ("BatchNorm re-estimated", f"over {n} batches" if (n := found.reestimate_batch_norm) else None),
        ("channels last", "yes" if found.channels_last else None),
        ("compile", "yes" if found.compile else None),
        ("precision", found.precision),
        ("threads", found.threads),
        ("protocol", found.protocol),
        ("arms", ", ".join(found.optims)),
        ("baselines", ", ".join(found.baselines) or "none"),
        ("reproduces", f"{target.paper}: {', '.join(target.tables)}, {target.model}" if target else None),
        ("file", found.source),
    ]


def paper(name: str) -> str:
    """Return the page of a paper: its tables, the recipes that reproduce each, and what does not check out."""
    from optbench import published
    from optbench import recipe as recipes

    found = published.paper(name)
    by_table = recipes.reproducing(name)
    facts = [("paper", f"arXiv:{found.arxiv}, {found.year}"), ("link", f"https://arxiv.org/abs/{found.arxiv}")]
    rows = [_table_row(table, by_table.get(table.id, [])) for table in found.tables.values()]
    listed = _table(rows, ("table", "id", "on", "metric", "rows", "reproduced by"))
    controls = [f"  {each}" for each in recipes.names() if each.startswith(f"{name}/control-")]
    failed = [claim for claim in found.claims if claim.checkable and not claim.checks_out]
    doubts = [f'{claim.where}, "{claim.text}": {claim.note}' for claim in failed]
    doubts += [f"{flag.where}: {flag.problem}" for flag in found.flags.values() if flag.severity == "high"]
    wrapped = [textwrap.fill(doubt, 110, initial_indent="  - ", subsequent_indent="    ") for doubt in doubts]
    return _page(
        f"paper {name}: {found.title}",
        _facts(facts),
        f"tables\n{listed}",
        "\n".join(["controls that the paper lacks", *controls]) if controls else "",
        "\n".join(["what does not check out", *wrapped]),
    )


def _table_row(table: "Table", names: Sequence[str]) -> Sequence[object]:
    """Return a line about a table; recipes that differ in the end of their names alone are joined."""
    stems: dict[str, list[str]] = {}
    for name in names:
        stem, _, rest = name.partition("-")
        stems.setdefault(stem, []).append(rest)
    joined = [
        "-".join(filter(None, (stem, ends[0] if len(ends) == 1 else "{" + ",".join(ends) + "}")))
        for stem, ends in stems.items()
    ]
    return (
        table.title,
        table.id,
        table.dataset,
        table.metric.replace("_", " "),
        len(table.rows),
        " ".join(joined) or "–",
    )


def dataset(name: str) -> str:
    """Return the page of a dataset."""
    from optbench import datasets

    found = datasets.info(name)
    facts = [
        ("source", found.source),
        ("licence", found.licence),
        (found.examples, ", ".join(f"{split} {size:,}" for split, size in found.splits.items() if size)),
        *_contents(found),
        ("options", ", ".join(f"{key} ({field.demand})" for key, field in datasets.options(name).items())),
        ("sha256", found.checksum),
        ("stands in for", found.stand_in_for),
    ]
    return _page(f"dataset {name}: {found.title}", inspect.cleandoc(found.doc), _facts(facts))


def _contents(found: "DatasetInfo") -> list[tuple[str, object]]:
    """Return the facts that only one kind of data set has."""
    from optbench.datasets import ImageInfo, ParallelInfo, TextInfo

    if isinstance(found, ImageInfo):
        shape = f"{' x '.join(map(str, found.shape))} (channels x height x width)"
        return [("shape", shape), ("classes", ", ".join(found.classes))]
    if isinstance(found, TextInfo):
        return [("vocabulary", f"{found.vocabulary:,}" if found.vocabulary else "that of the file")]
    assert isinstance(found, ParallelInfo)
    return [("languages", " to ".join(found.languages)), ("subwords", f"{found.vocabulary:,}, shared")]


def model(name: str) -> str:
    """Return the page of a model."""
    from optbench import models

    found = models.info(name)
    facts = [("parameters", f"{found.parameters:,}"), ("input", found.takes)]
    if found.paper:
        facts.append(("paper", found.paper))
    if known := models.options(name):
        facts.append(("options", " ".join(f"{key}={_value(value)}" for key, value in known.items())))
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


PAGES = {"optimizer": optimizer, "recipe": recipe, "dataset": dataset, "model": model, "paper": paper}
