"""The changes that make mutants of an expression or a statement: each yields the faulty node in its place."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
CALLS = {"maximum": "minimum", "minimum": "maximum"}
ROOTS = ("sqrt", "root", "sign")


@dataclass(frozen=True)
class Scope:
    """What the names of a function mean.

    Attributes:
        kinds: lists of names that may stand for each other: elements, coefficients, hyper-parameters, flags.
        parameters: the function's parameters.
    """

    kinds: tuple[tuple[str, ...], ...]
    parameters: frozenset[str] = field(default_factory=frozenset)

    def twin(self, name: str) -> str | None:
        """Return the next name of the same kind, or None where there is no other."""
        for kind in self.kinds:
            if name in kind and len(kind) > 1:
                return kind[(kind.index(name) + 1) % len(kind)]
        return None


Change = Callable[[ast.AST, Scope], Iterator[ast.AST]]


def operator_exchanged(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """+ and -, * and /; a power becomes a product."""
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS.get(type(node.op), ()):
            yield ast.BinOp(node.left, operator(), node.right)


def term_dropped(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """One side of a sum or product alone; an argument alone in place of its root, sign or maximum."""
    if isinstance(node, ast.BinOp):
        yield node.left
        if not isinstance(node.op, ast.Pow):
            yield node.right
    if isinstance(node, ast.BoolOp):
        yield from node.values
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (*CALLS, *ROOTS):
        yield from node.args


def constant_perturbed(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """A whole number one larger, any other 1 % larger; t one larger."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        value = node.value
        yield ast.Constant(value + 1 if isinstance(value, int) else (value * 1.01 or 0.01))
    if isinstance(node, ast.Name) and node.id == "t" and isinstance(node.ctx, ast.Load):
        yield ast.BinOp(copy.deepcopy(node), ast.Add(), ast.Constant(1))


def name_exchanged(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """The next element, coefficient, hyper-parameter or switch in place of one."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and (other := scope.twin(node.id)):
        yield ast.Name(other, ast.Load())


def comparison_flipped(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """A comparison turned round, or with its boundary on the other side; `and` for `or`."""
    if isinstance(node, ast.Compare):
        for operator in COMPARISONS[type(node.ops[0])]:
            yield ast.Compare(node.left, [operator()], node.comparators)
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def branch_exchanged(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """The other arm of a condition; a maximum for a minimum."""
    if isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    if isinstance(node, ast.If) and not node.orelse:
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, [])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in CALLS:
            yield ast.Call(ast.Name(CALLS[node.func.id], ast.Load()), node.args, [])
        if node.func.id == "where":
            condition, then, otherwise = node.args
            yield ast.Call(node.func, [condition, otherwise, then], [])


def update_dropped(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """An argument that is not brought up to date."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if name in scope.parameters:
            yield ast.Pass()
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()


CHANGES: tuple[Change, ...] = (
    operator_exchanged,
    term_dropped,
    constant_perturbed,
    name_exchanged,
    comparison_flipped,
    branch_exchanged,
    update_dropped,
)
