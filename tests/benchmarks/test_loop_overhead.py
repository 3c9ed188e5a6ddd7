"""An epoch of optbench's loop beside one written by hand over the same tensors on the same device.

Run by hand: `pytest -n 0 -s tests/benchmarks/test_loop_overhead.py`. The target is a ratio of at most 1.02, on a
GPU for ResNet-34 at batch 128 in bf16 with channels-last. Epochs of the two loops take turns (A B B A), the ratio
is the median of the ratios of neighbours; one of the hand-written loop against itself shows the noise. Nothing here
fails on a figure: on a busy machine it means little.
"""

import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy, pad

from optbench import datasets, models, optimizers, plan, recipe
from optbench.session import Session, settings

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SMALL = replace(recipe.load("digits-cnn"), schedule=recipe.Schedule())
CIFAR = replace(recipe.load("xgrad/table4-resnet-34"), schedule=recipe.Schedule(), batch_size=128)
CASES = {
    "digits-cnn": (SMALL, 1197, 20),
    "lenet": (replace(recipe.load("xgrad/table7-lenet")), 6_000, 12),
    "resnet-20": (replace(CIFAR, model="resnet-20"), 640, 6),
}
if DEVICE == "cuda":
    CASES = {"resnet-34": (replace(CIFAR, precision="bf16", channels_last=True, seeds=1), 25_600, 8)}
SCALES = {"crop-flip": (4, True), "none": (0, False)}  # padding, flips


def by_hand(chosen: recipe.Recipe, data: datasets.Dataset, reference: str) -> Callable[[int], None]:
    """An epoch of training as one writes it: shuffle, gather, crop and flip, normalise, forward, backward, step."""
    channels, side, _ = data.shape
    torch.manual_seed(0)
    model = models.create(chosen.model, in_channels=channels, classes=len(data.classes), image_size=side).to(DEVICE)
    last = chosen.channels_last
    if last:
        model.to(memory_format=torch.channels_last)
    parsed = optimizers.parse(reference)
    optimizer = optimizers.create(parsed.resolve(chosen.defaults_for(parsed.name)), list(model.parameters()))
    images = torch.cat((data.train.images, data.validation.images)) if chosen.protocol == "paper" else data.train.images
    labels = torch.cat((data.train.labels, data.validation.labels)) if chosen.protocol == "paper" else data.train.labels
    mean, std = (torch.tensor(x, device=DEVICE).view(1, -1, 1, 1) for x in data.normalisations[chosen.normalisation])
    scale, offset = 1 / (data.pixel_max * std), -mean / std
    width, flips = SCALES[chosen.augmentation]
    low_precision = torch.autocast(DEVICE, torch.bfloat16) if chosen.precision == "bf16" else contextlib.nullcontext()

    def epoch(number: int) -> None:
        losses = []
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(number)).to(DEVICE)
        for rows in order.split(chosen.batch_size):
            batch = images[rows]
            if width:
                batch = _cropped(pad(batch, (width,) * 4), side, 2 * width + 1)
            if flips:
                turned = torch.rand(len(batch), device=DEVICE) < 0.5
                batch = torch.where(turned.view(-1, 1, 1, 1), batch.flip(3), batch)
            batch = batch.float().mul_(scale).add_(offset)
            if last:
                batch = batch.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            with low_precision:
                loss = cross_entropy(model(batch).float(), labels[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        float(torch.stack(losses).mean())

    return epoch


def _cropped(padded: torch.Tensor, side: int, places: int) -> torch.Tensor:
    """A random square of each padded image, gathered in one indexing."""
    count = len(padded)
    top, left = (torch.randint(places, (count, 1, 1), device=padded.device) for _ in range(2))
    span = torch.arange(side, device=padded.device)
    rows, columns = top + span.view(1, -1, 1), left + span.view(1, 1, -1)
    picked = padded[torch.arange(count, device=padded.device).view(-1, 1, 1), :, rows, columns]
    return picked.permute(0, 3, 1, 2).contiguous()  # as it is, the model would run with its channels last


def ours(chosen: recipe.Recipe, data: datasets.Dataset, reference: str) -> Callable[[int], None]:
    (arm,) = plan.build(chosen, [reference], [], seeds=[0], device=DEVICE)
    session = Session(arm.specs[0], dataset=data)

    def epoch(number: int) -> None:
        losses = [session.iteration(batch) for batch in session.batches(number + 1)]
        float(torch.stack(losses).double().mean())
        session.end_epoch()

    return epoch


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@pytest.mark.parametrize("reference", ["adamw", "xgrad+adamw:s=1"])
@pytest.mark.parametrize("name", CASES)
def test_loop(benchmark, name: str, reference: str) -> None:
    chosen, images, rounds = CASES[name]
    data = datasets.synthetic(chosen.data, size=images, device=DEVICE)
    if chosen.data == "digits" and DEVICE == "cpu":
        data = datasets.load("digits")
    (arm,) = plan.build(chosen, [reference], [], seeds=[0], device=DEVICE)
    with settings(arm.specs[0], deterministic=False):
        loops = {"ours": ours(chosen, data, reference), "hand": by_hand(chosen, data, reference)}
        loops["hand again"] = by_hand(chosen, data, reference)
        for loop in loops.values():
            loop(0)
        times: dict[str, list[float]] = {key: [] for key in loops}

        def turn() -> None:
            number = len(times["ours"])
            for key in list(loops) if number % 2 else list(reversed(loops)):
                times[key].append(seconds(lambda key=key: loops[key](number + 1)))

        benchmark.pedantic(turn, rounds=rounds)
    ratios = {
        key: statistics.median(a / b for a, b in zip(times[key], times["hand"], strict=True))
        for key in ("ours", "hand again")
    }
    benchmark.extra_info.update(
        device=DEVICE, **{key.replace(" ", "_"): round(value, 4) for key, value in ratios.items()}
    )
    print(
        f"\n{DEVICE} {name} {reference}: {ratios['ours']:.3f} times a hand-written loop "
        f"(that loop against itself {ratios['hand again']:.3f}), an epoch {statistics.median(times['hand']):.3f} s"
    )
