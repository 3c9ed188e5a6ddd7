"""One arm outside the timer, in a process of its own: its evaluation, its step's work, and a copy beside it."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from optbench import datasets
from optbench.measure._counting import StepCounts, count_step
from optbench.measure._messages import Setup
from optbench.measure._subject import WARMUP_ITERATIONS, session_of, spec_of
from optbench.measure.roofline import copy_seconds, minimum_bytes
from optbench.session import Session, settings

EVALUATION_SECONDS = 3.0  # further evaluations are timed until so long has passed; at most three


@dataclass(frozen=True)
class Inspection:
    """What is seen of one arm outside the timer.

    Attributes:
        batch: samples of an iteration.
        evaluation_seconds: one evaluation, as an epoch ends with.
        counts: of one step.
        minimum_bytes: the least that a step must move; None for a class without a declaration.
        copy_bytes, copy_seconds: a copy that moves so many bytes takes so long: those of the minimum, or of what
            was counted where there is none (of the parameters, read and written, where nothing was).
    """

    batch: int
    evaluation_seconds: float
    counts: StepCounts
    minimum_bytes: int | None
    copy_bytes: int
    copy_seconds: float


def inspect(setup: Setup) -> Inspection:
    """Look at one arm; meant to be called in a fresh process."""
    spec = spec_of(setup)
    with settings(spec, deterministic=False):
        session = session_of(spec, setup)
        batches = session.stream()

        def train() -> None:
            session.iteration(next(batches))

        for _ in range(WARMUP_ITERATIONS):
            train()
        counts = count_step(session.optimizer, session.device)
        minimum = minimum_bytes(spec.optimizer, session.parameters)
        size = minimum or counts.moved_bytes or 8 * session.parameters
        return Inspection(
            batch=_samples(session, next(session.batches(1))),
            evaluation_seconds=_evaluation_seconds(session, setup.synthetic),
            counts=counts,
            minimum_bytes=minimum,
            copy_bytes=size,
            copy_seconds=copy_seconds(size, session.device, train),
        )


def _samples(session: Session, batch: Any) -> int:
    """Return how many samples an iteration trains on, whose batch this is: one, or several micro-batches."""
    parts = [batch] if isinstance(batch, (tuple, list)) else batch
    return sum(map(session.task.samples, parts))


def _evaluation_seconds(session: Session, synthetic: bool) -> float:
    """Return the median time of an evaluation, weight swaps of a prediction included; it ends on the host.

    Of generated data there is little, so its time is scaled up to the real split's size.
    """
    split = "test" if session.spec.recipe.protocol == "paper" else "validation"
    times: list[float] = []
    while len(times) < 3 and sum(times) < EVALUATION_SECONDS:
        begun = time.perf_counter()
        session.evaluate(split)
        times.append(time.perf_counter() - begun)
    there = len(getattr(session.task, split))
    real = datasets.info(session.spec.recipe.data).splits[split] if synthetic else there
    return statistics.median(times) * real / there
