"""What a mutant is, and where the functions are that it changes."""

import ast
import inspect
import textwrap
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from optbench.optimizers._rule import Rule

FUNCTIONS = ("coefficients", "direction", "layer", "reduce", "recover", "apply")
"""The functions that make up a rule."""

PACKAGE = "optbench.optimizers."


@dataclass(frozen=True)
class Twin:
    """A function with a fault in it.

    Attributes:
        module: the module of `optbench.optimizers` that holds the function.
        function: its qualified name there: `Adam.direction`, `adapted`, `XGrad.eval`.
        source: the function with the fault.
    """

    module: str
    function: str
    source: str


@dataclass(frozen=True)
class Mutant:
    """A fault, in one function or in several that change together.

    Attributes:
        name: unique among all mutants.
        reference: the optimizer whose verification must fail; `xgrad+NAME` where weight prediction has the fault.
        description: the fault in words, or the expression before and after.
        twins: the functions with the fault in them.
        line: where the fault is, in the file of the first.
        origin: `planted` by hand, or `generated` from the syntax tree.
        of_engine: whether the fault is in what all rules share, so that it cannot be built beside the real thing.
    """

    name: str
    reference: str
    description: str
    twins: tuple[Twin, ...]
    line: int
    origin: str
    of_engine: bool = False

    @property
    def optimizer(self) -> str:
        """The entry's name, without the wrapper."""
        return self.reference.rpartition("+")[2]

    @property
    def place(self) -> str:
        """File and line, as an editor takes them."""
        return f"optbench/optimizers/{self.twins[0].module.replace('.', '/')}.py:{self.line}"


@cache
def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module of `optbench.optimizers`."""
    return ast.parse(Path(file_of(module)).read_text())


def file_of(module: str) -> str:
    """Return the file of a module of `optbench.optimizers`."""
    return inspect.getfile(import_module(PACKAGE + module))


def find(tree: ast.Module, function: str) -> ast.FunctionDef:
    """Return the definition of a function by its qualified name; asking for one that is not there is our mistake."""
    body: list[ast.stmt] = tree.body
    *classes, name = function.split(".")
    for wanted in classes:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == wanted)
    return next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)


def text_of(module: str, function: str) -> tuple[str, int]:
    """Return the source of a function, dedented, and its first line in the file."""
    node = find(tree_of(module), function)
    lines = Path(file_of(module)).read_text().splitlines()
    return textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno])), node.lineno


def home(rule: type[Rule], function: str) -> tuple[str, str]:
    """Return the module and the qualified name of a function of a rule, inherited or beside it in its module."""
    for cls in rule.__mro__:
        if function in vars(cls):
            found = inspect.unwrap(vars(cls)[function].__func__)
            return found.__module__.removeprefix(PACKAGE), found.__qualname__
        if function in vars(module := import_module(cls.__module__)):
            return module.__name__.removeprefix(PACKAGE), function
    raise AssertionError(f"{rule.__name__} has no function {function}")
