"""Writes the text of one cuda kernel: which rows its table has, and what each name of the rule is called in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from optbench.optimizers._executors._cuda_support import interpreted
from optbench.optimizers._executors._program import Program, compute_dtype
from optbench.optimizers._executors._triton_source import Kernel, build
from optbench.optimizers._rule import inspect_parameters

NAMES = {torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16", torch.float16: "float16"}


@dataclass(frozen=True)
class Kind:
    """What a step does besides updating: which of these the kernel is compiled for.

    Attributes:
        dtype: of theta, g and swap; the state and the arithmetic have its `compute_dtype`.
        cached: theta is kept in `swap`, theta holds phi.
        predicts: phi = theta - reach d is written.
        recovers: theta is recomputed from phi and the state first.
        aim: no step at all: phi is written for another reach.
        clocked: coefficients come from `k`, which a kernel has computed on the device.
        scaled: gradients are divided by `scale`.
        skips: nothing happens when `found` is not 0.
        aligned: every address is a multiple of 16 bytes.
    """

    dtype: torch.dtype
    cached: bool = False
    predicts: bool = False
    recovers: bool = False
    aim: bool = False
    clocked: bool = False
    scaled: bool = False
    skips: bool = False
    aligned: bool = True

    @property
    def unaligned(self) -> "Kind":
        """The same for addresses that are no multiples of 16 bytes."""
        return replace(self, aligned=False)

    @property
    def real(self) -> str:
        """The type of the arithmetic."""
        return f"tl.{NAMES[compute_dtype(self.dtype)]}"


def rows(program: Program, kind: Kind) -> list[str]:
    """Return the rows of addresses in the table."""
    extra = ["swap"] * kind.cached + ["step"] * kind.clocked
    return ["theta", "g", *program.present, *extra]


class Source:
    """Writes one kernel of a rule."""

    def __init__(self, program: Program, kind: Kind, names: tuple[str, ...], what: str) -> None:
        self.program, self.kind, self.rule, self.names = program, kind, program.rule, names
        self.name = f"optbench_{program.rule.__name__}_{what}".lower()
        self.rows = rows(program, kind)
        self.functions: dict[str, Callable[..., Any]] = {}
        self.scalars: list[str] = []
        self.text = ""

    def line(self, text: str, depth: int = 1) -> None:
        self.text += "    " * depth + text + "\n"

    # --- names -----------------------------------------------------------------------------------------------------

    def scope(self, prefix: str = "c_") -> dict[str, str]:
        """Return how each name that a rule's function may ask for is written in the kernel."""
        slots = {n: f"s_{n}" if n in self.program.present else "0.0" for n in self.rule.slots}
        flags = {n: str(v) for n, v in self.program.flags}
        layer = {n: f"v_{n}" for n in self.rule.layer_values}
        own = {n: n for n in ("theta", "g", "d", "n1", "n2")}
        return {**flags, **slots, **layer, **{n: f"{prefix}{n}" for n in self.names}, **own}

    def call(self, function: str, scope: dict[str, str], also: dict[str, str] | None = None) -> str:
        """Return a call of one of the rule's functions and note which scalars it needs."""
        self.functions[function] = getattr(self.rule, function)
        wanted = [{**scope, **(also or {})}[n] for n in inspect_parameters(self.functions[function])]
        for name in wanted:
            if name.startswith("c_"):
                self.need(name)
        return f"{function}({', '.join(wanted)})"

    def need(self, name: str) -> str:
        """Note that the kernel needs a scalar and return its name."""
        if name not in self.scalars:
            self.scalars.append(name)
        return name

    def element(self, name: str) -> torch.dtype:
        return self.kind.dtype if name in ("theta", "g", "swap") else compute_dtype(self.kind.dtype)

    def pointer(self, name: str) -> str:
        row = self.rows.index(name)
        address = f"tl.load(row + {row}).to(tl.pointer_type(tl.{NAMES[self.element(name)]}))"
        return f"tl.multiple_of({address}, 16)" if self.kind.aligned else address

    # --- parts of a kernel -----------------------------------------------------------------------------------------

    def load_scalars(self, real: str) -> None:
        """Name the coefficients: arguments of the kernel, or values that another kernel has left in `k`."""
        for name in self.scalars:
            if self.kind.clocked:
                index = [*self.names, "reach"].index(name.removeprefix("c_"))
                self.line(f"{name} = tl.load(k + t * {len(self.names) + 1} + {index}).to({real})")
            else:
                self.line(f"{name} = tl.full((), {name}, {real})")

    def tensors(self, *more: str) -> list[str]:
        """Return the kernel's arguments that are tensors."""
        kind = self.kind
        optional = ["k"] * kind.clocked + ["found"] * kind.skips + ["scale"] * kind.scaled
        return ["table", *more, *optional]

    def finish(self, body: str, tensors: list[str], width: str) -> Kernel:
        """Put the body, which is written last, after its head and compile it all."""
        scalars = [] if self.kind.clocked else self.scalars
        head = ", ".join([*tensors, *[f'{n}: "{width}"' for n in scalars]])
        text = f"def {self.name}({head}):\n{body}\n\n{self.text}"
        return build(self.name, text, self.functions, [*tensors, *scalars])

    def chunked(self, block: int, opened: list[str], values: list[str], tensors: list[str], out: str = "") -> Kernel:
        """Return a kernel that calls `update`, whose text stands, for a chunk: whole ones without a mask."""
        update, self.text = self.text, ""
        row_length = len(self.rows) + 1
        self.line("c = tl.program_id(0)")
        self.line("t = tl.load(chunks + 2 * c)")
        self.line(f"row = table + t * {row_length}")
        self.line(f"start = tl.load(chunks + 2 * c + 1).to(tl.int64) * {block}")
        self.line(f"left = tl.load(row + {row_length - 1}) - start")
        if self.kind.skips:
            self.line("left = tl.where(tl.load(found) == 0, left, 0)")
        self.line(f"lane = tl.arange(0, {block})")
        for name in opened:
            self.line(f"p_{name} = {self.pointer(name)} + start + lane")
        for i, name in enumerate(values):
            self.line(f"v_{name} = tl.load(values + t * {len(values)} + {i}).to({self.kind.real})")
        if self.kind.scaled:
            self.line(f"unscale = (1.0 / tl.load(scale)).to({self.kind.real})")
        self.load_scalars(self.kind.real)
        given = [*(f"p_{n}" for n in opened), *(f"v_{n}" for n in values), *self.scalars]
        given += ["unscale"] * self.kind.scaled + ([out] if out else [])
        self.line(f"if left >= {block}:")
        self.line(f"update({', '.join(given)}, None)", 2)
        self.line("else:")
        self.line(f"update({', '.join(given)}, lane < left)", 2)
        body = self.text
        own = [n if n != out else "out" for n in given]
        self.text = f"def update({', '.join(own)}, mask):\n{update}"
        return self.finish(body, tensors, "fp64" if self.kind.real == "tl.float64" else "fp32")

    def store(self, name: str, value: str) -> None:
        if self.element(name) == torch.bfloat16 and interpreted():
            value = f"nearest_bfloat16({value})"
        self.line(f"tl.store(p_{name}, {value}, mask=mask)")

    def load(self, name: str, local: str) -> None:
        unscale = " * unscale" if name == "g" and self.kind.scaled else ""
        self.line(f"{local} = tl.load(p_{name}, mask=mask).to({self.kind.real}){unscale}")
