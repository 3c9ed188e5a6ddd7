"""Optimizers that are no part of optbench: rules and classes by import path, and those of installed packages.

A package names its own in its metadata, and they are optimizers like ours wherever it is installed:

    [project.entry-points."optbench.optimizers"]
    mysgd = "my_package.rules:MySGD"

Their code is imported when one of them is used, and the metadata are read only where a name is not ours. No torch is
imported here (but what such a module imports is).
"""

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from optbench.errors import OptbenchError, nearest
from optbench.optimizers import _registry
from optbench.optimizers._dry_run import check_rule
from optbench.optimizers._registry import Entry, taken_twice
from optbench.optimizers._rule import Rule

GROUP = "optbench.optimizers"


@dataclass(frozen=True)
class Plugin:
    """An optimizer that an installed package names: its name, its import path, and the package with its version."""

    name: str
    path: str
    origin: str


@cache
def plugins() -> Mapping[str, Plugin]:
    """Return what the installed packages name, by name; none of their code is imported.

    Raises:
        OptbenchError: for a name that two of them have, or that is one of optbench's own.
    """
    from importlib import metadata

    found: dict[str, Plugin] = {}
    for point in metadata.entry_points(group=GROUP):
        module, _, name = point.value.partition("[")[0].partition(":")
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
        plugin = Plugin(point.name, f"{module.strip()}.{name.strip()}", origin)
        if plugin.name in _registry.own():
            raise taken_twice(plugin.name, "optbench itself", f"{plugin.path} of {origin}")
        if (other := found.setdefault(plugin.name, plugin)) != plugin:
            raise taken_twice(plugin.name, f"{other.path} of {other.origin}", f"{plugin.path} of {origin}")
    return dict(sorted(found.items()))


def path_of(name: str) -> str:
    """Return the import path behind a name that a module registered or a package names; empty where neither did."""
    registered = (entry.path for entry in _registry.outside().values() if entry.name == name)
    if path := next(registered, ""):
        return path
    return plugins()[name].path if "." not in name and name in plugins() else ""


def imported(path: str) -> object:
    """Import what a path names; the current folder is searched first.

    Raises:
        OptbenchError: when it does not import.
    """
    module_name, _, name = path.rpartition(".")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module_name), name)
    except OptbenchError:
        raise
    except AttributeError as error:
        module = sys.modules.get(module_name)
        if module is None:  # raised by the module's own code
            raise _fails(path, error) from error
        hint = nearest(name, dir(module)) or f"check what {module_name} defines"
        raise OptbenchError(f"module '{module_name}' has no optimizer '{name}'", hint) from None
    except ImportError as error:
        hint = "install the package, or run from the folder that holds the module"
        raise OptbenchError(f"cannot import '{path}': {error}", hint) from None
    except Exception as error:  # any code runs at import; its mistake is the user's to see, in one line
        raise _fails(path, error) from error


def _fails(path: str, error: Exception) -> OptbenchError:
    message = f"cannot import '{path}': {type(error).__name__}: {error}"
    return OptbenchError(message, "mend the module; importing it fails")


def entry_of(path: str) -> Entry | None:
    """Return the entry of the rule that an import path names; None where it names anything else.

    A rule need not be registered. One that cannot run is refused here, before anything trains with it.

    Raises:
        OptbenchError: when the path does not import, or for a rule with a mistake in it.
    """
    rule = imported(path)
    if not (isinstance(rule, type) and issubclass(rule, Rule)):
        return None
    for entry in (*_registry.outside().values(), *_registry.own().values()):
        if entry.declaration is rule:
            break
    else:
        path = f"{rule.__module__}.{rule.__qualname__}"
        entry = _registry.adopt(rule, path)
    if entry.path:
        check_rule(rule, entry.path)  # type: ignore[arg-type]  # a class is hashable
    return entry
