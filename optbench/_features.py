"""What a recipe can switch on in training, apart from the loop: schedule, histograms, micro-batches, BatchNorm."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from optbench.errors import OptbenchError
from optbench.results import GRADIENT_EDGES
from optbench.schedules import Schedule


class LearningRates:
    """The learning rate of every parameter group, moved by a schedule.

    Args:
        optimizer: its groups hold the full learning rates now.
        schedule: what multiplies them.
        steps: iterations of an epoch.
        epochs: of the run.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, schedule: Schedule, steps: int, epochs: int) -> None:
        self.optimizer = optimizer
        self.schedule = schedule
        self.every_iteration = schedule.every_iteration
        self.done = self.epoch = 0  # iterations, epochs
        self.rate = 1.0
        self._run = (steps, epochs)
        self._full = [float(group["lr"]) for group in optimizer.param_groups]
        self.set()

    def set(self, rate: float = 1.0) -> None:
        """Give the groups the learning rate of the next iteration, times what that iteration's batch asks for."""
        # epochs whose batches are drawn differ in length: one that goes by the epoch must not count iterations
        position = self.done if self.every_iteration else self.epoch * self._run[0]
        multiplier = self.schedule.multiplier(position, *self._run) * rate
        self.rate = rate
        for group, full in zip(self.optimizer.param_groups, self._full, strict=True):
            group["lr"] = full * multiplier

    def end_epoch(self) -> None:
        """Go on to the next epoch and its learning rate."""
        self.epoch += 1
        self.done = self.epoch * self._run[0]
        self.set()

    def state_dict(self) -> dict[str, Any]:
        """Return how far the schedule is, and the full learning rates."""
        return {"done": self.done, "epoch": self.epoch, "rate": self.rate, "full": self._full}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; the groups' own learning rates are the optimizer's to load."""
        self.done, self.epoch, self.rate, self._full = (state[key] for key in ("done", "epoch", "rate", "full"))


def gradient_histogram(parameters: list[torch.nn.Parameter]) -> torch.Tensor:
    """Return how many elements of the gradients have ln |g| in each bin of `results.GRADIENT_EDGES`, int64 (bins,).

    Zeros are in no bin, and what lies outside is in the first or the last one. Nothing waits for the device.
    """
    low, high, count = GRADIENT_EDGES[0], GRADIENT_EDGES[-1], len(GRADIENT_EDGES) - 1
    total = torch.zeros(count, dtype=torch.int64, device=parameters[0].device)
    for p in parameters:
        if p.grad is None:
            continue
        g = p.grad.detach().float().flatten().abs()
        place = ((g.log() - low) * (count / (high - low))).floor().clamp(0, count - 1)  # ln 0 = -inf goes to bin 0
        total.scatter_add_(0, place.nan_to_num(count - 1).long(), (g > 0).long())
    return total


class MicroBatches:
    """The micro-batches of one iteration, each loaded when its turn comes: they need not fit in memory together.

    They can be gone through once. Attribute `count` says how many there are.
    """

    def __init__(self, source: Iterator[Any], count: int) -> None:
        self.count = count
        self._first = [next(source)]  # loaded with the batch itself, so that its time is data's
        self._rest = itertools.islice(source, count - 1)
        self._fresh = True

    def __iter__(self) -> Iterator[Any]:
        assert self._fresh, "micro-batches are used once: take the next batch of the session"
        self._fresh = False
        yield self._first.pop()
        yield from self._rest

    def skip(self) -> None:
        """Go past what nobody took."""
        for _ in self._rest:
            pass


def grouped(source: Iterator[Any], total: int, count: int) -> Iterator[MicroBatches]:
    """Yield `total` micro-batches in groups of `count`; the last group may be smaller."""
    for start in range(0, total, count):
        group = MicroBatches(source, min(count, total - start))
        yield group
        group.skip()


def batch_norms(model: torch.nn.Module) -> list[Any]:
    """Return the layers that keep running statistics.

    Raises:
        OptbenchError: there is none.
    """
    found = [
        m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.track_running_stats
    ]
    if not found:
        raise OptbenchError(
            "this model has no BatchNorm whose statistics could be taken anew", "leave out reestimate_batch_norm"
        )
    return found


@contextlib.contextmanager
def reestimated(model: torch.nn.Module, inputs: Iterable[torch.Tensor]) -> Iterator[None]:
    """While inside, BatchNorm's statistics are the plain means over these batches at the weights of now.

    Everything else is in eval mode in that pass, so that dropout draws no random numbers. Afterwards the statistics
    are what they were.
    """
    layers = batch_norms(model)
    kept = [(layer.momentum, {name: b.clone() for name, b in layer.named_buffers(recurse=False)}) for layer in layers]
    was_training = model.training
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # PyTorch's word for a plain mean over batches
        layer.train()
    try:
        with torch.no_grad():
            for images in inputs:
                model(images)
        model.eval()
        yield
    finally:
        model.train(was_training)
        for layer, (momentum, buffers) in zip(layers, kept, strict=True):
            layer.momentum = momentum
            for name, value in buffers.items():
                getattr(layer, name).copy_(value)


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Turn a failure of torch.compile, which comes with the first forward or backward pass, into one line.

    Raises:
        OptbenchError: the model cannot be compiled here.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if "ompiler" in line or "rror" in line), lines[0] if lines else "")
        raise OptbenchError(
            f"torch.compile cannot compile the model: {type(error).__name__}: {reason[:200]}",
            "install a C++ compiler (a GPU needs Triton too), or leave out --compile",
        ) from error
