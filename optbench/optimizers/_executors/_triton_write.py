"""Writes numbers that the host knows into the device's memory by way of a kernel's arguments.

Arguments are part of a captured CUDA graph. A copy would need pinned memory, which cannot be allocated while a graph
is captured, and which the graph would read again at every replay.
"""

from functools import cache

import numpy as np
import torch

from optbench.optimizers._executors._triton_source import Kernel, build

NUMBERS = 128
"""Numbers that one launch writes: 1 kB of the 4 kB of arguments that a kernel may have."""


@cache
def write_kernel() -> Kernel:
    """Return the kernel that writes its arguments n0, n1, ... to consecutive places of `to`."""
    names = [f"n{i}" for i in range(NUMBERS)]
    head = ", ".join(["to", *(f'{name}: "i64"' for name in names)])
    stores = "\n".join(f"    tl.store(to + {i}, {name})" for i, name in enumerate(names))
    return build("optbench_write", f"def optbench_write({head}):\n{stores}\n", {}, ["to", *names], as_they_are=names)


def written(numbers: np.ndarray, device: torch.device) -> torch.Tensor:
    """Return an int64 array as a tensor of its shape on the device; nothing waits, and nothing is copied."""
    flat = numbers.ravel().tolist()
    flat += [0] * (-len(flat) % NUMBERS)
    memory = torch.empty(len(flat), dtype=torch.int64, device=device)
    for begin in range(0, len(flat), NUMBERS):
        part = dict(zip(write_kernel().arguments[1:], flat[begin : begin + NUMBERS], strict=True))
        write_kernel()(1, {"to": memory[begin:], **part})
    return memory[: numbers.size].view(numbers.shape)
