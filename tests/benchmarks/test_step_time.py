"""The time of one optimizer step beside torch's fused AdamW, by hand: `python -m pytest tests/benchmarks`.

The targets (issue tracker, the package's first milestone): a cpu step of AdaPlus takes at most 1.10 times torch's
fused AdamW over 21 M parameters in 60 tensors, and at most 1.25 times over 0.74 M parameters in 61 tensors. The two
take turns in one process, and the ratio of their medians is printed with the benchmark's extra info; on a busy
machine it means little, so nothing here fails on it.
"""

import statistics
import time

import pytest
import torch

from optbench.optimizers import create

SIZES = {"large": [350_000] * 60, "small": [73_728] * 10 + [64] * 51}
ROUNDS = 30


def parameters(sizes: list[int]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(size, generator=generator).requires_grad_() for size in sizes]
    for parameter in made:
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return made


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["adaplus", "adamw", "radam", "novograd", "sgdm", "xgrad+adamw", "xgrad+sgdm"])
def test_step(benchmark, name: str, size: str) -> None:
    ours = create(name, parameters(SIZES[size]))
    fused = torch.optim.AdamW(parameters(SIZES[size]), fused=True)
    for optimizer in (ours, fused):
        for _ in range(3):  # compilation, state, first touch of memory
            optimizer.step()
    theirs = []

    def step_of_torch() -> None:
        begun = time.perf_counter()
        fused.step()
        theirs.append(time.perf_counter() - begun)

    benchmark.pedantic(ours.step, setup=step_of_torch, rounds=ROUNDS)
    if benchmark.stats:  # none under --benchmark-disable
        ratio = benchmark.stats.stats.median / statistics.median(theirs)
        benchmark.extra_info["times fused AdamW"] = round(ratio, 3)
        print(f"{name}, {size}: {ratio:.2f} times torch's fused AdamW")
