"""An optimizer and its oracles, one for each group, on the same gradients."""

import math
from collections.abc import Iterator
from typing import Any

import torch

from optbench.verify._problem import Array, Problem, array, distance, largest, learning_rates
from optbench.verify._subject import WRAPPER, Subject
from optbench.verify.oracles import oracle
from optbench.verify.oracles.xgrad import XGrad


class Beside:
    """Steps a subject beside its oracle.

    Args:
        subject: what is verified; it must have an oracle.
        impl: implementation.
        options: hyper-parameters, `lr` among them; those of XGrad too where the subject is wrapped.
        problem: tensors and gradients.
        scheduled: whether the groups' learning rates change at every step.
    """

    def __init__(
        self, subject: Subject, impl: str, options: dict[str, Any], problem: Problem, scheduled: bool = True
    ) -> None:
        assert subject.oracle is not None
        self.subject, self.impl, self.problem, self.scheduled = subject, impl, problem, scheduled
        hyper = {**options, **subject.fixed, **(subject.xgrad or {})}
        self.lr = hyper["lr"]
        self.wrapper = {n: hyper.pop(n) for n in WRAPPER if n in hyper and subject.wrapped}
        self.parameters = problem.parameters()
        groups = problem.groups(self.parameters)
        self.optimizer: Any = subject.optimizer(groups, impl, **hyper, **self._given_wrapper())
        initial = [array(p) for p in self.parameters]
        known = {n: v for n, v in self.wrapper.items() if n != "cache"}
        self.oracles: list[Any] = [oracle(subject.oracle)(part, **hyper) for part in (initial[:4], initial[4:])]
        if subject.wrapped:
            self.oracles = [XGrad(base, **known) for base in self.oracles]
        self.far = largest(initial)
        self.aimed = 0.0

    def _given_wrapper(self) -> dict[str, Any]:
        return {"xgrad": self.wrapper} if self.subject.wrapped else {}

    def _set_lr(self, step: int) -> tuple[float, float]:
        lrs = learning_rates(self.lr, step) if self.scheduled else (self.lr, self.lr)
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        return lrs

    def run(self) -> Iterator[int]:
        """Take every step in turn, yielding its number (from 1) after each."""
        for step in range(self.problem.steps):
            lrs = self._set_lr(step)
            if self.subject.wrapped:
                self.optimizer.train()  # aims again with the new lr, as a training loop does
                self._see_aim(lrs)
            self.problem.give(self.parameters, step, plain=self.impl == "torch")
            self.optimizer.step()
            gradients = self.problem.arrays(step)
            for one, part, lr in zip(self.oracles, (gradients[:4], gradients[4:]), lrs, strict=True):
                one.step(part, lr=lr)
            self.far = max(self.far, largest(self.expected("theta")))
            yield step + 1

    def _see_aim(self, lrs: tuple[float, float]) -> None:
        """Compare phi as it is aimed anew; the readings that run the base ahead scale it by proportion instead."""
        for one, lr in zip(self.oracles, lrs, strict=True):
            one.reaim(lr)
        if self.wrapper.get("reading", "stale") == "stale":
            self.aimed = max(self.aimed, self.difference("phi"))

    def expected(self, quantity: str) -> list[Array]:
        """Return theta or phi of the oracles."""
        return [p for one in self.oracles for p in getattr(one, quantity)]

    def difference(self, quantity: str) -> float:
        """Return the largest difference between the parameters and the oracles' theta or phi."""
        return distance([array(p) for p in self.parameters], self.expected(quantity))

    def states_differ(self, step: int) -> tuple[float, str]:
        """Return the largest difference of a step, in units of the largest weight so far, and the quantity.

        Under weight prediction that is phi after every step, and theta, swapped in, after every third and the last.
        """
        scale = max(1.0, self.far)
        if not self.subject.wrapped:
            return self.difference("theta") / scale, "theta"
        worst, quantity = self.difference("phi") / scale, "phi"
        if self.aimed / scale > worst:
            worst, quantity = self.aimed / scale, "phi, aimed again at a new lr,"
        if self.wrapper.get("restore", True) and (step % 3 == 2 or step == self.problem.steps):
            self.optimizer.eval()
            theta = self.difference("theta") / scale
            self.optimizer.train()
            if theta > worst or math.isnan(theta):
                worst, quantity = theta, "theta"
        return worst, quantity


def problem_for(subject: Subject, **keywords: Any) -> Problem:
    """Return the awkward problem, without an empty tensor for torch's Adafactor, which divides by its size."""
    from optbench.optimizers._rule import Rule

    has_rule = subject.rule is not None and issubclass(subject.rule, Rule)
    return Problem(**{"empty": has_rule, **keywords})


def threads(count: int) -> "_Threads":
    """Return a context in which torch uses so many threads."""
    return _Threads(count)


class _Threads:
    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self.before)
