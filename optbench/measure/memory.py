"""The bytes of one arm in a training iteration, line by line: a pass of its own that is not timed.

On the CPU every allocation and release of torch's allocator is recorded while iterations run (temporaries inside an
operator included) and laid beside marks that say where phases end. The running sum starts from what was alive
before: every tensor that the session holds, found by looking through its attributes, so that a buffer counts
wherever an optimizer keeps it. Bytes are those asked for, and exact. Not counted are the data set, Python, code, and
what NumPy allocates: the `cpu` executor's tables of addresses and chunks, some tens of bytes a tensor and for each
16,384 elements. On CUDA the allocator's own statistics are taken, which round every block up to 512 bytes.
"""

import itertools
import os
from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch.autograd.profiler import profile, record_function

from optbench.measure._holdings import (
    alive_bytes,
    cache_bytes,
    predicted_state,
    resident_bytes,
    state_storages,
    storages,
)
from optbench.results import Ledger
from optbench.session import Session

METHODS = {"cpu": "live tensors", "cuda": "CUDA allocator"}
_BEGIN, _MARK = "begin", "optbench phase "


def ledger(session: Session) -> Ledger:
    """Return what training iterations of a session take, in bytes.

    The session must have taken a step before, so that the optimizer's state exists. A few more iterations are run.
    """
    observe = _on_cuda if session.device.type == "cuda" else _on_cpu
    peaks, transient, batch, device = observe(session)
    parameters = storages([p.detach() for p in session.model.parameters()])
    gradients = storages([p.grad for p in session.model.parameters()])
    state = state_storages(session.optimizer)
    peak_phase = max(peaks, key=lambda phase: peaks[phase])
    return Ledger(
        parameters=sum(parameters.values()),
        buffers=sum(storages(list(session.model.buffers())).values()),
        gradients=sum(gradients.values()),
        batch=batch,
        state=sum(state.values()),
        state_predicted=predicted_state(session),
        prediction_cache=cache_bytes(session.optimizer),
        step_transient=transient,
        peak=peaks[peak_phase],
        peak_phase=peak_phase,
        peaks=peaks,
        method=METHODS[session.device.type],
        rss=None if device else resident_bytes(),
        device=device,
    )


Found = tuple[dict[str, int], int, int, dict[str, int]]  # peaks by phase, step's transient, batch, device


def _iterations(session: Session, begin: Callable[[], None], phase: Callable[[str], None]) -> int:
    """Run iterations as training does, telling where each phase ends; return a batch's bytes.

    The first is not told: it replaces what was allocated before anybody looked. Of the two that are, the second
    gets its batch while the gradients and the batch of the first are there.
    """
    size = 0
    for batch in itertools.islice(session.batches(1), 1):
        size = sum(storages(batch).values())  # of accumulated micro-batches one is there at a time
        session.iteration(batch)
    batch = None
    session.optimizer.zero_grad(set_to_none=True)
    begin()
    epochs = itertools.chain.from_iterable(session.batches(epoch) for epoch in itertools.count(1))
    for batch in itertools.islice(epochs, 2):
        phase("data")
        session.iteration(batch, phase)
    return size


def step_transient(optimizer: torch.optim.Optimizer, device: torch.device) -> int:
    """Return the most bytes inside a step above those alive when it begins; a step is taken."""
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        optimizer.step()
        return torch.cuda.max_memory_allocated(device) - before

    def work(mark: Callable[[str], None]) -> None:
        mark(_BEGIN)
        optimizer.step()
        mark("step")

    return _peaks(0, _events(work))[1]


def _on_cpu(session: Session) -> Found:
    """Observe iterations through the events of torch's CPU allocator."""
    alive = size = 0

    def work(mark: Callable[[str], None]) -> None:
        def begin() -> None:
            nonlocal alive
            alive = alive_bytes(session)
            mark(_BEGIN)

        nonlocal size
        size = _iterations(session, begin, mark)

    session.optimizer.zero_grad(set_to_none=True)  # the allocator warns when it frees what it did not see allocated
    events = _events(work)
    peaks, transient = _peaks(alive, events)
    return peaks, transient, size, {}


def _events(work: Callable[[Callable[[str], None]], None]) -> list[tuple[str, int]]:
    """Return in order of time what the CPU allocator did while some work was done, and the marks that it made."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler would tell stderr that it starts and stops

    def mark(name: str) -> None:
        with record_function(_MARK + name):
            pass

    with profile(profile_memory=True) as profiler:
        work(mark)
    results = profiler.kineto_results
    assert results is not None
    events = [
        (event.start_ns(), event.name().removeprefix(_MARK), event.nbytes())
        for event in results.events()
        if event.name().startswith(_MARK) or (event.name() == "[memory]" and event.device_type().name == "CPU")
    ]
    return [event[1:] for event in sorted(events, key=lambda event: event[0])]


def _peaks(alive: int, events: list[tuple[str, int]]) -> tuple[dict[str, int], int]:
    """Return the most bytes alive in each phase, and the most inside a step above those when it began.

    Args:
        alive: bytes at the mark "begin".
        events: in order of time, changes ("[memory]", bytes), and (phase, 0) where a phase has ended.
    """
    start = events.index((_BEGIN, 0)) + 1
    peaks: dict[str, int] = {}
    live = before = peak = alive
    transient = 0
    for name, change in events[start:]:
        if name == "[memory]":
            live += change
            peak = max(peak, live)
            continue
        peaks[name] = max(peaks.get(name, 0), peak)
        if name == "step":
            transient = max(transient, peak - before)
        before = peak = live
    return peaks, transient


def _on_cuda(session: Session) -> Found:
    """Observe iterations through the statistics of torch's CUDA allocator, whose peaks are reset at every phase.

    The device's figures are those of the whole process there, data set included, at their largest. `process` is
    what the driver says is in use on the device: CUDA's own context and kernels besides, and any other process's.
    """
    peaks: dict[str, int] = {}
    device: dict[str, int] = {}
    since = {"outside": 0, "allocated": 0, "transient": 0}

    def restart() -> None:
        since["allocated"] = torch.cuda.memory_allocated(session.device)
        torch.cuda.reset_peak_memory_stats(session.device)

    def begin() -> None:
        restart()
        since["outside"] = since["allocated"] - alive_bytes(session)

    def phase(name: str) -> None:
        torch.cuda.synchronize(session.device)
        found = cast("Mapping[str, int]", torch.cuda.memory_stats(session.device))
        now = {kind: found[f"{kind}_bytes.all.peak"] for kind in ("requested", "allocated", "reserved")}
        free, total = torch.cuda.mem_get_info(session.device)
        now["process"] = total - free
        device.update({kind: max(size, device.get(kind, 0)) for kind, size in now.items()})
        peaks[name] = max(peaks.get(name, 0), now["allocated"] - since["outside"])
        if name == "step":
            since["transient"] = max(since["transient"], now["allocated"] - since["allocated"])
        restart()

    size = _iterations(session, begin, phase)
    return peaks, since["transient"], size, device
