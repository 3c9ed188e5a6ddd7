"""A trace of training for Chrome's or Perfetto's viewer, and torch's snapshot of CUDA memory."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, record_function

from optbench.measure._messages import Setup
from optbench.measure._subject import WARMUP_ITERATIONS, session_of, spec_of
from optbench.session import Session, settings

ITERATIONS = 3  # traced of each arm
HISTORY = 100_000  # events of the allocator that a snapshot keeps


def write_trace(setups: Mapping[str, Setup], path: Path) -> None:
    """Write a trace in which every arm trains a few iterations and is evaluated once, one after the other.

    A slice with the arm's name holds slices `iteration N`, and those hold `data`, `forward`, `backward`, `step`, ...
    and, below them, the operators. Compiled kernels of the cpu executor are part of `step` and have no slice. The
    profiler slows every operator down: read proportions, not times. Meant to be called in a fresh process.

    Args:
        setups: the arms by the name to show, all of one recipe.
        path: a JSON file; one that ends in .gz is compressed.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler would tell stderr that it starts and stops
    with settings(spec_of(next(iter(setups.values()))), deterministic=False):
        arms = [(name, *_warm(setup)) for name, setup in setups.items()]
        activities = [ProfilerActivity.CPU]
        if arms[0][1].device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=activities) as profiler:
            for name, session, phases in arms:
                with record_function(name):
                    _train_traced(session, phases)
    profiler.export_chrome_trace(str(path))


def write_memory_snapshot(setups: Mapping[str, Setup], path: Path) -> None:
    """Write torch's snapshot of the CUDA allocator, with the history of a few iterations of every arm.

    Meant to be called in a fresh process; `torch.cuda` must be available there.
    """
    with settings(spec_of(next(iter(setups.values()))), deterministic=False):
        torch.cuda.memory._record_memory_history(max_entries=HISTORY)
        for setup in setups.values():
            _warm(setup)
        torch.cuda.memory._dump_snapshot(str(path))  # type: ignore[no-untyped-call]
        torch.cuda.memory._record_memory_history(enabled=None)


def _warm(setup: Setup) -> tuple[Session, list[str]]:
    """Return a session that has trained a little, and the phases of an iteration in their order."""
    session = session_of(spec_of(setup), setup)
    phases: list[str] = []
    for batch in itertools.islice(session.stream(), WARMUP_ITERATIONS):
        phases.clear()
        session.iteration(batch, phases.append)
    return session, phases


def _train_traced(session: Session, phases: Sequence[str]) -> None:
    """Train some iterations with a slice for each phase, then evaluate."""
    batches = session.stream()
    for number in range(1, ITERATIONS + 1):
        with record_function(f"iteration {number}"):
            with record_function("data"):
                batch = next(batches)
            with _slices(phases) as ended:
                session.iteration(batch, ended)
    with record_function("evaluation"):
        session.evaluate("test" if session.spec.recipe.protocol == "paper" else "validation")


@contextlib.contextmanager
def _slices(phases: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """Give what an iteration calls where a phase ends; a slice needs its name when it begins, so the order is known."""
    coming = iter(phases)
    with contextlib.ExitStack() as stack:

        def begin() -> None:
            if (name := next(coming, None)) is not None:
                stack.enter_context(record_function(name))

        def ended(phase: str) -> None:
            stack.pop_all().close()
            begin()

        begin()
        yield ended
