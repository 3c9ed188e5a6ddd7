"""The most bytes that live tensors take in one training iteration.

On the CPU every allocation and release of torch's allocator is recorded while an iteration runs (temporaries
inside an operator included), and the peak of their running sum is added to what was alive before: parameters,
buffers, optimizer state and the batch. Bytes are those asked for; the data set, Python, NumPy and the code
are not counted. On CUDA the allocator's own peak is taken, less what was allocated before and does not belong
to the run.
"""

import os
from typing import Any

import torch

from optbench.optimizers import state_bytes
from optbench.session import Session

METHODS = {"cpu": "live tensors", "cuda": "CUDA allocator"}


def peak_bytes(session: Session) -> int:
    """Return the peak of one iteration, from the batch being there to its end.

    The session must have taken a step before, so that the optimizer's state exists.
    """
    batch = _first(session)
    session.optimizer.zero_grad(set_to_none=True)
    alive = tensor_bytes([session.model.state_dict(), batch]) + int(state_bytes(session.optimizer))
    if session.device.type == "cuda":
        return alive + _cuda_growth(session, batch)
    return alive + _cpu_growth(session, batch)


def _first(session: Session) -> Any:
    """Return the first batch of an epoch and let go of the rest of it."""
    return next(iter(session.batches(1)))


def tensor_bytes(values: Any) -> int:
    """Return the bytes of the storages under all tensors in nested dicts and sequences, each storage once."""
    storages: dict[int, int] = {}

    def visit(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            storage = value.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
        elif isinstance(value, dict):
            for item in value.values():
                visit(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                visit(item)

    visit(values)
    return sum(storages.values())


def _cpu_growth(session: Session, batch: Any) -> int:
    """Return how many bytes above its start an iteration rises on the CPU."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler would tell stderr that it starts and stops
    with torch.autograd.profiler.profile(profile_memory=True) as profiler:
        loss = session.iteration(batch)
    del loss
    results = profiler.kineto_results
    assert results is not None
    changes = [
        (event.start_ns(), event.nbytes())
        for event in results.events()
        if event.name() == "[memory]" and event.device_type().name == "CPU"
    ]
    live = peak = 0
    for _, change in sorted(changes, key=lambda pair: pair[0]):
        live += change
        peak = max(peak, live)
    return peak


def _cuda_growth(session: Session, batch: Any) -> int:
    """Return how many bytes above its start an iteration rises on a CUDA device."""
    torch.cuda.synchronize(session.device)
    before = torch.cuda.memory_allocated(session.device)
    torch.cuda.reset_peak_memory_stats(session.device)
    session.iteration(batch)
    torch.cuda.synchronize(session.device)
    return torch.cuda.max_memory_allocated(session.device) - before
