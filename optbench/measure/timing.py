"""Epoch time and peak memory of the arms of a comparison, measured together in this process.

Every arm is built and warmed up (compilation and the first touch of memory happen there, untimed), then the
arms are timed in turn, A B C C B A ..., so that a machine that slows down slows all of them. A round is one
pass over the arms; a ratio is taken within a round and the median over rounds is reported.
"""

import gc
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import torch

from optbench.failures import Stopped, reported
from optbench.measure import SAMPLE_SECONDS, TOTAL_SECONDS, Report
from optbench.measure.memory import METHODS, peak_bytes
from optbench.optimizers import executor_of, state_bytes
from optbench.plan import Arm, RunSpec
from optbench.results import Cost
from optbench.session import Session, settings

WARMUP_ITERATIONS = 5
ROUNDS = (6, 20)  # at least and at most


@dataclass
class _Subject:
    """An arm being measured."""

    spec: RunSpec
    role: str
    session: Session | None = None
    failure: Stopped | None = None
    warmup_seconds: float | None = None
    steps: int = 0  # iterations of an epoch
    iteration_seconds: float = 0.0
    peak: int | None = None
    seconds: list[float] = field(default_factory=list)  # one a round, of a whole epoch


def measure_now(arms: Sequence[Arm], data_root: Path | None = None, progress: Report | None = None) -> dict[str, Cost]:
    """Return what each arm costs, measured now; see `optbench.measure.measure_arms`."""
    with settings(arms[0].specs[0], deterministic=False):
        subjects = [_Subject(arm.specs[0], arm.role) for arm in arms]
        return _measure(subjects, data_root, progress or (lambda done, total: None))


def _measure(subjects: list[_Subject], data_root: Path | None, progress: Report) -> dict[str, Cost]:
    """Warm up, weigh and time all subjects."""
    for subject in subjects:
        _attempt(subject, partial(_warm_up, subject, data_root))
    fit = [s for s in subjects if s.failure is None]
    iterations = rounds = epoch = 0
    if fit:
        epoch = fit[0].steps
        iterations, rounds = _plan_rounds([s.iteration_seconds for s in fit], epoch)
    with _quiet_collector():
        for number in range(rounds):
            progress(number, rounds)
            gc.collect()
            for subject in fit if number % 2 == 0 else reversed(fit):
                if subject.failure is None:
                    _attempt(subject, partial(_sample, subject, number + 1, iterations, epoch))
    progress(rounds, rounds)
    return {subject.spec.optimizer.canonical: _cost(subject, subjects, iterations, epoch) for subject in subjects}


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep Python's garbage collector out of the samples; what is there already need not be looked at again."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _attempt(subject: _Subject, work: Callable[[], None]) -> None:
    """Do some work on a subject; one that fails is left out from then on, and its memory is freed."""
    try:
        with reported():
            work()
    except Stopped as stop:
        subject.failure, subject.session = stop, None


def _warm_up(subject: _Subject, data_root: Path | None) -> None:
    """Build a subject, run it until nothing is new, and take its peak memory."""
    started = time.perf_counter()
    session = subject.session = Session(subject.spec, data_root)
    times = []
    for batch in itertools.islice(itertools.cycle(session.batches(1)), WARMUP_ITERATIONS):
        before = time.perf_counter()
        session.iteration(batch)
        _synchronize(session)
        times.append(time.perf_counter() - before)
    subject.steps = session.steps
    subject.peak = peak_bytes(session)
    subject.iteration_seconds = min(times)
    subject.warmup_seconds = time.perf_counter() - started


def _plan_rounds(iteration_seconds: list[float], epoch: int) -> tuple[int, int]:
    """Return how many iterations a sample has, and how many rounds there are (even, for A B B A)."""
    iterations = min(epoch, max(1, math.ceil(SAMPLE_SECONDS / median(iteration_seconds))))
    round_seconds = iterations * sum(iteration_seconds)
    rounds = min(max(int(TOTAL_SECONDS / round_seconds), ROUNDS[0]), ROUNDS[1])
    return iterations, rounds + rounds % 2


def _sample(subject: _Subject, epoch_number: int, iterations: int, epoch: int) -> None:
    """Time one sample: a whole epoch, or the first iterations of one, scaled to an epoch."""
    session = subject.session
    assert session is not None
    _synchronize(session)
    started = time.perf_counter()
    for batch in itertools.islice(session.batches(epoch_number), iterations):
        session.iteration(batch)
    _synchronize(session)
    subject.seconds.append((time.perf_counter() - started) * epoch / iterations)


def _synchronize(session: Session) -> None:
    """Wait until the device has done what it was given."""
    if session.device.type == "cuda":
        torch.cuda.synchronize(session.device)


def _cost(subject: _Subject, subjects: list[_Subject], iterations: int, epoch: int) -> Cost:
    """Return a subject's cost; ratios pair its rounds with those of each baseline."""
    failure, session = subject.failure, subject.session
    ratio = {}
    for other in subjects:
        if failure is None and other.role == "baseline" and other.failure is None:
            pairs = zip(subject.seconds, other.seconds, strict=True)
            ratio[other.spec.optimizer.canonical] = median(mine / theirs for mine, theirs in pairs)
    return Cost(
        optimizer=subject.spec.optimizer.text,
        canonical=subject.spec.optimizer.canonical,
        status=failure.status if failure else "ok",
        message=failure.message if failure else "",
        epoch_seconds=() if failure else tuple(subject.seconds),
        timed_iterations=iterations,
        epoch_iterations=epoch,
        warmup_seconds=subject.warmup_seconds,
        peak_memory_bytes=None if failure else subject.peak,
        memory_method=METHODS[subject.spec.device_type],
        state_bytes=state_bytes(session.optimizer) if session else None,
        executor=executor_of(session.optimizer) if session else "",
        ratio=ratio,
    )
