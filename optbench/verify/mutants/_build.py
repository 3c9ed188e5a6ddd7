"""Builds the code with a fault in it: a rule beside the real one, or the engine's own function until it is put back."""

import ast
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from optbench.optimizers._registry import Entry, info
from optbench.optimizers._rule import Rule
from optbench.verify.mutants._mutant import FUNCTIONS, PACKAGE, Mutant, Twin, file_of, find


class _Plant(ast.NodeTransformer):
    """Put a function's faulty twin in its place, and leave classes unregistered."""

    def __init__(self, original: ast.FunctionDef, source: str) -> None:
        self.original = original
        (twin,) = ast.parse(source).body
        assert isinstance(twin, ast.FunctionDef)
        twin.decorator_list = original.decorator_list
        self.twin = twin

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self.twin if node is self.original else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list = []
        return node


def _executed(module: str, twins: Iterable[Twin]) -> dict[str, Any]:
    """Execute a module anew, with the faults in it, and return its names."""
    tree = ast.parse(Path(file_of(module)).read_text())
    for twin in twins:
        tree = _Plant(find(tree, twin.function), twin.source).visit(tree)
    scope: dict[str, Any] = {"__name__": PACKAGE + module, "__package__": PACKAGE.rstrip(".")}
    exec(compile(ast.fix_missing_locations(tree), file_of(module), "exec"), scope)
    return scope


def _scopes(mutant: Mutant) -> dict[str, dict[str, Any]]:
    modules = dict.fromkeys(twin.module for twin in mutant.twins)
    return {module: _executed(module, [t for t in mutant.twins if t.module == module]) for module in modules}


def faulty_functions(mutant: Mutant, rule: type[Rule]) -> dict[str, Callable[..., Any]]:
    """Return those functions of a rule that come from a file with a fault in it, by name."""
    scopes, found = _scopes(mutant), {}
    for name in FUNCTIONS:
        owner = next(cls for cls in rule.__mro__ if name in vars(cls) or cls is Rule)
        scope = scopes.get(owner.__module__.removeprefix(PACKAGE), {})
        function = vars(scope[owner.__name__]).get(name) if owner.__name__ in scope else None
        if function is not None:
            found[name] = function.__func__
    return found


def faulty_entry(mutant: Mutant) -> Entry:
    """Return the optimizer's entry with a faulty rule; it is not registered."""
    entry = info(mutant.optimizer)
    assert entry.rule is not None
    replaced = {name: staticmethod(f) for name, f in faulty_functions(mutant, entry.rule).items()}
    declaration = types.new_class(entry.rule.__name__, (entry.rule,), {}, lambda scope: scope.update(replaced))
    declaration.__module__ = entry.rule.__module__
    return replace(entry, declaration=declaration)


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Put a fault of the engine in place, in this process, until the block ends."""
    scopes = _scopes(mutant)
    originals = {(m, n): dict(vars(v)) for m, scope in scopes.items() for n, v in scope.items() if isinstance(v, type)}
    undo: list[tuple[Any, str, Any]] = []
    for twin in mutant.twins:
        owner: Any = import_module(PACKAGE + twin.module)
        *classes, name = twin.function.split(".")
        faulty: Any = scopes[twin.module]
        for cls in classes:
            owner, faulty = getattr(owner, cls), originals[twin.module, cls]
        _bind_super(faulty[name], owner)
        undo += [(heir, name, vars(heir).get(name)) for heir in _hooked(owner, name)]
        for target in [owner] if classes else _users(name, getattr(owner, name)):
            undo.append((target, name, vars(target)[name]))
            setattr(target, name, faulty[name])
    _without_hooks(undo)
    try:
        yield
    finally:
        _without_hooks(undo)
        for target, name, original in undo:
            if original is not None:
                setattr(target, name, original)


def _hooked(owner: Any, name: str) -> list[type]:
    """Return the heirs of a class, if the function is `step`: torch wraps it in each class at the first instance."""
    heirs: list[type] = owner.__subclasses__() if isinstance(owner, type) and name == "step" else []
    return heirs + [further for heir in heirs for further in _hooked(heir, name)]


def _without_hooks(undo: list[tuple[Any, str, Any]]) -> None:
    for target, name, _ in undo:
        if name in vars(target) and getattr(vars(target)[name], "hooked", False):
            delattr(target, name)


def _users(name: str, function: Any) -> list[Any]:
    """Return the modules of the optimizers that hold a function under its name."""
    modules = [m for n, m in list(sys.modules.items()) if n.startswith(PACKAGE)]
    return [module for module in modules if vars(module).get(name) is function]


def _bind_super(function: Any, owner: Any) -> None:
    """Let a method's `super()` and its class's name mean the real class."""
    function = inspect.unwrap(function)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name == "__class__":
            cell.cell_contents = owner
    if isinstance(owner, type):
        function.__globals__[owner.__name__] = owner
