"""How much memory the processes that train have taken at most, as far as it can be asked without disturbing them."""

import os
import sys
import time
from pathlib import Path

from optbench.cli._run_words import size

_EVERY_SECONDS = 1.0  # between two samples


class Peak:
    """The most bytes resident at once, in this process and all that it started; and the most on a GPU.

    On Linux that is sampled, so a peak between two samples is missed; elsewhere it is the system's own maximum of this
    process and of the largest that it started and that has ended. The GPU's figure is the allocator's, of this process
    alone.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._sampled = 0.0

    def sample(self) -> None:
        """Look, unless it was looked a moment ago."""
        now = time.monotonic()
        if now - self._sampled >= _EVERY_SECONDS:
            self._sampled = now
            self.bytes = max(self.bytes, _resident())

    def __str__(self) -> str:
        """Return `612 MiB`, and `, GPU 1.2 GiB` where one is used; empty before the first sample."""
        gpu = _on_gpu()
        return ", GPU ".join(size(count) for count in (self.bytes, gpu) if count)


def _resident() -> int:
    """Return the resident bytes of this process and its descendants; pages that they share count for each."""
    pages = [_pages(pid) for pid in _tree(os.getpid())]
    if any(pages):
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")
    import resource  # not on every system

    unit = 1 if sys.platform == "darwin" else 1024
    mine, theirs = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (mine + theirs) * unit


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0  # no Linux, or it has ended


def _tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for listed in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += map(int, listed.read_text().split())
            except OSError:
                continue  # it has ended
    return found


def _on_gpu() -> int:
    """Return the most bytes that torch has allocated on a GPU; torch is not imported for it."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return 0
    return sum(cuda.max_memory_allocated(i) for i in range(cuda.device_count()))
