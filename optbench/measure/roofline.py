"""How near a step comes to the speed of the machine's memory.

An optimizer's step does little arithmetic on much memory, so its bound is the bytes that it must move: the rule's
minimum (`traffic_bytes`: each array read or written once). The time of a copy of as many bytes, by the same threads,
stands for the machine's speed: half of the bytes are read and half are written. The fraction is copy time over step
time: 1 is a step that runs as fast as a copy.

Limits. On a CPU the fraction can pass 1, and with one thread 2: a copy's target is read into the cache before it is
written, so a copy moves half as much again as it counts, while a step writes what it has just read; and one core draws
more from memory over a step's many arrays than over a copy's two. In a small model the arrays stay in the cache
between two steps, or the copy's do: then neither moves anything through memory, and the fraction tells more of the
step's fixed cost than of bytes. Only minimum bytes count: a step that moves more than it must has a low fraction.
"""

import statistics
import time
from collections.abc import Callable

import torch

from optbench.optimizers import Reference, info

COPIES = (5, 25)  # at least and at most
SECONDS = 1.0  # about what all copies together may take
MAX_COPY = 2**29  # bytes that a copy moves at most; the time of a larger one is scaled up from it


def minimum_bytes(reference: Reference, parameters: int) -> int | None:
    """Return the least bytes that a step of so many fp32 parameters moves; None for a class without a declaration."""
    if (entry := reference.entry) is None:
        return None
    base, wrapper = reference.resolve().split()
    base.pop("impl", None)
    own = entry.traffic_bytes(**base)
    return parameters * (own + (info("xgrad").traffic_bytes(**wrapper) if reference.xgrad else 0))


def copy_seconds(size: int, device: torch.device, before: Callable[[], object] = lambda: None) -> float:
    """Return the median time of a copy that moves `size` bytes, on as many threads as torch has now.

    Args:
        size: bytes, read and written together.
        device: where both ends of the copy are.
        before: called before each copy, untimed: a training iteration leaves the cache as a step finds it.
    """
    copy, moved = copier(size, device)
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < COPIES[0] or (len(times) < COPIES[1] and time.perf_counter() - begun < SECONDS):
        before()
        times.append(timed(copy, device))
    return statistics.median(times) * size / moved


def copier(size: int, device: torch.device) -> tuple[Callable[[], object], int]:
    """Return a copy that moves about `size` bytes, or `MAX_COPY`, after its first touch of memory; and its bytes."""
    elements = max(min(size, MAX_COPY) // 8, 1)  # 4 bytes read and 4 written
    source = torch.ones(elements, dtype=torch.float32, device=device)
    target = torch.zeros_like(source)
    target.copy_(source)
    return lambda: target.copy_(source), 8 * elements


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Return the seconds that some work takes on a device, by CUDA's events there."""
    if device.type == "cuda":
        begin = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        begin.record()
        work()
        end.record()
        end.synchronize()
        return float(begin.elapsed_time(end)) / 1e3  # milliseconds
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
