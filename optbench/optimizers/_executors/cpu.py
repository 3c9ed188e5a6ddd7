"""The cpu executor: Numba compiles a rule into one multi-tensor kernel, one pass over memory.

A source template is filled in with the rule's slots and coefficients and compiled once for each rule, type and
kind of step. The kernel walks over chunks of all tensors, read from a table of addresses. It runs on the threads
of the OpenMP library that torch has loaded, so that two pools never fight for the cores, and on as many as
`torch.get_num_threads()` says. Chunks are fixed and their sums are added in a fixed order: the result does not
depend on the number of threads.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch

from optbench.optimizers._executors import _threads
from optbench.optimizers._executors._kernel import ARGUMENTS, Kind, element_kernel, layer_kernel, sum_kernel
from optbench.optimizers._executors._program import Batch, Program, laid_out_alike

CHUNK = 16384  # elements: 64 kB of each array, so that a chunk of every array fits a core's cache

STREAM_FROM = 1 << 24  # bytes of phi: with what is stepped beside it, more than a processor's caches hold

_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


def runs(dtype: torch.dtype) -> bool:
    """Tell whether the kernel computes in a type."""
    return dtype in _NUMPY


def fits(p: torch.Tensor, *others: torch.Tensor) -> bool:
    """Tell whether the kernel can run a parameter and the tensors that go with it: one type, dense, one layout."""
    return (
        p.device.type == "cpu"
        and runs(p.dtype)
        and type(p) in (torch.Tensor, torch.nn.Parameter)
        and _dense(p)
        and all(q.dtype == p.dtype and laid_out_alike(p, q) for q in others)
    )


def _dense(p: torch.Tensor) -> bool:
    return p.is_contiguous() or (p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last))


@cache
def _chunks(lengths: tuple[int, ...]) -> np.ndarray:
    """Return rows tensor, offset and length of every chunk, as an int64 array (3, chunks)."""
    rows = [(i, o, min(CHUNK, n - o)) for i, n in enumerate(lengths) for o in range(0, n, CHUNK)]
    return np.array(rows, dtype=np.int64).reshape(-1, 3).T.copy()


@cache
def _shared(lengths: tuple[int, ...], threads: int) -> tuple[int, int, np.ndarray]:
    """Return the addresses of a kernel's chunks and of where each thread's begin and end, and the latter array.

    Each thread has as many elements as the others: the array is int64 (threads + 1,).
    """
    chunks = _chunks(lengths)
    before = np.concatenate([[0], np.cumsum(chunks[2])])
    edges = np.arange(threads + 1) * before[-1] / threads
    bounds = np.asarray(np.searchsorted(before, edges), dtype=np.int64)
    return chunks.ctypes.data, bounds.ctypes.data, bounds


def _addresses(rows: list[list[torch.Tensor]]) -> np.ndarray:
    return np.array([t.data_ptr() for row in rows for t in row], dtype=np.int64)


class _Call:
    """The arguments of a kernel: an array of addresses that C code can read, with the arrays it points to."""

    def __init__(self, program: Program, batch: Batch, rows: list[list[torch.Tensor]], k: np.ndarray) -> None:
        lengths = tuple([p.numel() for p in batch.theta])
        self.elements = sum(lengths)
        self.threads = _threads.wanted(self.elements)
        chunks, bounds, _ = _shared(lengths, self.threads)
        count = _chunks(lengths).shape[1]
        self.table, self.k = _addresses(rows), k
        layered = program.rule.layer is not None
        self.values = np.zeros((4, len(lengths))) if layered else k  # which a kernel without sums does not read
        self.parts = np.zeros((2, count)) if layered else k
        table, values, parts, scalars = (a.ctypes.data for a in (self.table, self.values, self.parts, k))
        numbers = (table, values, parts, chunks, bounds, scalars, len(lengths), count, self.threads, -1, 0)
        self.pointer = np.array(numbers, dtype=np.int64)
        assert len(self.pointer) == ARGUMENTS

    def run(self, kernel: Any, *, parallel: bool = True) -> None:
        _threads.run(kernel, self.pointer, self.threads if parallel else 1)


def advance(program: Program, batch: Batch) -> None:
    """Take one step of every tensor in the batch, in place, and predict the next weights if the batch asks for it.

    Every tensor must `fits`; readings other than `stale` are left to the eager executor.
    """
    assert not batch.rehearsals
    dtype = _NUMPY[batch.theta[0].dtype]
    last_k, last_reach = batch.last or ({}, 0.0)
    names = tuple(batch.k)
    scalars = [*batch.k.values(), batch.reach or 0.0, last_reach, *last_k.values()]
    rows = [batch.theta, batch.grads, *(batch.slots[n] for n in program.present)]
    rows += [] if batch.swap is None else [batch.swap]
    call = _Call(program, batch, rows, np.array(scalars, dtype=np.float64))
    cached, predicts = batch.swap is not None, batch.reach is not None
    kind = Kind(dtype, cached, predicts, batch.last is not None)
    if program.rule.reduce is not None:
        call.run(sum_kernel(program, kind, names))
    if program.rule.layer is not None:
        call.run(layer_kernel(program, kind, names), parallel=False)
    if cached and predicts and _large(call.elements, dtype):
        kind = replace(kind, streams=True)
    call.run(element_kernel(program, kind, names))


def _large(elements: int, dtype: Any) -> bool:
    """Tell whether phi, which the step does not read, is written past the caches: it is too large to stay there."""
    return bool(elements * np.dtype(dtype).itemsize >= STREAM_FROM)


def aim(program: Program, batch: Batch) -> None:
    """Write phi = theta - reach d for the direction d of the last step, from theta in `swap` and the state."""
    assert batch.swap is not None and batch.reach is not None
    dtype = _NUMPY[batch.theta[0].dtype]
    rows = [batch.theta, batch.theta, *(batch.slots[n] for n in program.present), batch.swap]
    scalars = np.array([*batch.k.values(), batch.reach, 0.0], dtype=np.float64)
    call = _Call(program, batch, rows, scalars)
    kind = Kind(dtype, True, True, False, aim=True, streams=_large(call.elements, dtype))
    call.run(element_kernel(program, kind, tuple(batch.k)))
