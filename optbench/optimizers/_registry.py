"""The one registry of optimizers. Every public module of this package is imported once and registers its entry.

Rules of other people are entries too, once their module is imported: see `optbench.optimizers._outside`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from optbench.errors import OptbenchError, nearest
from optbench.optimizers._hyperparameters import Hyperparameter, Value
from optbench.optimizers._rule import Declaration, Rule

D = TypeVar("D", bound=type[Declaration])


@dataclass(frozen=True, eq=False)
class TorchClass:
    """The class of torch.optim that runs the same algorithm.

    Attributes:
        name: the class's name in torch.optim.
        keys: our keyword -> torch's, where they differ.
        only: keywords that torch's class does not have, with the one value that it computes.
    """

    name: str
    keys: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Entry:
    """What the registry knows of an optimizer; frozen, and free of torch.

    Attributes:
        name: what it is called; for a rule outside optbench that is not registered, its import path.
        title: its name for people; `paper`: where it comes from, such as `arXiv:1412.6980`.
        declaration: the rule, or the hyper-parameters of torch.optim's class.
        torch: torch.optim's class that has the algorithm.
        wrapper: it stands before an optimizer, as `xgrad` does.
        path: the import path of a rule outside optbench; empty for optbench's own.
    """

    name: str
    title: str
    paper: str
    declaration: type[Declaration]
    torch: TorchClass | None = None
    wrapper: bool = False
    path: str = ""

    @property
    def doc(self) -> str:
        """The docstring: the paper's equations and every departure from them."""
        return self.declaration.__doc__ or ""

    @property
    def url(self) -> str:
        """Where to read the paper."""
        scheme, _, identifier = self.paper.partition(":")
        return {"arXiv": f"https://arxiv.org/abs/{identifier}", "doi": f"https://doi.org/{identifier}"}.get(
            scheme, self.paper
        )

    @property
    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """Every hyper-parameter with its default, bounds and meaning."""
        return tuple(self.declaration.hyperparameters.values())

    @property
    def rule(self) -> type[Rule] | None:
        """The rule, when the entry has one."""
        return self.declaration if issubclass(self.declaration, Rule) else None

    @property
    def implementations(self) -> tuple[str, ...]:
        """The values of `impl` that this entry has on every machine, `auto` aside."""
        own = ("eager", "cpu") if self.rule else ()
        return own + (("torch",) if self.torch else ())

    @property
    def offered(self) -> tuple[str, ...]:
        """`implementations` and those that need a device of their own."""
        return self.implementations + (("cuda",) if self.rule else ())

    def state_bytes(self, **options: Value) -> int:
        """Return the bytes of optimizer state a parameter in fp32."""
        return self.declaration.state_bytes({**self.declaration.defaults(), **options})

    def traffic_bytes(self, **options: Value) -> int:
        """Return the least bytes of memory traffic a parameter and step in fp32."""
        return self.declaration.traffic_bytes({**self.declaration.defaults(), **options})


_PACKAGE = __name__.rpartition(".")[0] + "."
_entries: dict[str, Entry] = {}
_outside: dict[str, Entry] = {}  # by import path: rules that are no part of optbench
_complete = False


def register(
    name: str, *, title: str, paper: str = "", torch: TorchClass | None = None, wrapper: bool = False
) -> Callable[[D], D]:
    """Register a declaration under a name, here or in a module of your own.

    Args:
        name: what references call it.
        title: its name for people.
        paper: where it comes from: `arXiv:...`, `doi:...` or an address.
        torch: torch.optim's class that has the algorithm.
        wrapper: of optbench's own alone.

    Raises:
        OptbenchError: for a name that another optimizer has (in optbench itself that is a mistake of ours).
    """

    def decorate(declaration: D) -> D:
        path = f"{declaration.__module__}.{declaration.__qualname__}"
        if path.startswith(_PACKAGE):
            assert name not in _entries, f"the optimizer name '{name}' is registered twice"
            assert declaration.__doc__, f"{declaration.__name__} has no docstring"
            _entries[name] = Entry(name, title, paper, declaration, torch, wrapper)
        else:
            for other in (*_all().values(), *_outside.values()):
                if other.name == name and other.path != path:
                    raise taken_twice(name, other.path or _path(other), path)
            _outside[path] = Entry(name, title, paper, declaration, torch, path=path)
        declaration.name = name
        return declaration

    return decorate


def taken_twice(name: str, one: str, other: str) -> OptbenchError:
    """Return the error of a name that two optimizers have, both of which it names."""
    return OptbenchError(f"the optimizer name '{name}' is taken twice, by {one} and by {other}", "rename one of them")


def _path(entry: Entry) -> str:
    return f"{entry.declaration.__module__}.{entry.declaration.__qualname__}"


def _all() -> dict[str, Entry]:
    """Import every public module of the package once; each registers itself."""
    global _complete
    if not _complete:
        for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
            if not module.name.startswith("_"):
                importlib.import_module(f"optbench.optimizers.{module.name}")
        _complete = True
    return _entries


def own() -> Mapping[str, Entry]:
    """Return optbench's own entries by name, wrappers included."""
    return _all()


def outside() -> Mapping[str, Entry]:
    """Return the rules outside optbench that have been imported, by import path."""
    return _outside


def adopt(rule: type[Rule], path: str) -> Entry:
    """Return an entry for a rule outside optbench that is not registered: its path is its name."""
    rule.name = path
    entry = _outside[path] = Entry(path, rule.__name__, "", rule, path=path)
    return entry


def names(pattern: str = "*") -> list[str]:
    """Return the names that match a shell pattern, sorted; wrappers (`xgrad`) are not optimizers by themselves."""
    return sorted(n for n, entry in _all().items() if fnmatchcase(n, pattern) and not entry.wrapper)


def wrappers() -> list[str]:
    """Return the names of the wrappers, which stand before an optimizer: `xgrad+adamw`."""
    return sorted(n for n, entry in _all().items() if entry.wrapper)


def info(name: str) -> Entry:
    """Return the entry of a name: of our own, of a rule that a module registered, of a plug-in, or of a rule's path.

    Raises:
        OptbenchError: for an unknown name, with the nearest one, and for a class that is no rule: it has no entry.
    """
    entries = _all()
    if name in entries:
        return entries[name]
    from optbench.optimizers import _outside as others

    path = others.path_of(name) or name
    if "." in path:
        entry = others.entry_of(path)
        if entry is None:
            raise OptbenchError(f"'{name}' is a class that declares nothing to optbench", "it can be compared")
        return entry
    raise OptbenchError(
        f"unknown optimizer '{name}'",
        nearest(name, (*entries, *others.plugins()))
        or "`optbench list optimizers` shows them; a third-party class is named by import path",
    )


def by_class_name() -> dict[str, Entry]:
    """Return the entries by the name of their class: AdaPlus, RAdam, ..."""
    return {entry.declaration.__name__: entry for entry in _all().values()}
