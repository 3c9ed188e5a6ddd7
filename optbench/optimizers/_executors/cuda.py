"""The cuda executor: Triton compiles a rule into multi-tensor kernels over a table of addresses.

A step is one launch for all tensors of a batch, two more where a rule needs sums over each tensor (partial sums by
chunk; one program for each tensor adds them in a fixed order and runs `layer`), and one before them where t lives on
the device (`Batch.clock`). Nothing waits for the device. Parameters in bf16 and fp16 are read and written in their own
type, state and arithmetic are fp32. Tensors whose addresses are no multiples of 16 bytes go through a second launch.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from optbench.errors import OptbenchError
from optbench.optimizers._executors import _cuda_support
from optbench.optimizers._executors._device_tables import Table, captured, tables
from optbench.optimizers._executors._program import Batch, Clock, Program, compute_dtype, laid_out_alike
from optbench.optimizers._executors._triton_coefficients import coefficient_kernel, split
from optbench.optimizers._executors._triton_kernel import (
    BLOCK,
    SUM_BLOCK,
    element_kernel,
    layer_kernel,
    sum_kernel,
)
from optbench.optimizers._executors._triton_text import NAMES, Kind, rows

Tensor = torch.Tensor


def fits(p: Tensor, g: Tensor | None = None, *state: Tensor) -> bool:
    """Tell whether the kernels can run a parameter, its gradient and its state: known types, dense, one layout."""
    others = state if g is None else (g, *state)
    return (
        p.dtype in NAMES
        and _cuda_support.runs_on(p.device)
        and type(p) in (Tensor, torch.nn.Parameter)
        and (p.is_contiguous() or (p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last)))
        and (g is None or g.dtype == p.dtype)
        and all(q.dtype == compute_dtype(p.dtype) for q in state)
        and all(q.device == p.device and laid_out_alike(p, q) for q in others)
    )


def _on(device: torch.device) -> AbstractContextManager[Any]:
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _scalars(batch: Batch) -> dict[str, Any]:
    """Return the kernels' scalar arguments, by name."""
    last, last_reach = batch.last or ({}, 0.0)
    return {
        "c_reach": batch.reach or 0.0,
        "c_last_reach": last_reach,
        **{f"c_{n}": float(v) for n, v in batch.k.items()},
        **{f"c_last_{n}": float(v) for n, v in last.items()},
    }


def _row_tensors(program: Program, batch: Batch) -> list[list[Tensor]]:
    own = [batch.theta, batch.grads or batch.theta, *(batch.slots[n] for n in program.present)]
    swap = [] if batch.swap is None else [batch.swap]
    return [*own, *swap, *([] if batch.clock is None else [batch.clock.steps])]


def advance(program: Program, batch: Batch) -> None:
    """Take one step of every tensor in the batch, in place, and predict the next weights if the batch asks for it.

    Every tensor must `fits`; readings other than `stale` are left to the eager executor.

    Raises:
        OptbenchError: within the capture of a CUDA graph, where t and the coefficients have to be on the device.
    """
    assert not batch.rehearsals
    clock = batch.clock
    kind = Kind(
        batch.theta[0].dtype,
        cached=batch.swap is not None,
        predicts=batch.reach is not None,
        recovers=batch.last is not None,
        clocked=clock is not None,
        scaled=clock is not None and clock.grad_scale is not None,
        skips=clock is not None and clock.found_inf is not None,
    )
    given = _scalars(batch)
    if clock is not None:
        given |= {"found": clock.found_inf, "scale": clock.grad_scale}
    with _on(device := batch.theta[0].device):
        if clock is None and captured(device):
            raise OptbenchError("a step within a CUDA graph's capture", "build the optimizer with capturable=True")
        for table in tables(_row_tensors(program, batch), in_arguments=clock is not None):
            _step(program, kind if table.aligned else kind.unaligned, tuple(batch.k), clock, table, given)


def _step(
    program: Program, kind: Kind, names: tuple[str, ...], clock: Clock | None, table: Table, given: dict[str, Any]
) -> None:
    chunks = table.chunks(BLOCK)
    given = {**given, "table": table.addresses, "chunks": chunks.rows}
    device, count = table.addresses.device, len(program.rule.layer_values)
    if clock is not None:
        names = _count(program, clock, table, given, len(rows(program, kind)) + 1)
    if program.rule.layer is not None:
        given["values"] = torch.empty(table.tensors, count, dtype=torch.float64, device=device)
        if program.rule.reduce is not None:
            larger = table.chunks(SUM_BLOCK)
            parts = torch.empty(larger.count, 2, dtype=torch.float64, device=device)
            given |= {"first": larger.first, "parts": parts}
            sum_kernel(program, kind, names)(larger.count, {**given, "chunks": larger.rows})
        layer_kernel(program, kind, names)(table.tensors, given)
    element_kernel(program, kind, names)(chunks.count, given)


def _count(program: Program, clock: Clock, table: Table, given: dict[str, Any], row_length: int) -> tuple[str, ...]:
    """Count a step of every tensor on the device and compute its coefficients there; return their names."""
    static, numbers, shapes = split(clock.options)
    on_device = frozenset(n for n, v in numbers.items() if isinstance(v, Tensor))
    skips = clock.found_inf is not None
    kernel, names = coefficient_kernel(program, static, shapes, on_device, row_length, skips)
    device = table.addresses.device
    given["k"] = torch.empty(table.tensors, len(names) + 1, dtype=torch.float64, device=device)
    plain = {n: v if isinstance(v, Tensor) else float(v) for n, v in numbers.items()}
    kernel(table.tensors, {**given, **plain, "s": float(clock.s)})
    return names


def aim(program: Program, batch: Batch) -> None:
    """Write phi = theta - reach d for the direction d of the last step, from theta in `swap` and the state."""
    assert batch.swap is not None and batch.reach is not None
    kind = Kind(batch.theta[0].dtype, cached=True, predicts=True, aim=True)
    with _on(batch.theta[0].device):
        for table in tables(_row_tensors(program, batch)):
            kernel = element_kernel(program, kind if table.aligned else kind.unaligned, tuple(batch.k))
            chunks = table.chunks(BLOCK)
            kernel(chunks.count, {**_scalars(batch), "table": table.addresses, "chunks": chunks.rows})


def check_device_coefficients(program: Program, options: Any) -> None:
    """Raise OptbenchError when the rule's coefficients cannot be computed on the device."""
    static, _, shapes = split(options)
    coefficient_kernel(program, static, shapes, frozenset(), 0, False)
