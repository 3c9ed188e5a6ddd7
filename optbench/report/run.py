"""A run as a table of its epochs and its result, or JSON of schema `optbench.run/1` (see the README)."""

import json
from collections.abc import Mapping

from optbench.results import RunResult, finite

SCHEMA = "optbench.run/1"


def render(result: RunResult, recipe: str, settings: Mapping[str, object], form: str = "table") -> str:
    """Return a run's report, ``table`` or ``json``, with a final newline."""
    return _json(result, recipe, settings) if form == "json" else _table(result, recipe, settings)


def _json(result: RunResult, recipe: str, settings: Mapping[str, object]) -> str:
    document = {
        "schema": SCHEMA,
        "recipe": recipe,
        "settings": dict(settings),
        **result.to_dict(),
        "cached": result.cached,
    }
    return json.dumps(finite(document), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _table(result: RunResult, recipe: str, settings: Mapping[str, object]) -> str:
    head = f"{recipe}: {result.optimizer}, seed {result.seed}: {result.status.replace('_', ' ')}"
    if result.message:
        head += f" ({result.message})"
    figures = [f"{name.replace('_', ' ')} {value:.4f}" for name, value in result.metrics.items() if value is not None]
    lines = [f"test data, {result.reported}: {', '.join(figures)}"] if figures else []
    epochs = len(result.history)
    facts = [f"{epochs} epoch{'' if epochs == 1 else 's'} in {result.seconds:.1f} s"]
    if result.parameters is not None:
        facts.append(f"{result.parameters:,} parameters")
    if result.state_bytes is not None:
        facts.append(f"{result.state_bytes:,} bytes of optimizer state")
    if result.executor:
        facts.append(f"executor {result.executor}")
    if result.cached:
        facts.append("from the store")
    if what := settings.get("stand_in_for"):
        lines.append(f"{settings.get('data')} is a stand-in for {what}")
    if "bleu" in result.environment:
        lines.append(f"BLEU: sacrebleu {result.environment['bleu']}")
    return (
        "\n\n".join([head, *([_epochs(result)] if result.history else []), "\n".join([*lines, ", ".join(facts)])])
        + "\n"
    )


def _epochs(result: RunResult) -> str:
    from tabulate import tabulate

    split = "test" if any("test" in row for row in result.history) else "validation"
    metrics = list(result.metrics)
    heads = [
        "epoch",
        "train loss",
        *(f"{split} {name.replace('_', ' ')}" for name in metrics),
        "lr",
        "seconds",
    ]
    rows = []
    for row in result.history:
        scores = [_number((row.get(split) or {}).get(name), ".4f") for name in metrics]
        rows.append(
            [
                row["epoch"],
                _number(row["train_loss"], ".4f"),
                *scores,
                _number(row["lr"], ".3g"),
                _number(row["seconds"], ".2f"),
            ]
        )
    text: str = tabulate(rows, heads, tablefmt="simple", disable_numparse=True, colalign=["right"] * len(heads))
    return text


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
