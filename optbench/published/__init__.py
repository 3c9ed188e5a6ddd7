"""The papers' published results as data: one TOML file a paper, as transcribed (see README.md beside them). No torch.

Values keep their printed digits; what does not check out is marked (`suspect`, `Claim`, `Flag`) and never corrected.
"""

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optbench.errors import OptbenchError, nearest

__all__ = ["Claim", "Flag", "Paper", "Row", "Table", "names", "paper"]


@dataclass(frozen=True)
class Row:
    """One printed number.

    Attributes:
        model, optimizer: as the paper names them.
        value: in the table's unit; `text` is the value with the digits that were printed.
        keys: what else is stated for it: lr, weight_decay, epochs, batch, prediction_steps (0 = baseline), ...
        note: why it is suspect; empty when it is not.
    """

    model: str
    optimizer: str
    value: float
    text: str
    note: str
    keys: Mapping[str, Any] = field(hash=False)

    def has(self, wanted: Mapping[str, object]) -> bool:
        """Tell whether every wanted key, `optimizer` and `model` among them, has the wanted value in this row.

        An empty list is what a row without the key has.
        """
        own = {**self.keys, "optimizer": self.optimizer, "model": self.model}
        return all(own.get(key, []) == value for key, value in wanted.items())


@dataclass(frozen=True)
class Table:
    """Printed results of one metric on one data set.

    Attributes:
        printed: the number of the table in the paper, such as "VII".
        metric: top1_accuracy, top5_accuracy, loss, epoch_seconds, ...; direction: `higher` or `lower` is better.
        split: of the data set, as far as stated; papers call test data `validation` too.
        aggregate: over epochs, as far as stated.
        setting: what is stated of the experiment: epochs, batch, hardware, unstated, ...
    """

    id: str
    printed: str
    caption: str
    metric: str
    unit: str
    direction: str
    dataset: str
    split: str
    aggregate: str
    rows: tuple[Row, ...]
    setting: Mapping[str, Any] = field(hash=False)

    @property
    def title(self) -> str:
        """How it is named in a report: `Table VII`, `section 5.1 prose`."""
        plain = self.printed[:1].isdigit() or self.printed.isupper()
        return f"Table {self.printed}" if plain else self.printed

    def models(self) -> list[str]:
        """Return the models in the order of the rows."""
        return list(dict.fromkeys(row.model for row in self.rows))


@dataclass(frozen=True)
class Claim:
    """A statement of the paper's prose, held against its tables.

    `checks_out` is false too for what cannot be checked (`checkable` tells); `items` and `item_checks` are parallel.
    """

    id: str
    where: str
    text: str
    tables: tuple[str, ...]
    checkable: bool
    checks_out: bool
    note: str
    items: tuple[str, ...] = ()
    item_checks: tuple[bool, ...] = ()

    def fails_for(self, model: str) -> bool:
        """Tell whether it does not check out, as far as one model is concerned."""
        if self.checks_out or not self.checkable:
            return False
        return self.item_checks[self.items.index(model)] is False if model in self.items and self.item_checks else True


@dataclass(frozen=True)
class Flag:
    """A suspected error of the paper; `severity` high can change a rerun or a conclusion."""

    id: str
    kind: str
    severity: str
    where: str
    problem: str


@dataclass(frozen=True)
class Paper:
    """One paper: its tables, what was found of its claims, and its suspected errors."""

    name: str
    title: str
    arxiv: str
    year: int
    tables: Mapping[str, Table] = field(hash=False)
    claims: tuple[Claim, ...]
    flags: Mapping[str, Flag] = field(hash=False)

    def table(self, name: str) -> Table:
        """Return a table by its id.

        Raises:
            OptbenchError: the paper has no such table.
        """
        if name not in self.tables:
            hint = nearest(name, self.tables) or "its tables: " + ", ".join(self.tables)
            raise OptbenchError(f"{self.name} has no table '{name}'", hint)
        return self.tables[name]


def names() -> list[str]:
    """Return the names of the papers, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


@functools.cache
def paper(name: str) -> Paper:
    """Return a paper's results.

    Raises:
        OptbenchError: no paper has that name.
    """
    if name not in names():
        raise OptbenchError(f"unknown paper '{name}'", nearest(name, names()) or "one of " + ", ".join(names()))
    text = (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text, parse_float=_Printed)
    facts, settings = document["paper"], {entry["id"]: entry for entry in document["setting"]}
    return Paper(
        name=name,
        title=facts["title"],
        arxiv=facts["arxiv"],
        year=facts["year"],
        tables={entry["id"]: _table(entry, settings.get(entry.get("setting"), {})) for entry in document["table"]},
        claims=tuple(_claim(entry) for entry in document["claim"]),
        flags={entry["id"]: _flag(entry) for entry in document["flag"]},
    )


class _Printed(float):
    """A number that remembers its printed digits."""

    def __new__(cls, text: str) -> "_Printed":
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def _table(entry: Mapping[str, Any], setting: Mapping[str, Any]) -> Table:
    return Table(
        id=entry["id"],
        printed=entry["paper_table"],
        caption=entry["caption"],
        metric=entry["metric"],
        unit=entry["unit"],
        direction=entry["direction"],
        dataset=entry["dataset"],
        split=entry.get("split", "unstated"),
        aggregate=entry.get("aggregate", "unstated"),
        rows=tuple(_row(row) for row in entry["result"]),
        setting=setting,
    )


def _row(entry: Mapping[str, Any]) -> Row:
    own = ("model", "optimizer", "value", "note", "suspect")
    value = entry["value"]
    return Row(
        model=entry["model"],
        optimizer=entry["optimizer"],
        value=float(value),
        text=getattr(value, "text", str(value)),
        note=entry.get("note", "") if entry.get("suspect") else "",
        keys={key: _plain(item) for key, item in entry.items() if key not in own},
    )


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, _Printed) else value


def _claim(entry: Mapping[str, Any]) -> Claim:
    return Claim(
        id=entry["id"],
        where=entry["where"],
        text=entry["claim"],
        tables=_words(entry.get("from_tables", ())),
        checkable=entry["checkable"],
        checks_out=entry["checks_out"],
        note=entry.get("note", ""),
        items=_words(entry.get("items", ())),
        item_checks=tuple(entry.get("item_checks", ())),
    )


def _flag(entry: Mapping[str, Any]) -> Flag:
    return Flag(entry["id"], entry["kind"], entry["severity"], entry["where"], entry["problem"])


def _words(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
