"""The text of the cuda kernels: one template, filled in with a rule's slots and coefficients.

A kernel works on tensors that the table describes: for tensor t, `table + t * ROWS` holds the addresses of theta, g,
the slots that exist in declared order, theta kept beside phi ("swap") and t's own counter ("step"), as far as they
are there, and then the number of elements. A program takes one chunk: (tensor, number of the block within it).
"""

from functools import cache

from optbench.optimizers._executors._program import Program
from optbench.optimizers._executors._triton_source import Kernel
from optbench.optimizers._executors._triton_text import Kind, Source
from optbench.optimizers._rule import inspect_parameters

BLOCK = 1024  # elements a program of 128 threads updates: two 16-byte accesses of fp32 a thread and array
SUM_BLOCK = 4096  # elements a program sums: fewer partial sums for the one program that adds a tensor's
LANES = 1024  # partial sums added at a time


def _present(source: Source, names: tuple[str, ...]) -> list[str]:
    return [n for n in names if n in source.program.present]


@cache
def element_kernel(program: Program, kind: Kind, names: tuple[str, ...]) -> Kernel:
    """Return the kernel that updates every element (or, to `aim`, that writes phi alone)."""
    source = Source(program, kind, names, "aim" if kind.aim else "step")
    present = _present(source, program.element_slots)
    home = "swap" if kind.cached else "theta"
    for name in present:
        source.load(name, f"s_{name}")
    source.load(home, "theta")
    values: list[str] = []
    if kind.aim:
        d = source.call("recover", source.scope())
        source.store("theta", f"theta - {source.need('c_reach')} * {d}")
        return source.chunked(BLOCK, ["theta", *present, "swap"], [], source.tensors("chunks"))
    source.load("g", "g")
    if kind.recovers:
        reach = source.need("c_last_reach")
        source.line(f"theta = theta + {reach} * {source.call('recover', source.scope('c_last_'))}")
    outputs = "".join(f", s_{n}" if n in present else ", _" for n in program.element_slots)
    source.line(f"d{outputs or ','} = {source.call('direction', source.scope())}")
    source.line(f"theta = {source.call('apply', source.scope())}")
    for name in present:
        source.store(name, f"s_{name}")
    if kind.cached:
        source.store("swap", "theta")
    source.store("theta", f"theta - {source.need('c_reach')} * d" if kind.predicts else "theta")
    values = list(program.rule.layer_values)
    opened = ["theta", "g", *present, *["swap"] * kind.cached]
    return source.chunked(BLOCK, opened, values, source.tensors("chunks", *["values"] * bool(values)))


@cache
def sum_kernel(program: Program, kind: Kind, names: tuple[str, ...]) -> Kernel:
    """Return the kernel that sums the rule's `reduce` over every chunk, in float64: two numbers a chunk."""
    source = Source(program, kind, names, "sums")
    rule = program.rule
    assert rule.reduce is not None
    needed = inspect_parameters(rule.reduce)
    dry = "d" in needed
    if dry:
        needed = inspect_parameters(rule.direction) + needed
    wanted = [n for n in ("theta", "g", *program.present) if n in needed]
    opened = ["swap" if n == "theta" and kind.cached else n for n in wanted]
    for name, row in zip(wanted, opened, strict=True):
        source.load(row, name if name in ("theta", "g") else f"s_{name}")
    if dry:  # the direction with every per-tensor value at 1: its scale is what the sum is to find
        at_one = dict.fromkeys(rule.layer_values, "1.0")
        source.line(f"d{', _' * len(program.element_slots)} = {source.call('direction', source.scope(), at_one)}")
    source.line(f"terms = {source.call('reduce', source.scope())}")
    source.line("tl.store(out, total(terms[0], mask))")
    source.line("tl.store(out + 1, total(terms[len(terms) - 1], mask))")
    return source.chunked(SUM_BLOCK, opened, [], source.tensors("chunks", "parts"), out="parts + 2 * c")


@cache
def layer_kernel(program: Program, kind: Kind, names: tuple[str, ...]) -> Kernel:
    """Return the kernel that adds each tensor's sums in a fixed order and runs the rule's `layer`, in float64."""
    source = Source(program, kind, names, "layer")
    present = _present(source, program.layer_slots)
    values = program.rule.layer_values
    outputs = [f"v_{n}" for n in values] + [f"s_{n}" if n in present else "_" for n in program.layer_slots]
    call = source.call("layer", source.scope())
    source.line("t = tl.program_id(0)")
    source.line(f"row = table + t * {len(source.rows) + 1}")
    source.line("go = tl.load(found) == 0" if kind.skips else "go = t >= 0")
    if program.rule.reduce is not None:
        source.line(f"n1 = tl.zeros([{LANES}], tl.float64)")
        source.line(f"n2 = tl.zeros([{LANES}], tl.float64)")
        source.line("end = tl.load(first + t + 1)")
        source.line("c = tl.load(first + t)")
        source.line("while c < end:")
        source.line(f"at = c + tl.arange(0, {LANES})", 2)
        source.line("n1 += tl.load(parts + 2 * at, mask=at < end, other=0.0)", 2)
        source.line("n2 += tl.load(parts + 2 * at + 1, mask=at < end, other=0.0)", 2)
        source.line(f"c += {LANES}", 2)
        source.line("n1 = tl.sum(n1)")
        source.line("n2 = tl.sum(n2)")
    source.load_scalars("tl.float64")
    for name in present:
        source.line(f"p_{name} = {source.pointer(name)}")
        source.line(f"s_{name} = tl.load(p_{name}).to(tl.float64)")
    source.line(f"{', '.join(outputs)}, = {call}")
    for i, name in enumerate(values):
        source.line(f"tl.store(values + t * {len(values)} + {i}, v_{name})")
    for name in present:
        source.line(f"tl.store(p_{name}, s_{name}, mask=go)")
    body, source.text = source.text, ""
    return source.finish(
        body, source.tensors("values", *["first", "parts"] * (program.rule.reduce is not None)), "fp64"
    )
