"""One step of every optimizer and executor, beside torch's fused AdamW and a memory copy of the same bytes.

Run by hand: `python -m pytest tests/benchmarks -k 20M` and so on; `--benchmark-save` and `--benchmark-compare` work on
the groups. Before every timed step torch's fused AdamW steps and the copy runs, so that all three see the same
machine; a ratio is the median of the ratios of neighbours. Nothing here fails on a figure: on a busy machine it means
little.

- times AdamW: over torch.optim.AdamW(fused=True) on equal tensors.
- roofline: the share of a copy's speed at which the step moves its least bytes (`traffic_bytes` of the rule). On a CPU
  it can reach 1.5: a copy's target is read into the cache before it is written, a step writes what it has read.
"""

import statistics
import time
from collections.abc import Callable

import pytest
import torch

from optbench.optimizers import create, executor_of, info, names

SIZES = {"0.1M": [9_984] * 10 + [16] * 10, "1M": [73_728] * 13 + [64] * 50, "20M": [1_048_576] * 19 + [1024] * 40}
ROUNDS = {"0.1M": 50, "1M": 30, "20M": 9}
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")),
]
WRAPPED = ("xgrad+sgdm", "xgrad+adam", "xgrad+adamw", "xgrad+adaplus")


def implementations(device: str) -> list[tuple[str, str]]:
    """Every name with every implementation that runs on a device."""
    other = {"cpu": "cuda", "cuda": "cpu"}[device]
    found = [(name, impl) for name in names() for impl in info(name).offered if impl != other]
    return found + [(name, device) for name in WRAPPED]


def parameters(sizes: list[int], device: str) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.nn.Parameter(torch.randn(size, generator=generator).to(device)) for size in sizes]
    for parameter in made:
        parameter.grad = torch.randn(parameter.shape, generator=generator).to(device)
    return made


def traffic(reference: str) -> int:
    """The least bytes a parameter and step, of the base and of the wrapper."""
    wrapper, _, name = reference.rpartition("+")
    return info(name).traffic_bytes() + (info("xgrad").traffic_bytes() if wrapper else 0)


def seconds(work: Callable[[], object], device: str) -> float:
    begun = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("device", "name", "impl"),
    [pytest.param("cpu", *pair, id="-".join(("cpu", *pair))) for pair in implementations("cpu")]
    + [
        pytest.param("cuda", *pair, id="-".join(("cuda", *pair)), marks=DEVICES[1].marks)
        for pair in implementations("cuda")
    ],
)
def test_step(benchmark, device: str, name: str, impl: str, size: str) -> None:
    benchmark.group = f"{device} {size}"
    sizes = SIZES[size]
    ours = create(name, parameters(sizes, device), impl=impl)
    fused = torch.optim.AdamW(parameters(sizes, device), fused=True)
    source = torch.zeros(sum(sizes) * traffic(name) // 8, device=device)  # 4 bytes read and 4 written an element
    target = torch.zeros_like(source)
    for optimizer in (ours, fused):
        for _ in range(3):  # compilation, state, first touch of memory
            optimizer.step()
    beside: list[tuple[float, float]] = []
    own: list[float] = []

    def neighbours() -> None:
        beside.append((seconds(fused.step, device), seconds(lambda: target.copy_(source), device)))

    benchmark.pedantic(lambda: own.append(seconds(ours.step, device)), setup=neighbours, rounds=ROUNDS[size])
    pairs = list(zip(own, beside, strict=True))
    times_adamw = statistics.median(step / theirs for step, (theirs, _) in pairs)
    roofline = statistics.median(copy / step for step, (_, copy) in pairs)
    executor = executor_of(ours)
    benchmark.extra_info.update(
        executor=executor, times_fused_adamw=round(times_adamw, 3), roofline=round(roofline, 3), bytes=traffic(name)
    )
    print(f"{device} {size} {name} {executor}: {times_adamw:.2f} times torch's fused AdamW, roofline {roofline:.2f}")
