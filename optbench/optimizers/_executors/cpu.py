"""The cpu executor: Numba compiles a rule into one multi-tensor kernel, one pass over memory.

A source template is filled in with the rule's slots and coefficients and compiled once for each rule, type and
kind of step. The kernel walks over chunks of all tensors, read from a table of addresses. It runs on the threads
of the OpenMP library that torch has loaded, so that two pools never fight for the cores, and on as many as
`torch.get_num_threads()` says. Chunks are fixed and their sums are added in a fixed order: the result does not
depend on the number of threads.
"""

from functools import cache
from typing import Any

import numpy as np
import torch

from optbench.optimizers._executors import _threads
from optbench.optimizers._executors._kernel import ARGUMENTS, Kind, element_kernel, layer_kernel, sum_kernel
from optbench.optimizers._executors._program import Batch, Program

CHUNK = 16384  # elements: 64 kB of each array, so that a chunk of every array fits a core's cache

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
        and all(q.dtype == p.dtype and (q.stride() == p.stride() or q.dim() == 0) for q in others)
    )


def _dense(p: torch.Tensor) -> bool:
    return p.is_contiguous() or (p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last))


@cache
def _chunks(lengths: tuple[int, ...]) -> np.ndarray:
    """Return rows tensor, offset and length of every chunk, as an int64 array (3, chunks)."""
    rows = [(i, o, min(CHUNK, n - o)) for i, n in enumerate(lengths) for o in range(0, n, CHUNK)]
    return np.array(rows, dtype=np.int64).reshape(-1, 3).T.copy()


@cache
def _bounds(lengths: tuple[int, ...], threads: int) -> np.ndarray:
    """Return where each thread's chunks begin and end: equal numbers of elements, an int64 array (threads + 1,)."""
    before = np.concatenate([[0], np.cumsum(_chunks(lengths)[2])])
    edges = np.arange(threads + 1) * before[-1] / threads
    return np.asarray(np.searchsorted(before, edges), dtype=np.int64)


def _addresses(rows: list[list[torch.Tensor]]) -> np.ndarray:
    return np.array([t.data_ptr() for row in rows for t in row], dtype=np.int64)


class _Call:
    """The arguments of a kernel: an array of addresses that C code can read, with the arrays it points to."""

    def __init__(self, batch: Batch, rows: list[list[torch.Tensor]], k: np.ndarray) -> None:
        lengths = tuple([p.numel() for p in batch.theta])
        chunks = _chunks(lengths)
        count = chunks.shape[1]
        self.threads = _threads.wanted(int(chunks[2].sum()))
        self.table = _addresses(rows)
        self.values = np.zeros((4, len(lengths)))
        self.parts = np.zeros((2, count))
        self.k = k
        self.arrays = (self.table, self.values, self.parts, chunks, _bounds(lengths, self.threads), k)
        sizes = (len(lengths), count, self.threads, -1, 0)
        self.pointer = np.array([*(a.ctypes.data for a in self.arrays), *sizes], dtype=np.int64)
        assert len(self.pointer) == ARGUMENTS

    def run(self, kernel: Any, *, parallel: bool = True) -> None:
        _threads.run(kernel, self.pointer, self.threads if parallel else 1)


def advance(program: Program, batch: Batch) -> None:
    """Take one step of every tensor in the batch, in place, and predict the next weights if the batch asks for it.

    Every tensor must `fits`; readings other than `stale` are left to the eager executor.
    """
    assert not batch.rehearsals
    dtype = _NUMPY[batch.theta[0].dtype]
    kind = Kind(dtype, batch.swap is not None, batch.reach is not None, batch.last is not None)
    last_k, last_reach = batch.last or ({}, 0.0)
    names = tuple(batch.k)
    scalars = [*batch.k.values(), batch.reach or 0.0, last_reach, *last_k.values()]
    rows = [batch.theta, batch.grads, *(batch.slots[n] for n in program.present)]
    call = _Call(batch, rows + ([] if batch.swap is None else [batch.swap]), np.array(scalars, dtype=np.float64))
    if program.rule.reduce is not None:
        call.run(sum_kernel(program, kind, names))
    if program.rule.layer is not None:
        call.run(layer_kernel(program, kind, names), parallel=False)
    call.run(element_kernel(program, kind, names))


def aim(program: Program, batch: Batch) -> None:
    """Write phi = theta - reach d for the direction d of the last step, from theta in `swap` and the state."""
    assert batch.swap is not None and batch.reach is not None
    kind = Kind(_NUMPY[batch.theta[0].dtype], True, True, False, aim=True)
    rows = [batch.theta, batch.theta, *(batch.slots[n] for n in program.present), batch.swap]
    scalars = np.array([*batch.k.values(), batch.reach, 0.0], dtype=np.float64)
    _Call(batch, rows, scalars).run(element_kernel(program, kind, tuple(batch.k)))
