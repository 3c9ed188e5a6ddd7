"""Mutants generated from the rules' syntax trees: every change of `_changes`, at every place, in a fixed order."""

import ast
import copy
from collections.abc import Iterator, Mapping

from optbench.optimizers import info, names
from optbench.optimizers._rule import Rule
from optbench.verify.mutants._changes import CHANGES, Change, Scope
from optbench.verify.mutants._mutant import FUNCTIONS, PACKAGE, Mutant, Twin, find, tree_of


def generated(optimizer: str) -> list[Mutant]:
    """Return the mutants of one optimizer's own functions; those it inherits are mutants of its parent."""
    rule = info(optimizer).rule
    found: dict[str, Mutant] = {}
    for module, function in [] if rule is None else _own_functions(rule):
        node = find(tree_of(module), function)
        for change in CHANGES:
            for mutant in _mutants_of(optimizer, module, function, node, change):
                found.setdefault(mutant.twins[0].source, mutant)
    return list(found.values())


def all_generated() -> list[Mutant]:
    """Return every generated mutant of every optimizer."""
    return [mutant for name in names() for mutant in generated(name)]


def _own_functions(rule: type[Rule]) -> Iterator[tuple[str, str]]:
    """Yield module and qualified name of the functions that a rule defines itself, its helpers first."""
    module = rule.__module__.removeprefix(PACKAGE)
    for node in tree_of(module).body:
        if isinstance(node, ast.FunctionDef):
            yield module, node.name
    (cls,) = (n for n in tree_of(module).body if isinstance(n, ast.ClassDef) and n.name == rule.__name__)
    for item in cls.body:
        if isinstance(item, ast.FunctionDef) and item.name in FUNCTIONS:
            yield module, f"{cls.name}.{item.name}"


def _mutants_of(optimizer: str, module: str, function: str, node: ast.FunctionDef, change: Change) -> Iterator[Mutant]:
    scope = _scope(module, node)
    parents = {child: parent for parent in ast.walk(node) for child in ast.iter_child_nodes(parent)}
    for i, place in enumerate(_places(node)):
        for j, faulty in enumerate(change(place, scope)):
            new = copy.deepcopy(faulty)
            twin = _with(node, i, new)
            line: int = getattr(place, "lineno", node.lineno)
            yield Mutant(
                name=f"{optimizer}:{line}:{i}:{change.__name__}:{j}",
                reference=optimizer,
                description=_described(change, parents, place, new),
                twins=(Twin(module, function, ast.unparse(twin)),),
                line=line,
                origin="generated",
            )


def _described(change: Change, parents: Mapping[ast.AST, ast.AST], place: ast.AST, faulty: ast.AST) -> str:
    """Say what changed, and in which term where the change alone does not tell."""
    kind = change.__name__.replace("_", " ")
    before, after, around = _text(place), _text(faulty), _text(_term(parents, place))
    return f"{kind}: {before} -> {after}" + (f" in {around}" if around not in (before, after) else "")


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())


def _term(parents: Mapping[ast.AST, ast.AST], place: ast.AST) -> ast.AST:
    """Return the value of a coefficient or the expression of a statement that a node belongs to."""
    while not isinstance(parents[place], ast.stmt | ast.Dict) and not isinstance(place, ast.stmt):
        place = parents[place]
    return place


def _places(function: ast.FunctionDef) -> list[ast.AST]:
    """Return every node of a function's body in a fixed order."""
    return [node for statement in function.body for node in ast.walk(statement)]


class _Put(ast.NodeTransformer):
    def __init__(self, original: ast.AST, faulty: ast.AST) -> None:
        self.original, self.faulty = original, faulty

    def visit(self, node: ast.AST) -> ast.AST:
        return self.faulty if node is self.original else super().visit(node)


def _with(function: ast.FunctionDef, i: int, faulty: ast.AST) -> ast.FunctionDef:
    """Return a copy of a function, undecorated, with another node in its i-th place."""
    twin = copy.deepcopy(function)
    _Put(_places(twin)[i], faulty).visit(twin)
    twin.decorator_list = []
    return ast.fix_missing_locations(twin)


def _scope(module: str, node: ast.FunctionDef) -> Scope:
    """Sort a function's parameters by what they stand for: their annotations say so."""
    kinds: dict[str, list[str]] = {}
    for argument in node.args.args:
        kind = ast.unparse(argument.annotation) if argument.annotation else ""
        if argument.arg != "t":
            kinds.setdefault(kind, []).append(argument.arg)
    return Scope(tuple(tuple(group) for group in kinds.values()), frozenset(a.arg for a in node.args.args))
