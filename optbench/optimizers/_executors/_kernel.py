"""The source of the cpu kernels: one template, filled in with a rule's slots and coefficients, compiled by Numba.

A kernel is a C function of one pointer, to the addresses and sizes that `ARGUMENTS` counts:

    0 table of addresses (rows, tensors)    4 bounds of each thread's chunks (threads + 1,)
    1 per-tensor values (4, tensors)        5 coefficients (k,)
    2 partial sums (2, chunks)              6 tensors   7 chunks   8 parts
    3 chunks: tensor, offset, length        9 the thread's number, or -1 to ask OpenMP   10 team size

Rows of the table: theta, g, the slots that exist in declared order, then the kept theta ("swap") if there is one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

from optbench.optimizers._executors import _threads
from optbench.optimizers._executors._intrinsics import AT, BLOCK, INTEGERS_AT, LINE, SCRATCH, settle, stream
from optbench.optimizers._executors._program import Program, rebind
from optbench.optimizers._rule import inspect_parameters

ARGUMENTS = 11


@dataclass(frozen=True)
class Kind:
    """What a step does besides updating: which of these the kernel is compiled for.

    Attributes:
        dtype: of the tensors and of the arithmetic.
        cached: theta is kept in `swap`, theta holds phi.
        predicts: phi = theta - reach d is written.
        recovers: theta is recomputed from phi and the state first.
        aim: no step at all: phi is written for another reach.
        streams: phi goes past the caches, which saves reading the memory that it overwrites.
    """

    dtype: Any
    cached: bool
    predicts: bool
    recovers: bool
    aim: bool = False
    streams: bool = False


def _minimum(a: float, b: float) -> float:
    return a if a < b else b


def _maximum(a: float, b: float) -> float:
    return a if a > b else b


def _where(condition: float, a: float, b: float) -> float:
    return a if condition else b


def _jit(function: Callable[..., Any]) -> Any:
    return numba.njit(function, error_model="numpy")


@cache
def _names() -> dict[str, Any]:
    """Return the functions that stand for `sqrt`, `where`, ... in a compiled rule."""
    named: dict[str, Callable[..., Any]] = {"minimum": _minimum, "maximum": _maximum, "where": _where}
    return {"sqrt": np.sqrt, "sign": np.sign, **{name: _jit(f) for name, f in named.items()}}


_HEAD = """
def kernel(pointer):
    a = carray(pointer, (ARGUMENTS,))
    tensors, count, parts, number, team = a[6], a[7], a[8], a[9], a[10]
    if number < 0:
        number, team = thread_number(), team_size()
    table = carray(integers_at(a[0]), (ROWS, tensors))
    values = carray(doubles_at(a[1]), (4, tensors))
    sums = carray(doubles_at(a[2]), (2, count))
    chunks = carray(integers_at(a[3]), (3, count))
    bounds = carray(integers_at(a[4]), (parts + 1,))
    k = carray(doubles_at(a[5]), (COEFFICIENTS,))
    zero = real(0)
    one = real(1)
"""

_CHUNK = """
    for part in range(number, parts, team):
        for c in range(bounds[part], bounds[part + 1]):
            t, offset, length = chunks[0, c], chunks[1, c] * SIZE, chunks[2, c]
"""

# What is streamed is gathered first, block by block; a block that is not of whole lines is copied as usual.
_OPEN_BLOCK = """
            end = offset + length * SIZE
            for offset in range(offset, end, BLOCK * SIZE):
                length = min(BLOCK * SIZE, end - offset) // SIZE
"""

_CLOSE_BLOCK = """
                if (table[0, t] + offset) % LINE or length * SIZE % LINE:
                    for i in range(length):
                        p_theta[i] = p_block[i]
                else:
                    stream(real_at(table[0, t] + offset), block, length)
    settle()
"""

_LAYER = """
    c = 0
    for t in range(tensors):
        n1 = 0.0
        n2 = 0.0
        while c < count and chunks[0, c] == t:
            n1 += sums[0, c]
            n2 += sums[1, c]
            c += 1
"""


class _Source:
    """Writes one kernel: which rows the table has and what each name of the rule is called in it."""

    def __init__(self, program: Program, kind: Kind, coefficients: tuple[str, ...]) -> None:
        self.program, self.kind, self.rule = program, kind, program.rule
        self.rows = ["theta", "g", *program.present, *(["swap"] if kind.cached else [])]
        self.coefficients = [*coefficients, "reach", "last_reach", *([f"last_{n}" for n in coefficients])]
        if not kind.recovers:
            self.coefficients = self.coefficients[: len(coefficients) + 2]
        self.text = _HEAD
        self.depth = 4 if kind.streams else 3  # of what is done for a run of elements

    def line(self, depth: int, text: str) -> None:
        self.text += "    " * depth + text + "\n"

    def inner(self, text: str) -> None:
        """Write a line of the loop over the elements."""
        self.line(self.depth + 1, text)

    def load_coefficients(self, cast: str) -> None:
        for i, name in enumerate(self.coefficients):
            self.line(1, f"c_{name} = {cast}(k[{i}])")

    def open_chunks(self, rows: list[str]) -> None:
        """Begin the loops over chunks, and over the blocks of what is streamed, with an array for each row."""
        if self.kind.streams:
            self.line(1, "block = scratch()")
            self.line(1, "p_block = carray(block, (BLOCK,))")
        self.text += _CHUNK + (_OPEN_BLOCK if self.kind.streams else "")
        for name in rows:
            row = self.rows.index(name)
            self.line(self.depth, f"p_{name} = carray(real_at(table[{row}, t] + offset), (length,))")

    def put_theta(self, value: str) -> None:
        """Write what becomes of the parameter, and end the loops."""
        self.inner(f"{'p_block' if self.kind.streams else 'p_theta'}[i] = {value}")
        self.text += _CLOSE_BLOCK if self.kind.streams else ""

    def call(self, name: str, scope: dict[str, str]) -> str:
        function = getattr(self.rule, name)
        return f"{name}({', '.join(scope[n] for n in inspect_parameters(function))})"

    def scope(self, prefix: str = "c_", absent: str = "zero") -> dict[str, str]:
        """Return how each name that a rule's function may ask for is written inside the loop."""
        slots = {n: f"s_{n}" if n in self.program.present else absent for n in self.rule.slots}
        known = {n.removeprefix("last_"): f"{prefix}{n.removeprefix('last_')}" for n in self.coefficients}
        flags = {n: str(v) for n, v in self.program.flags}
        layer = {n: f"v_{n}" for n in self.rule.layer_values}
        return {**flags, **slots, **layer, **known, "theta": "theta", "g": "g", "d": "d"}

    def compile(self, fastmath: Any, **functions: Callable[..., Any]) -> Any:
        library: dict[str, Callable[[], int]] = {"thread_number": lambda: 0, "team_size": lambda: 1}
        openmp = _threads.openmp()
        names = {
            **(
                {"thread_number": openmp.omp_get_thread_num, "team_size": openmp.omp_get_num_threads}
                if openmp
                else {name: _jit(f) for name, f in library.items()}
            ),
            **{name: rebind(f, _names(), _jit) for name, f in functions.items()},
            "carray": numba.carray,  # type: ignore[attr-defined]
            "real": self.kind.dtype,
            "real_at": AT[self.kind.dtype],
            "doubles_at": AT[np.float64],
            "integers_at": INTEGERS_AT,
            "scratch": SCRATCH[self.kind.dtype],
            "stream": stream,
            "settle": settle,
            "ARGUMENTS": ARGUMENTS,
            "ROWS": len(self.rows),
            "COEFFICIENTS": len(self.coefficients),
            "SIZE": np.dtype(self.kind.dtype).itemsize,
            "BLOCK": BLOCK,
            "LINE": LINE,
        }
        exec(self.text, names)
        signature = types.void(types.CPointer(types.int64))  # type: ignore[no-untyped-call]
        compiled = numba.cfunc(signature, error_model="numpy", fastmath=fastmath)(names["kernel"])
        kernel = _threads.KERNEL(compiled.address)  # type: ignore[arg-type]
        kernel.keeps_alive = compiled  # type: ignore[attr-defined]
        return kernel


@cache
def element_kernel(program: Program, kind: Kind, coefficients: tuple[str, ...]) -> Any:
    """Return the kernel that updates every element (or, to `aim`, that writes phi alone)."""
    source = _Source(program, kind, coefficients)
    present = [n for n in program.element_slots if n in program.present]
    source.load_coefficients("real")
    source.open_chunks(["theta", *([] if kind.aim else ["g"]), *present, *(["swap"] if kind.cached else [])])
    for row, name in enumerate(source.rule.layer_values):
        source.line(source.depth, f"v_{name} = real(values[{row}, t])")
    source.line(source.depth, "for i in range(length):")
    for name in present:
        source.inner(f"s_{name} = p_{name}[i]")
    source.inner(f"theta = {'p_swap' if kind.cached else 'p_theta'}[i]")
    if kind.aim:
        source.put_theta(f"theta - c_reach * {source.call('recover', source.scope())}")
        return source.compile(False, recover=_rule_function(source, "recover"))
    source.inner("g = p_g[i]")
    functions = {n: _rule_function(source, n) for n in ("direction", "apply")}
    if kind.recovers:
        source.inner(f"theta = theta + c_last_reach * {source.call('recover', source.scope('c_last_'))}")
        functions["recover"] = _rule_function(source, "recover")
    outputs = "".join(f", s_{n}" if n in present else ", _" for n in program.element_slots)
    source.inner(f"d{outputs or ','} = {source.call('direction', source.scope())}")
    source.inner(f"theta = {source.call('apply', source.scope())}")
    for name in present:
        source.inner(f"p_{name}[i] = s_{name}")
    if kind.cached:
        source.inner("p_swap[i] = theta")
    source.put_theta("theta - c_reach * d" if kind.predicts else "theta")
    return source.compile(False, **functions)


@cache
def sum_kernel(program: Program, kind: Kind, coefficients: tuple[str, ...]) -> Any:
    """Return the kernel that sums the rule's `reduce` over every chunk, in float64."""
    source = _Source(program, kind, coefficients)
    reduce = _rule_function(source, "reduce")
    functions = {"reduce": reduce}
    needed = inspect_parameters(reduce)
    source.load_coefficients("real")
    if "d" in needed:
        functions["direction"] = _rule_function(source, "direction")
        needed = tuple(n for n in inspect_parameters(functions["direction"]) if n in source.rows)
    source.open_chunks(["swap" if n == "theta" and kind.cached else n for n in needed])
    source.line(3, "n1 = 0.0")
    source.line(3, "n2 = 0.0")
    source.line(3, "for i in range(length):")
    for name in needed:
        source.line(4, f"{_local(name)} = p_{'swap' if name == 'theta' and kind.cached else name}[i]")
    if "direction" in functions:
        scope = {**source.scope(), **dict.fromkeys(source.rule.layer_values, "one")}
        source.line(4, f"d = {source.call('direction', scope)}[0]")
    source.line(4, f"terms = {source.call('reduce', source.scope())}")
    source.line(4, "n1 += terms[0]")
    source.line(4, "n2 += terms[len(terms) - 1]")
    source.line(3, "sums[0, c] = n1")
    source.line(3, "sums[1, c] = n2")
    return source.compile({"reassoc", "contract"}, **functions)


@cache
def layer_kernel(program: Program, kind: Kind, coefficients: tuple[str, ...]) -> Any:
    """Return the kernel that turns sums into per-tensor values and updates the per-tensor slots, in float64."""
    source = _Source(program, kind, coefficients)
    present = [n for n in program.layer_slots if n in program.present]
    source.load_coefficients("")
    source.text += _LAYER
    for name in present:
        source.line(2, f"p_{name} = carray(real_at(table[{source.rows.index(name)}, t]), (1,))")
        source.line(2, f"s_{name} = float(p_{name}[0])")
    outputs = [f"v_{n}" for n in source.rule.layer_values]
    outputs += [f"s_{n}" if n in present else "_" for n in program.layer_slots]
    scope = {**source.scope(absent="0.0"), "n1": "n1", "n2": "n2"}
    source.line(2, f"{', '.join(outputs)}, = {source.call('layer', scope)}")
    for row, name in enumerate(source.rule.layer_values):
        source.line(2, f"values[{row}, t] = v_{name}")
    for name in present:
        source.line(2, f"p_{name}[0] = s_{name}")
    return source.compile(False, layer=_rule_function(source, "layer"))


def _local(name: str) -> str:
    """Return what an element of a row is called inside the loop."""
    return name if name in ("theta", "g") else f"s_{name}"


def _rule_function(source: _Source, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(source.rule, name)
    return function
