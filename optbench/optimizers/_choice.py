"""Which executor steps a parameter."""

import warnings
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch

from optbench.optimizers._executors import _cuda_support, eager

Tensor = torch.Tensor


def choose(impl: str, capturable: bool, p: Tensor, g: Tensor, state: Iterable[Tensor]) -> str:
    """Return the executor of a parameter with its gradient and state: the one asked for where it fits, else eager.

    Args:
        impl: `auto`, `eager`, `cpu` or `cuda`.
        capturable: whether t is kept on the device.
        p: the parameter.
        g: its gradient.
        state: its slots.
    """
    if impl == "eager":
        return "eager"
    if impl == "cuda" or capturable or (impl == "auto" and _takes_cuda(p.device)):
        return "cuda" if _cuda_support.runs_on(p.device) and executor("cuda").fits(p, g, *state) else "eager"
    if p.device.type != "cpu":
        return "eager"
    from optbench.optimizers._executors import cpu

    if impl == "cpu" and not cpu.runs(p.dtype):
        say_once(f"impl=cpu does not compute in {p.dtype}: eager does")
    return "cpu" if cpu.fits(p, g, *state) else "eager"


def _takes_cuda(device: torch.device) -> bool:
    """Tell whether `auto` takes the cuda executor on a device: where a step of it has been seen to be right."""
    if device.type != "cuda" or _cuda_support.missing():
        return False
    if torch.cuda.is_current_stream_capturing():
        return True  # the executor refuses, and says what to do; eager would capture a t that stands still
    from optbench.optimizers._executors import _proof

    if why := _proof.fault(device):
        say_once(f"the cuda executor does not serve on {device}, so eager does: {why}")
    return not why


def executor(name: str) -> Any:
    """Return an executor's module; Numba and Triton are imported only when they are needed."""
    if name == "eager":
        return eager
    if name == "cuda":
        from optbench.optimizers._executors import cuda

        return cuda
    from optbench.optimizers._executors import cpu

    return cpu


@cache
def say_once(message: str) -> None:
    """Warn of a fallback; of each once in a process."""
    warnings.warn(message, stacklevel=2)
