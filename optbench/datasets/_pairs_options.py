"""The options of parallel text, as a recipe's [data] table has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optbench import _fields
from optbench._fields import Field
from optbench.datasets._bpe import KINDS
from optbench.errors import OptbenchError, nearest


@dataclass(frozen=True)
class Options:
    """How parallel text is found and cut.

    Attributes:
        vocabulary: ids of subwords that both languages share, the four special ones included; fewer where the text does
            not support so many.
        tokens: `sentencepiece` learns subwords from the training lines of both languages; `given` takes the words of
            files that are cut already, "@@" marking where a word is continued.
        path: of the folder or archive; empty where the dataset has a place of its own.
        source, target: the languages, as the files' names end; empty for the dataset's own, or for the two there are.
        lowercase: whether everything is made lower case.
        max_tokens: subwords of the longest sentence to train on; 0 for any length. Validation and test keep every pair.
    """

    vocabulary: int
    tokens: str = "sentencepiece"
    path: str = ""
    source: str = ""
    target: str = ""
    lowercase: bool = False
    max_tokens: int = 0


def fields(*, vocabulary: int, tokens: str = "sentencepiece", path: bool = True) -> dict[str, Field]:
    """Return the options that a dataset takes.

    Args:
        vocabulary: its default.
        tokens: its default.
        path: whether the user may say where the files are.
    """
    return {
        **({"path": _fields.text("")} if path else {}),
        "source": _fields.text(""),
        "target": _fields.text(""),
        "vocabulary": _fields.count(vocabulary),
        "tokens": _fields.one_of(KINDS, tokens),
        "lowercase": _fields.flag(False),
        "max_tokens": _fields.whole(0),
    }


def parse(name: str, known: Mapping[str, Field], given: Mapping[str, Any]) -> Options:
    """Return the options of a dataset, defaults filled in.

    Raises:
        OptbenchError: it has no such option, a value will not do, or source and target are the same language.
    """
    for key, value in given.items():
        if key not in known:
            hint = nearest(key, known) or "its options are " + ", ".join(known)
            raise OptbenchError(f"{name} has no option '{key}'", hint)
        if value != known[key].default and (problem := known[key].problem(value)):
            raise OptbenchError(f"{name}: {key} = {value!r}", f"it {problem}")
    options = Options(**{key: field.default for key, field in known.items()} | dict(given))
    if options.source and options.source == options.target:
        raise OptbenchError(f"{name}: source and target are both '{options.source}'", "name two languages")
    return options
