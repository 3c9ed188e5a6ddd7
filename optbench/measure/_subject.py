"""One arm in its worker process: a session that is warm, is timed turn by turn, and is weighed."""

import gc
import math
import os
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch

from optbench import datasets, optimizers, tasks
from optbench.failures import Stopped
from optbench.measure import _checkout
from optbench.measure._clocks import clock_of
from optbench.measure._guard import Guard
from optbench.measure._messages import Facts, Setup
from optbench.plan import RunSpec
from optbench.results import Ledger
from optbench.session import Session, settings

WARMUP_ITERATIONS = 5
# A rule may stand still at first (the most known is 2,000 steps, Adam-2k's). It is stepped until it moves, as often
# and as long as this; the first few with new gradients, since a loss scaler skips steps until its scale fits.
THAW_STEPS, THAW_SECONDS, FULL_STEPS = 2500, 10.0, 20
FREEZE = "warm_steps"  # the hyper-parameter by which a rule of ours says for how long it stands still
# Generated: enough batches that not all of them are in the processor's cache, but no more bytes than this beyond one.
SYNTHETIC_BATCHES, SYNTHETIC_BYTES = 16, 2**27
TEXT_BYTES = 512  # of a pair of sentences at most, and far more than a token's


class Subject:
    """Builds and warms up an arm.

    Raises:
        OptbenchError: missing data, an optimizer that cannot be made.
        Stopped: no step changes a parameter.
    """

    def __init__(self, setup: Setup) -> None:
        began = time.perf_counter()
        spec = spec_of(setup)
        if not (spec.recipe.compile or spec.optimizer.is_import_path):
            _start_without_dynamo()
        self._settings = ExitStack()  # kept: they would be put back with its end
        self._settings.enter_context(settings(spec, deterministic=False))
        self.session = session_of(spec, setup)
        if setup.checkout is not None:
            _checkout.check_origin(setup.checkout, spec.optimizer.name)
        self._clock = clock_of(self.session.device)
        self._guard = Guard(self.session.optimizer)
        self._batches = self.session.stream()
        if self.session.scaler.is_enabled():
            self.session.scaler.set_growth_interval(2**31 - 1)  # a scale that grows makes a timed step be skipped
        self._warm_up()
        self._keep()
        gc.collect()
        gc.freeze()  # what is there need not be looked at again
        gc.disable()
        if spec.device_type == "cpu" and spec.threads == 1:
            _stay_on_one_core()
        self.facts = Facts(
            epoch_iterations=_epoch_iterations(self.session, setup),
            warmup_seconds=time.perf_counter() - began,
            executor=optimizers.executor_of(self.session.optimizer),
            parameters=self.session.parameters,
        )

    def turn(self, iterations: int, discard: bool) -> dict[str, float]:
        """Return the seconds of an iteration by phase, the mean over some, and their sum as `iteration`.

        Args:
            iterations: how many are timed.
            discard: run one more before, untimed: another arm's data are in the caches.

        Raises:
            Stopped: a step changed no parameter.
        """
        self._go_back()
        if discard:
            self._iterate()
        self._guard.look()
        for _ in range(iterations):
            self._clock.begin()
            batch = next(self._batches)
            self._clock("data")
            self.session.iteration(batch, self._clock)
            self._guard.steps += 1
            self._guard.look()
        found = {phase: seconds / iterations for phase, seconds in self._clock.seconds().items()}
        self._guard.check()
        gc.collect()
        return found | {"iteration": sum(found.values())}

    def ledger(self) -> Ledger:
        """Return the bytes of the arm."""
        from optbench.measure import memory

        gc.enable()  # as in training, where cycles do not live on
        return memory.ledger(self.session)

    def _iterate(self) -> None:
        self.session.iteration(next(self._batches))
        self._guard.steps += 1

    def _warm_up(self) -> None:
        """Train until nothing is new: kernels are compiled, memory is touched, and steps move parameters."""
        before = self._guard.sums()
        for _ in range(WARMUP_ITERATIONS):
            self._iterate()
        if torch.equal(before, self._guard.sums()) and self._guard.owes():
            self._thaw(before)

    def _thaw(self, before: torch.Tensor) -> None:
        """Step until a parameter is no longer what it was."""
        deadline = time.perf_counter() + THAW_SECONDS
        for number in range(THAW_STEPS):
            if number < FULL_STEPS:
                self._iterate()
            else:
                self.session.optimizer.step()
                self._guard.steps += 1
            if not torch.equal(before, self._guard.sums()):
                return
            if time.perf_counter() > deadline:
                break
        raise Stopped("error", f"none of the first {self._guard.steps:,} steps changed a parameter")

    def _keep(self) -> None:
        """Remember weights and schedule, so that every turn does the same work from the same place."""
        _mode(self.session.optimizer, "eval")
        self._tensors = [*self.session.model.parameters(), *self.session.model.buffers()]
        self._kept = [each.detach().clone() for each in self._tensors]
        _mode(self.session.optimizer, "train")
        self._schedule = self.session.rates.state_dict()

    @torch.no_grad()
    def _go_back(self) -> None:
        """Put weights and schedule back: endless training would meet tiny gradients and a schedule that rests."""
        self.session.rates.load_state_dict(self._schedule)
        self.session.rates.set()
        _mode(self.session.optimizer, "eval")
        for tensor, kept in zip(self._tensors, self._kept, strict=True):
            tensor.copy_(kept)
        _mode(self.session.optimizer, "train")


def spec_of(setup: Setup) -> RunSpec:
    """Return the run that a setup describes, without what only looks on: histograms of gradients are no cost of a step.

    A rule of ours that would stand still at first is told not to.
    """
    found = optimizers.parse(setup.optimizer)
    found = found.resolve(setup.recipe.defaults_for(found.name))
    thawed = tuple((key, 0 if key == FREEZE and not found.is_import_path else value) for key, value in found.options)
    return RunSpec(
        recipe=replace(setup.recipe, gradient_histograms=0),
        optimizer=replace(found, options=thawed),
        seed=setup.seed,
        device=setup.device,
        precision=setup.precision,
        threads=setup.threads,
        data_checksum=setup.data_checksum,
    )


def _examples(setup: Setup) -> int:
    """Return how many examples to generate: whole batches of them."""
    recipe, facts = setup.recipe, datasets.info(setup.recipe.data)
    batch = tasks.examples(recipe.task, recipe.batch_size, recipe.task_options)
    size = math.prod(facts.shape) if isinstance(facts, datasets.ImageInfo) else TEXT_BYTES
    return batch * max(1, min(SYNTHETIC_BATCHES, SYNTHETIC_BYTES // (size * batch)))


def session_of(spec: RunSpec, setup: Setup) -> Session:
    """Return the session, over generated data where the setup says so."""
    if not setup.synthetic:
        return Session(spec, setup.data_root)
    recipe = spec.recipe
    data = datasets.synthetic(recipe.data, size=_examples(setup), device=spec.device, options=recipe.data_options)
    return Session(spec, dataset=data)


def _epoch_iterations(session: Session, setup: Setup) -> int:
    """Return how many iterations an epoch of the real data has."""
    if not setup.synthetic:
        return session.steps
    splits = datasets.info(setup.recipe.data).splits
    added = splits["validation"] if session.task.validation is None else 0
    real, made = splits["train"] + added, len(session.task.train)
    if tasks.info(setup.recipe.task).kind == "images":
        return -(-real // setup.recipe.batch_size)
    return -(-session.steps * real // made)


def _start_without_dynamo() -> None:
    """Keep the first call of an optimizer's method from importing torch's compiler, a third of a worker's start.

    torch wraps methods such as `zero_grad` so that its compiler leaves them alone, and asks the compiler for the
    wrapper when one is first called. Where nothing is compiled the method itself does; another torch may not know
    the name.
    """
    for method in vars(torch.optim.Optimizer).values():
        if (inner := getattr(method, "__wrapped__", None)) is not None:
            inner.__dynamo_disable = inner


def _stay_on_one_core() -> None:
    """Move this thread to the last core that it may use, where all other arms' workers are too, asleep.

    Where the system wakes a worker differs from turn to turn, and so do cores: in speed, and in the caches they share.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _mode(optimizer: Any, name: str) -> None:
    """Call the optimizer's `train()` or `eval()` where it has one."""
    switch = getattr(optimizer, name, None)
    if callable(switch):
        switch()
