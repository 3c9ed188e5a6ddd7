"""One size of `scale`, measured in a process of its own."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from optbench import optimizers
from optbench.failures import Stopped, reported
from optbench.measure._guard import bit_sums
from optbench.measure._holdings import state_storages
from optbench.measure.memory import step_transient
from optbench.measure.roofline import copier, minimum_bytes, timed
from optbench.measure.scale import LAYERS, ScalePoint
from optbench.optimizers import Reference

WARMUP_STEPS = 3
ROUNDS = (5, 25)  # at least and at most, and as many as fit into
SECONDS = 4.0
FREEZE = "warm_steps"  # a rule of ours that stands still at first is told not to


def measure(references: Sequence[Reference], size: int, device: str, threads: int, seed: int) -> list[ScalePoint]:
    """Return a point for each optimizer, all stepping in turn; meant to be called in a fresh process."""
    torch.set_num_threads(threads)
    where = torch.device(device)
    gradients = _Gradients(size, where, seed)
    arms = [_Arm(reference, size, gradients) for reference in references]
    for arm in arms:
        arm.attempt(arm.warm_up)
    copy, moved = copier(max(minimum_bytes(arm.reference, size) or 8 * size for arm in arms), where)
    copies: list[float] = []
    begun = time.perf_counter()
    while len(copies) < ROUNDS[0] or (len(copies) < ROUNDS[1] and time.perf_counter() - begun < SECONDS):
        for arm in arms if len(copies) % 2 == 0 else reversed(arms):
            arm.attempt(arm.turn)
        copies.append(timed(copy, where))
    for arm in arms:
        arm.attempt(arm.weigh)
    return [arm.point(moved / statistics.median(copies)) for arm in arms]


def shapes(size: int) -> list[tuple[int, ...]]:
    """Return the shapes of `LAYERS` layers (fewer of a small size) of a square matrix and a vector, `size` in all."""
    found: list[tuple[int, ...]] = []
    layers = min(LAYERS, size)
    for i in range(layers):
        own = size // layers + (i < size % layers)
        side = math.isqrt(own)
        found += [(side, side)] + ([(own - side * side,)] if own > side * side else [])
    return found


class _Gradients:
    """Gradients that all arms share, as they were drawn."""

    def __init__(self, size: int, device: torch.device, seed: int) -> None:
        self.shapes = shapes(size)
        self.device = device
        self._seed = seed
        self._tensors = [torch.empty(shape, device=device) for shape in self.shapes]
        self._versions: list[int] = []

    def give(self, parameters: Sequence[torch.Tensor]) -> None:
        """Let the parameters have the gradients; what an optimizer has written to them is undone."""
        if self._versions != [g._version for g in self._tensors]:
            generator = torch.Generator(self.device).manual_seed(self._seed)
            for g in self._tensors:
                g.normal_(generator=generator)
            self._versions = [g._version for g in self._tensors]
        for p, g in zip(parameters, self._tensors, strict=True):
            p.grad = g


class _Arm:
    """An optimizer over parameters of its own."""

    def __init__(self, reference: Reference, size: int, gradients: _Gradients) -> None:
        self.reference, self.size, self.gradients = reference, size, gradients
        self.times: list[float] = []
        self.parameters: list[torch.Tensor] = []
        self.optimizer: Any = None
        self.found = ScalePoint(reference.text, size)

    def attempt(self, work: Callable[[], None]) -> None:
        """Do some work; an arm that fails is left out from then on, and its memory is freed."""
        if self.found.status != "ok":
            return
        try:
            with reported():
                work()
        except Stopped as stop:
            self.found = ScalePoint(self.reference.text, self.size, stop.status, stop.message)
            self.parameters, self.optimizer = [], None

    def warm_up(self) -> None:
        """Make parameters and optimizer, and step until nothing is new."""
        generator = torch.Generator(self.gradients.device).manual_seed(1)
        self.parameters = [
            torch.nn.Parameter(torch.randn(shape, generator=generator, device=self.gradients.device))
            for shape in self.gradients.shapes
        ]
        own = self.reference.resolve()
        thawed = tuple((k, 0 if k == FREEZE and not own.is_import_path else v) for k, v in own.options)
        self.optimizer = optimizers.create(replace(own, options=thawed), self.parameters)
        for _ in range(WARMUP_STEPS):
            self.gradients.give(self.parameters)
            self.optimizer.step()
        self.sums = bit_sums(self.parameters)

    def turn(self) -> None:
        """Time a step, and see that it did something."""
        self.gradients.give(self.parameters)
        before = bit_sums(self.parameters)
        self.times.append(timed(self.optimizer.step, self.gradients.device))
        if torch.equal(before, bit_sums(self.parameters)):
            raise Stopped(
                "error", f"step {WARMUP_STEPS + len(self.times)} changed no parameter: its time means nothing"
            )

    def weigh(self) -> None:
        """Take the bytes of the state and of a step's temporaries."""
        self.gradients.give(self.parameters)
        state = sum(state_storages(self.optimizer).values())
        transient = step_transient(self.optimizer, self.gradients.device)
        self.found = replace(self.found, state_bytes=state, transient_bytes=transient)

    def point(self, bandwidth: float) -> ScalePoint:
        """Return what was found, with a copy's bytes a second to compare with."""
        if self.found.status != "ok":
            return self.found
        seconds = statistics.median(self.times)
        least = minimum_bytes(self.reference, self.size)
        roofline = None if least is None else least / bandwidth / seconds
        return replace(self.found, step_seconds=seconds, rounds=len(self.times), roofline=roofline)
