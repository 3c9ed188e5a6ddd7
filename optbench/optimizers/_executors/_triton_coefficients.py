"""Compiles a rule's `coefficients` for the device, in float64: for CUDA graphs, and for steps that may be skipped.

The Python function is run on stand-ins (`_traced.py`) that write down what is done to them; both answers to each
question about them are followed, so that the text becomes a tree of branches. Hyper-parameters that are switches or
words are settled beforehand.
"""

import ast
from collections.abc import Mapping
from functools import cache
from typing import Any

from optbench.errors import OptbenchError
from optbench.optimizers._executors._program import Program
from optbench.optimizers._executors._traced import Fork, Number, Tape, lifted, text_of
from optbench.optimizers._executors._triton_source import Kernel, build
from optbench.optimizers._rule import Rule, inspect_parameters, spread

MOST_BRANCHES = 64


Static = tuple[tuple[str, bool | str], ...]


class _Trace:
    """Follows a rule's `coefficients` on every path and keeps the names that it returns."""

    def __init__(self, rule: type[Rule], static: Static, shapes: tuple[tuple[str, int], ...]) -> None:
        self.rule, self.static, self.shapes = rule, dict(static), shapes
        self.function = lifted(rule.coefficients)
        self.names: tuple[str, ...] = ()
        self.leaves = 0

    def text(self, answers: tuple[bool, ...] = ()) -> list[str]:
        tape = Tape(answers)
        given: dict[str, Any] = {**self.static, "t": Number(tape, "t")}
        for name, count in self.shapes:
            given[name] = Number(tape, f"h_{name}") if not count else _tuple(tape, name, count)
        try:
            result = dict(self.function(**{n: given[n] for n in inspect_parameters(self.function)}))
        except Fork as fork:
            self.leaves += 1
            if self.leaves > MOST_BRANCHES:
                raise OptbenchError(
                    f"{self.rule.name}'s coefficients branch too often", "use capturable=False"
                ) from None
            inner = [[f"    {line}" for line in self.text((*answers, answer))] for answer in (True, False)]
            return [*tape.lines, f"if {fork.condition}:", *inner[0], "else:", *inner[1]]
        if self.names and set(self.names) != set(result):
            raise TypeError("it returns other names at other times")
        self.names = self.names or tuple(result)
        stores = [f"tl.store(k + {i}, {text_of(result[name])})" for i, name in enumerate(self.names)]
        return [*tape.lines, *stores, f"tl.store(k + {len(self.names)}, s * {text_of(result['scale'])})"]


def _tuple(tape: Tape, name: str, count: int) -> tuple[Number, ...]:
    return tuple(Number(tape, f"h_{name}_{i}") for i in range(count))


def split(options: Mapping[str, Any]) -> tuple[Static, dict[str, Any], tuple[tuple[str, int], ...]]:
    """Sort hyper-parameters into switches and words, numbers by the kernel's names, and lengths (0 for a number)."""
    flat = spread(options)
    static = tuple(sorted((n, v) for n, v in flat.items() if isinstance(v, (bool, str))))
    numbers: dict[str, Any] = {}
    shapes = []
    for name, value in sorted(flat.items()):
        if isinstance(value, (bool, str)):
            continue
        parts = value if isinstance(value, tuple) else None
        shapes.append((name, len(parts) if parts is not None else 0))
        numbers.update({f"h_{name}_{i}": v for i, v in enumerate(parts)} if parts is not None else {f"h_{name}": value})
    return static, numbers, tuple(shapes)


@cache
def coefficient_kernel(
    program: Program,
    static: Static,
    shapes: tuple[tuple[str, int], ...],
    on_device: frozenset[str],
    row_length: int,
    skips: bool,
) -> tuple[Kernel, tuple[str, ...]]:
    """Return the kernel that counts a step of each tensor and writes its coefficients, and their names in order.

    Row t of `k` takes the coefficients of tensor t and then s times `scale`, in float64. Each tensor's own counter is
    advanced, unless `found` says that the step is to be skipped.

    Args:
        program: whose coefficients.
        static: the hyper-parameters that are switches or words.
        shapes: the names of the others with the number of their values, 0 for a single one.
        on_device: the parameters of the kernel that are read from a 0-d tensor.
        row_length: of the table of addresses; the counter's address stands second from the end.
        skips: whether `found` is given.

    Raises:
        OptbenchError: when the function does something that cannot be compiled.
    """
    rule = program.rule
    trace = _Trace(rule, static, shapes)
    try:
        lines = trace.text()
    except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        hint = "use arithmetic, powers, square roots and comparisons in it, or capturable=False"
        raise OptbenchError(f"{rule.name}'s coefficients cannot run on the device: {error}", hint) from error
    used = _names_in(lines)
    numbers = [n for name, count in shapes for n in ([f"h_{name}_{i}" for i in range(count)] or [f"h_{name}"])]
    numbers = [n for n in numbers if n in used]
    tensors = ["table", "k", *["found"] * skips, *[n for n in numbers if n in on_device]]
    scalars = [*[n for n in numbers if n not in on_device], "s"]
    name = f"optbench_{rule.__name__}_coefficients".lower()
    parameters = [*tensors, *[f'{n}: "fp64"' for n in scalars]]
    body = [f"def {name}({', '.join(parameters)}):", *_prologue(len(trace.names) + 1, row_length)]
    body += [f"    {n} = tl.load({n}).to(tl.float64)" for n in numbers if n in on_device]
    body += [f"    {n} = tl.full((), {n}, tl.float64)" for n in scalars]
    body += ["    if tl.load(found) == 0:"] * skips
    body += [f"{'        ' if skips else '    '}{line}" for line in ("tl.store(clock, count)", *lines)]
    return build(name, "\n".join(body) + "\n", {}, [*tensors, *scalars]), trace.names


def _prologue(width: int, row_length: int) -> list[str]:
    clock = f"tl.load(table + i * {row_length} + {row_length - 2}).to(tl.pointer_type(tl.float32))"
    return [
        "    i = tl.program_id(0)",
        f"    k += i * {width}",
        f"    clock = {clock}",
        "    count = tl.load(clock) + 1",
        "    t = count.to(tl.float64)",
    ]


def _names_in(lines: list[str]) -> set[str]:
    return {node.id for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Name)}
