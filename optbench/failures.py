"""How a run can end before its time, and telling which way it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from optbench.errors import OptbenchError
from optbench.results import Status


class Stopped(Exception):
    """A run that cannot go on, with the status to report."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status: Status = status
        self.message = message


@contextmanager
def reported(memory_only: bool = False) -> Iterator[None]:
    """Turn what goes wrong in a model or an optimizer into a status; what is wrong with the request passes.

    Any exception can come out of a third-party optimizer, hence the broad clause; Ctrl-C is none of them.

    Args:
        memory_only: let exceptions pass that do not say that memory ran out.

    Raises:
        Stopped: with the status.
    """
    try:
        yield
    except (OptbenchError, Stopped):
        raise
    except Exception as error:
        exhausted = _is_out_of_memory(error)
        if memory_only and not exhausted:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise Stopped("out_of_memory" if exhausted else "error", text[:300]) from None


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out: CUDA has an exception for it, the CPU allocator only a text."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("DefaultCPUAllocator" in text or "can't allocate memory" in text)
