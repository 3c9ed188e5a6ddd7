"""Writing predicted weights past the caches, as the cpu executor does with large ones, changes no bit."""

import pytest
import torch

from optbench.optimizers import XGrad, create
from optbench.optimizers._executors import cpu

# A chunk and more, one element, a block and a line over, an empty one, less than a line, a whole number of blocks.
LENGTHS = (40_000, 1, 256 + 16, 0, 7, 512)


def parameters(dtype, shift):
    """Parameters that are views into one tensor, `shift` elements away from where its memory begins."""
    torch.manual_seed(0)
    memory = torch.randn(sum(LENGTHS) + shift, dtype=dtype)
    return [torch.nn.Parameter(part) for part in memory[shift:].split(LENGTHS)]


def walk(dtype, shift, lrs=(1e-2, 1e-2, 3e-3, 1e-2)):
    """Return the parameters and the state after steps whose learning rate falls and rises."""
    params = parameters(dtype, shift)
    optimizer = XGrad(create("adamw", params, impl="cpu"), s=1.5)
    for t, lr in enumerate(lrs):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.train()
        for p in params:
            p.grad = torch.sin(torch.arange(p.numel(), dtype=dtype) + t)
        optimizer.step()
    return params, [optimizer.state[p][key] for p in params for key in ("exp_avg", "exp_avg_sq", "swap")]


@pytest.mark.parametrize("shift", [0, 1, 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_streamed_weights_are_the_same_to_the_bit(dtype, shift, monkeypatch):
    plain = walk(dtype, shift)
    monkeypatch.setattr(cpu, "STREAM_FROM", 1)
    streamed = walk(dtype, shift)
    for one, other in zip(plain, streamed, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_only_large_weights_that_are_not_read_are_streamed(monkeypatch):
    asked = []
    wanted = cpu.element_kernel
    monkeypatch.setattr(cpu, "element_kernel", lambda *key: asked.append(key[1].streams) or wanted(*key))
    monkeypatch.setattr(cpu, "STREAM_FROM", 4096)
    for size in (1023, 1024):
        for build in (lambda ps: create("sgdm", ps, impl="cpu"), lambda ps: create("xgrad+sgdm", ps, impl="cpu")):
            p = torch.nn.Parameter(torch.ones(size))
            p.grad = torch.ones(size)
            build([p]).step()
    assert asked == [False, False, False, True]
