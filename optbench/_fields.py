"""Strict reading of one TOML table: its keys, what each may hold, and errors that name file and key."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optbench.errors import OptbenchError, nearest

REQUIRED = object()


@dataclass(frozen=True)
class Field:
    """What one key may hold: a test, the words for its failure, a default, a conversion of good values."""

    accepts: Callable[[Any], bool]
    demand: str
    default: Any = REQUIRED
    convert: Callable[[Any], Any] = lambda value: value

    def problem(self, value: object) -> str:
        """Return why `value` will not do, or an empty string when it will."""
        return "" if self.accepts(value) else self.demand


def text(default: Any = REQUIRED) -> Field:
    """A string that is not blank."""
    return Field(lambda v: isinstance(v, str) and bool(v.strip()), "must be a text that is not empty", default)


def texts(default: Any = REQUIRED) -> Field:
    """A list of strings, read as a tuple."""
    return Field(
        lambda v: isinstance(v, list) and all(isinstance(e, str) for e in v),
        "must be a list of texts",
        default,
        tuple,
    )


def count(default: Any = REQUIRED) -> Field:
    """A whole number of at least 1 (TOML's and Python's booleans are not numbers here)."""
    return Field(lambda v: type(v) is int and v >= 1, "must be a whole number of at least 1", default)


def whole(default: Any = REQUIRED) -> Field:
    """A whole number of at least 0."""
    return Field(lambda v: type(v) is int and v >= 0, "must be a whole number of at least 0", default)


def flag(default: Any = REQUIRED) -> Field:
    """True or false."""
    return Field(lambda v: isinstance(v, bool), "must be true or false", default)


def number(demand: str, accepts: Callable[[float], bool], default: Any = REQUIRED) -> Field:
    """A finite number of sane size, read as a float.

    Args:
        demand: which ones will do, such as "above 0".
        accepts: tells them.
        default: when the key is absent.
    """
    return Field(
        lambda v: type(v) in (int, float) and abs(v) < 1e300 and accepts(v),
        f"must be a number {demand}",
        default,
        float,
    )


def one_of(words: Iterable[str], default: Any = REQUIRED) -> Field:
    """One of a few words."""
    words = tuple(words)
    return Field(lambda v: isinstance(v, str) and v in words, "must be one of " + ", ".join(words), default)


def read_table(
    path: Path,
    name: str,
    table: Mapping[str, Any],
    fields: Mapping[str, Field],
    *,
    also: Iterable[str] = (),
    options: bool = False,
) -> dict[str, Any]:
    """Check a table of a TOML file against its fields; return its values, defaults filled in.

    Args:
        path: the file, for messages.
        name: the table's name in the file; empty for the top level.
        table: as TOML gives it.
        fields: its keys.
        also: keys that exist beside the fields and are read elsewhere (for the nearest match only).
        options: keep keys that are no field (numbers, texts and booleans only) instead of refusing them.

    Raises:
        OptbenchError: for an unknown key, a missing one, or a value that its field does not accept.
    """
    where = f" in [{name}]" if name else ""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in fields:
            problem = fields[key].problem(value)
            if problem:
                raise OptbenchError(f"{path}: {key} = {value!r}{where}", f"it {problem}")
            values[key] = fields[key].convert(value)
        elif options and isinstance(value, (int, float, str, bool)):
            values[key] = value
        else:
            known = [*fields, *also]
            hint = nearest(key, known) or "the keys are " + ", ".join(known)
            raise OptbenchError(f"{path}: unknown key '{key}'{where}", hint)
    for key, field in fields.items():
        if key not in values:
            if field.default is REQUIRED:
                raise OptbenchError(f"{path}: no '{key}'{where}", f"it {field.demand}")
            values[key] = field.default
    return values
