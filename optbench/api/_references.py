"""From what a caller names an optimizer by to the text that names it on the command line."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from optbench.errors import OptbenchError

Named = Any
"""A reference, an Optimizer class, or a pair of one of these and its options."""


def texts(optims: Named | Sequence[Named]) -> list[str]:
    """Return references as text for one optimizer or a sequence of them.

    A pair of a reference or class and a dict of options is one optimizer.

    Raises:
        OptbenchError: for what names no optimizer, or a class that no other process could import.
    """
    if isinstance(optims, str):
        return [part for part in optims.split(",") if part]
    several = isinstance(optims, Sequence) and not _is_pair(optims)
    return [part for one in (optims if several else [optims]) for part in _one(one)]


def text(optim: Named) -> str:
    """Return the reference of exactly one optimizer as text.

    Raises:
        OptbenchError: as `texts`, and for none or several.
    """
    found = texts(optim)
    if len(found) != 1:
        raise OptbenchError(f"{optim!r} names {len(found)} optimizers", "name one")
    return found[0]


def _is_pair(named: Sequence[Named]) -> bool:
    return isinstance(named, tuple) and len(named) == 2 and isinstance(named[1], Mapping)


def _one(named: Named) -> list[str]:
    from optbench.optimizers import Reference
    from optbench.optimizers._reference import show_value

    if isinstance(named, str):
        return texts(named)
    if isinstance(named, Reference):
        return [named.canonical]
    if isinstance(named, type):
        return [_class(named)]
    if isinstance(named, tuple) and _is_pair(named):
        base, options = named
        (head,) = _one(base)
        return [head + "".join(f":{key}={show_value(value)}" for key, value in options.items())]
    raise OptbenchError(
        f"{named!r} is no optimizer", "give a reference such as 'adamw:lr=3e-4', a class, or (class, {'lr': 3e-4})"
    )


def _class(cls: type) -> str:
    """Return the name under which any process finds a class."""
    from optbench.optimizers._registry import by_class_name

    entry = by_class_name().get(cls.__name__)
    if cls.__module__ == "optbench.optimizers" and entry is not None:
        return entry.name
    where = f"{cls.__module__}.{cls.__qualname__}"
    if cls.__module__ == "__main__" or "." in cls.__qualname__:
        raise OptbenchError(
            f"the class {cls.__qualname__} is in {'a script or notebook' if '.' not in cls.__qualname__ else where}, "
            "where worker processes cannot import it and the store cannot see its source",
            "put it at the top level of a module, such as my_optimizers.py, and import it from there",
        )
    if getattr(importlib.import_module(cls.__module__), cls.__qualname__, None) is not cls:
        raise OptbenchError(f"{where} is another class than the one given", "import it anew")
    return where
