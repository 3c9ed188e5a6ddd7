"""Registries without a central list: every public module of a package that has an `INFO` is an entry."""

import fnmatch
import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType
from typing import Generic, TypeVar

from optbench.errors import OptbenchError, nearest

Info = TypeVar("Info")


class Entries(Generic[Info]):
    """The entries of one package, found by importing its public modules once, on first use.

    Such a module has a constant `INFO` with a `.name`, and imports torch only inside its functions, so that
    listing the entries stays fast. Modules that start with an underscore, and those without `INFO`, are no
    entries.

    Args:
        package: dotted name of the package.
        path: its `__path__`.
        kind: what an entry is called in messages, such as "dataset".
    """

    def __init__(self, package: str, path: Iterable[str], kind: str) -> None:
        self._package = package
        self._path = path
        self._kind = kind
        self._modules: dict[str, ModuleType] | None = None

    def modules(self) -> dict[str, ModuleType]:
        """Return the modules by entry name, sorted.

        Raises:
            OptbenchError: two modules have the same entry name.
        """
        if self._modules is None:
            found: dict[str, ModuleType] = {}
            for item in pkgutil.iter_modules(self._path):
                if item.name.startswith("_"):
                    continue
                module = importlib.import_module(f"{self._package}.{item.name}")
                if not hasattr(module, "INFO"):
                    continue
                name = module.INFO.name
                if name in found:
                    both = f"{found[name].__name__} and by {module.__name__}"
                    raise OptbenchError(f"{self._kind} '{name}' is defined by {both}", "rename one of them")
                found[name] = module
            self._modules = dict(sorted(found.items()))
        return self._modules

    def names(self, pattern: str = "*") -> list[str]:
        """Return the sorted names that match a shell pattern."""
        return [name for name in self.modules() if fnmatch.fnmatchcase(name, pattern)]

    def info(self, name: str) -> Info:
        """Return the `INFO` of an entry.

        Raises:
            OptbenchError: no entry has that name.
        """
        found: Info = self.module(name).INFO
        return found

    def module(self, name: str) -> ModuleType:
        """Return the module of an entry.

        Raises:
            OptbenchError: no entry has that name.
        """
        modules = self.modules()
        if name not in modules:
            hint = nearest(name, modules) or f"known {self._kind}s: {', '.join(modules)}"
            raise OptbenchError(f"unknown {self._kind} '{name}'", hint)
        return modules[name]
