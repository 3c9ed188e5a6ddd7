"""Checks of the options that models of text take from a recipe: a wrong one is the user's mistake, so one line."""

from __future__ import annotations

from optbench.errors import OptbenchError


def check_counts(name: str, **options: int) -> None:
    """Raise OptbenchError unless every option of the model `name` is a whole number of at least 1."""
    for key, value in options.items():
        if type(value) is not int or value < 1:
            raise _wrong(name, key, value, "it must be a whole number of at least 1")


def check_shares(name: str, **options: float) -> None:
    """Raise OptbenchError unless every option of the model `name` is at least 0 and below 1, as a dropout is."""
    for key, value in options.items():
        if type(value) not in (int, float) or not 0 <= value < 1:
            raise _wrong(name, key, value, "it must be a number of at least 0 and below 1")


def check_factors(name: str, **options: float) -> None:
    """Raise OptbenchError unless every option of the model `name` is a number of at least 0."""
    for key, value in options.items():
        if type(value) not in (int, float) or not 0 <= value < float("inf"):
            raise _wrong(name, key, value, "it must be a number of at least 0")


def read_cutoffs(name: str, text: str, vocabulary: int) -> tuple[int, ...]:
    """Return the cut-offs of an adaptive softmax that lie within a vocabulary; those at its end or above are dropped.

    Args:
        name: of the model.
        text: rising ids with slashes between them, such as "4000/40000/200000"; empty for a plain softmax.
        vocabulary: number of tokens.

    Raises:
        OptbenchError: the text is nothing of that kind.
    """
    parts = str(text).split("/") if text != "" else []
    cutoffs = tuple(int(part) for part in parts if part.isdecimal())
    if len(cutoffs) != len(parts) or 0 in cutoffs or list(cutoffs) != sorted(set(cutoffs)):
        raise _wrong(name, "cutoffs", text, "it must be rising ids such as '4000/40000/200000'")
    return tuple(cutoff for cutoff in cutoffs if cutoff < vocabulary)


def _wrong(name: str, key: str, value: object, demand: str) -> OptbenchError:
    return OptbenchError(f"model '{name}' with {key} = {value!r}", demand)
