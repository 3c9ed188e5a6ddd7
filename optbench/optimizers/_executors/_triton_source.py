"""Turns text and a rule's functions into Triton kernels: names rebound, source kept where Triton can read it."""

import ast
import inspect
import itertools
import linecache
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import triton
import triton.language as tl

from optbench.optimizers._executors._program import rebind

# Under Triton's interpreter a bare `tl.sqrt` inside a rule would not be found: hence wrappers, jitted themselves.


@triton.jit
def _sqrt(x):  # type: ignore[no-untyped-def]
    if x.dtype == tl.float64:
        root = tl.sqrt(x)
    else:
        root = tl.sqrt_rn(x)  # tl.sqrt is approximate in fp32
    return root


@triton.jit
def _where(condition, a, b):  # type: ignore[no-untyped-def]
    return tl.where(condition != 0, a, b)


@triton.jit
def _maximum(a, b):  # type: ignore[no-untyped-def]
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _minimum(a, b):  # type: ignore[no-untyped-def]
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _sign(a):  # type: ignore[no-untyped-def]
    return tl.where(a > 0, 1.0, tl.where(a < 0, -1.0, 0.0))


@triton.jit
def _total(term, mask):  # type: ignore[no-untyped-def]
    """Sum a block in float64; a mask of None takes every lane."""
    if mask is None:
        inside = term.to(tl.float64)
    else:
        inside = tl.where(mask, term, 0.0).to(tl.float64)
    return tl.sum(inside)


@triton.jit
def _power(base, exponent):  # type: ignore[no-untyped-def]
    """Raise a non-negative float64 to a power; 0 to the power of 0 is not asked for, because t >= 1."""
    positive = base > 0
    return tl.where(positive, tl.exp(exponent * tl.log(tl.where(positive, base, 1.0))), 0.0)


@triton.jit
def _nearest_bfloat16(x):  # type: ignore[no-untyped-def]
    """Round fp32 to the nearest bf16, to even in a tie: Triton's interpreter cuts the bits off that hardware rounds."""
    bits = x.to(tl.int32, bitcast=True)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & -65536
    return bits.to(tl.float32, bitcast=True)


NAMES: dict[str, Any] = {
    "sqrt": _sqrt,
    "where": _where,
    "maximum": _maximum,
    "minimum": _minimum,
    "sign": _sign,
}
"""What stands for the functions that a rule's direction may call."""

_numbers = itertools.count(1)


def _define(name: str, text: str, scope: dict[str, Any]) -> None:
    """Run the text in a scope.

    Triton reads the source of what it compiles through `inspect`: the text is put where `inspect` looks for generated
    code (as doctest and attrs do), so that no file has to be written and removed.
    """
    filename = f"<optbench triton {next(_numbers)}: {name}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), scope)


def _jit(twin: Callable[..., Any]) -> Any:
    """Compile a rule's function without its annotations, which Triton would look up as values of its own."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(twin)))
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list, definition.returns = [], None
    for argument in definition.args.args:
        argument.annotation = None
    scope = {**twin.__globals__, "tl": tl, "__name__": __name__}
    _define(definition.name, ast.unparse(tree), scope)
    return triton.jit(scope[definition.name])


@dataclass(frozen=True)
class Kernel:
    """A compiled kernel with its arguments in order.

    Attributes:
        function: the kernel as Triton knows it.
        arguments: the names of its parameters; `c_...` are scalars, the others are tensors.
        text: the generated source, to read while debugging.
    """

    function: Any
    arguments: tuple[str, ...]
    text: str

    def __call__(self, programs: int, values: Mapping[str, Any]) -> None:
        """Launch on the current stream with each argument taken by its name.

        Multiplication and addition stay apart (no fused operations): memory sets the pace, and the result of a rule
        then does not depend on what else its kernel does.
        """
        if programs:
            self.function[(programs,)](*[values[n] for n in self.arguments], num_warps=4, enable_fp_fusion=False)


def build(
    name: str,
    text: str,
    functions: Mapping[str, Callable[..., Any]],
    arguments: list[str],
    as_they_are: Collection[str] = (),
) -> Kernel:
    """Return the kernel `name` of a text whose functions may call the rule's functions by name.

    Arguments `as_they_are` are not looked at for what may be compiled into the kernel (that they are 1, or multiples
    of 16): else it would be compiled again for others.
    """
    scope: dict[str, Any] = {
        "__name__": __name__,
        "tl": tl,
        "total": _total,
        "power": _power,
        "root": _sqrt,
        "nearest_bfloat16": _nearest_bfloat16,
        **{n: rebind(f, NAMES, _jit) for n, f in functions.items()},
    }
    before = set(scope)
    _define(name, text, scope)
    new = {n: f for n, f in scope.items() if n not in before and n != "__builtins__"}
    own = {n: triton.jit(f, do_not_specialize=as_they_are if n == name else ()) for n, f in new.items()}
    scope.update(own)
    return Kernel(own[name], tuple(arguments), text)
