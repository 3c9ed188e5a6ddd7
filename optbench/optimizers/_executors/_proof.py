"""Tries the cuda executor on a device before `auto` trusts it there: a step of LAMB beside eager's."""

from functools import cache

import torch

from optbench.optimizers._executors import _cuda_support, eager
from optbench.optimizers._executors._program import Batch, Program
from optbench.optimizers._registry import info

Tensor = torch.Tensor

BOUND = 1e-5
"""Largest relative difference: division and sums differ by a few units in the last place of fp32, 6e-8 each."""


@cache
def fault(device: torch.device) -> str:
    """Return what is wrong with the cuda executor on a device, or an empty string; it is tried once in a process.

    LAMB has every kind of kernel (sums over a direction, per-tensor values, elements), and one of its tensors here
    stands at an odd address. This waits for the device.
    """
    if _cuda_support.missing():
        return "it is not there"
    from optbench.optimizers._executors import cuda

    try:
        ours, theirs = (_stepped(executor.advance, device) for executor in (cuda, eager))
    except Exception as error:  # a compiler or a driver may raise anything
        return f"it raises {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    worst = max(float(((a - b).abs() / b.abs()).max()) for a, b in zip(ours, theirs, strict=True))
    return "" if worst <= BOUND else f"its step differs from eager's by {worst:.1e}"


def _stepped(advance: object, device: torch.device) -> list[Tensor]:
    """Return parameters and state after a step; the second parameter is 4 bytes off a multiple of 16."""
    rule = info("lamb").rule
    assert rule is not None and callable(advance)
    options = rule.defaults()
    program = Program.of(rule, options)
    theta, g, m, v = (_pair(start, device) for start in (1.0, 0.5, 0.1, 0.3))
    advance(program, Batch(theta, g, {"m": m, "v": v}, rule.coefficients_at(7, options)))
    return [*theta, *m, *v]


def _pair(start: float, device: torch.device) -> list[Tensor]:
    """Return a tensor of two blocks and a part of a third, and one of a part of a block at an odd address."""
    values = torch.linspace(start, 2 * start, 2600, device=device)
    return [values.clone(), values[:1000].clone()[1:]]
