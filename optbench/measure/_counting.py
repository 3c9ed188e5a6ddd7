"""What one step asks of the machine: operators, compiled kernels, and the bytes that their arguments say they move."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from optbench.optimizers import executor_of
from optbench.optimizers._choice import executor
from optbench.optimizers._executors._program import Batch, Program
from optbench.optimizers._rule import inspect_parameters

_OVERWRITES = ("copy_", "fill_", "zero_", "_foreach_copy_", "_foreach_zero_")  # what they write they do not read
_ALLOCATES = ("empty", "new_empty")


@dataclass
class StepCounts:
    """One step.

    Attributes:
        operators: calls from Python into torch's dispatcher that read or write data; a fused or foreach call over
            all tensors is one, a view or an allocation is none.
        kernels: compiled kernels of the `cpu` and `cuda` executors.
        device_kernels: kernels that a CUDA device ran for the step, of either kind; None on the CPU.
        moved_bytes: what all of them read and write, each argument once a call.
    """

    operators: int = 0
    kernels: int = 0
    device_kernels: int | None = None
    moved_bytes: int = 0

    @property
    def launches(self) -> int:
        """Kernels launched: on CUDA as counted there; on the CPU operators and compiled kernels."""
        return self.operators + self.kernels if self.device_kernels is None else self.device_kernels


def count_step(optimizer: torch.optim.Optimizer, device: torch.device) -> StepCounts:
    """Return what a step does; the gradients must be there, and two steps (on CUDA three) are taken.

    An operator counts what its arguments show. Temporaries inside an operator, and an argument that it reads twice,
    are not seen: torch's `foreach` on the CPU, for example, is a loop inside.
    """
    optimizer.step()  # what is made once is not part of a step
    counts = StepCounts()
    with _kernels_counted(optimizer, counts), _Operators(counts):
        optimizer.step()
    if device.type == "cuda":
        counts.device_kernels = _device_kernels(optimizer.step)
    return counts


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that run while it is active, and their bytes."""

    def __init__(self, counts: StepCounts) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts = counts

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        moved = _moved(func, args, kwargs or {}, out)
        self.counts.moved_bytes += moved
        self.counts.operators += moved > 0
        return out


def _moved(func: Any, args: Any, kwargs: Any, out: Any) -> int:
    """Return the bytes that an operator reads and writes, as its schema tells of each argument."""
    name = func._schema.name.partition("::")[2]
    if name.startswith(_ALLOCATES):
        return 0
    total = 0
    known: set[int] = set()
    writes = False
    for i, argument in enumerate(func._schema.arguments):
        given = kwargs.get(argument.name) if argument.kwarg_only or i >= len(args) else args[i]
        tensors = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
        written = argument.alias_info is not None and argument.alias_info.is_write
        if name.startswith("_fused_") and argument.name == "grads":
            written = kwargs.get("grad_scale") is not None  # the schema has room for unscaling them in place
        overwritten = written and (name in _OVERWRITES or argument.is_out)
        total += sum(map(_bytes, tensors)) * (written + (not overwritten))
        known.update(t.untyped_storage()._cdata for t in tensors)
        writes |= written
    results = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
    fresh = [t for t in results if t.untyped_storage()._cdata not in known]
    if results and not fresh and not writes:
        return 0  # a view
    return total + sum(map(_bytes, fresh))


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


@contextlib.contextmanager
def _kernels_counted(optimizer: torch.optim.Optimizer, counts: StepCounts) -> Iterator[None]:
    """Count the compiled kernels that a rule's optimizer runs meanwhile, and their bytes."""
    with contextlib.ExitStack() as stack:
        for name in set(executor_of(optimizer).split("+")) & {"cpu", "cuda"}:
            stack.enter_context(_around(executor(name), counts))
        yield


@contextlib.contextmanager
def _around(module: Any, counts: StepCounts) -> Iterator[None]:
    """Put a counter around an executor's `advance`."""
    original: Callable[[Program, Batch], None] = module.advance

    def advance(program: Program, batch: Batch) -> None:
        rule = program.rule
        counts.kernels += 1 + (rule.reduce is not None) + (rule.layer is not None)
        counts.moved_bytes += _kernel_bytes(program, batch)
        original(program, batch)

    module.advance = advance
    try:
        yield
    finally:
        module.advance = original


def _kernel_bytes(program: Program, batch: Batch) -> int:
    """Return the bytes that a batch's kernels move: one pass over memory, and what a reduction reads beforehand."""
    theta, g = (sum(map(_bytes, tensors)) for tensors in (batch.theta, batch.grads))
    slots = sum(_bytes(t) for name in program.element_slots for t in batch.slots.get(name, ()))
    needed = () if program.rule.reduce is None else inspect_parameters(program.rule.reduce)
    reads = {"theta": theta, "g": g, "d": theta + g + slots}
    first = reads["d"] if "d" in needed else sum(reads.get(name, 0) for name in needed)
    return first + 2 * theta + g + 2 * slots + sum(map(_bytes, batch.swap or ()))


def _device_kernels(step: Callable[[], Any]) -> int:
    """Return how many kernels a CUDA device runs for a step, copies and fills left out."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        step()
        torch.cuda.synchronize()
    events = profiler.profiler.kineto_results.events() if profiler.profiler else []
    return sum(
        event.device_type().name == "CUDA" and not event.name().startswith(("Memcpy", "Memset")) for event in events
    )
