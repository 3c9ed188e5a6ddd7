"""What an identity is, and the bench on which it runs: one optimizer on gradients that are given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from optbench.verify._problem import Array, array, distance
from optbench.verify._subject import Effort, Subject

Outcome = tuple[float, float, str]
"""Largest difference, its bound, and where it was seen."""

EXACT = 1e-13
"""Bound for float64 quantities of magnitude 1 that are equal on paper."""

SHAPES = ((5, 3), (7,), ())


@dataclass(frozen=True)
class Bench:
    """Runs a subject in float64 on gradients that are given in advance."""

    subject: Subject
    impl: str
    effort: Effort

    def random(self, *parts: object) -> np.random.Generator:
        """Return a generator for a purpose."""
        return np.random.default_rng(self.subject.seed(self.effort, "identities", *parts))

    def weights(self) -> list[Array]:
        """Return initial weights of three shapes."""
        random = self.random("weights")
        return [np.asarray(random.standard_normal(shape)) for shape in SHAPES]

    def gradients(self, steps: int, least: float = 0.0) -> list[list[Array]]:
        """Return random gradients for each step, of magnitude `least` at least."""
        random = self.random("gradients")
        rows = [[np.asarray(random.standard_normal(shape)) for shape in SHAPES] for _ in range(steps)]
        return [[np.sign(g) * (np.abs(g) + least) for g in row] for row in rows]

    def constant(self, steps: int) -> list[list[Array]]:
        """Return the same gradients for every step, of magnitude 0.5 at least."""
        return self.gradients(1, 0.5) * steps

    def options(self, **options: Any) -> dict[str, Any]:
        """Return those of the options that the optimizer has; its weight decay is off unless it is among them."""
        keys = self.subject.keys
        decay = {"weight_decay": 0.0} if "weight_decay" in keys else {}
        return {n: v for n, v in {**decay, **options}.items() if n in keys}

    def walk(
        self, gradients: Sequence[Sequence[Array]], weights: Sequence[Array] | None = None, **options: Any
    ) -> "Walk":
        """Run the subject over the gradients; `options` are hyper-parameters, and `xgrad` those of the wrapper."""
        wrapper = {"xgrad": options.pop("xgrad")} if "xgrad" in options else {}
        chosen = {**self.options(**options), **wrapper}
        return walk(lambda p: self.subject.optimizer(p, self.impl, **chosen), gradients, weights or self.weights())

    def torch(self, name: str, gradients: Sequence[Sequence[Array]], **options: Any) -> "Walk":
        """Run a class of torch.optim over the gradients from the same weights."""
        return walk(lambda p: getattr(torch.optim, name)(p, **options), gradients, self.weights())

    def other(self, name: str, gradients: Sequence[Sequence[Array]], **options: Any) -> "Walk":
        """Run another registered optimizer, by the eager executor, over the gradients from the same weights."""
        from optbench.optimizers import create

        return walk(lambda p: create(name, p, impl="eager", **options), gradients, self.weights())


@dataclass(frozen=True)
class Walk:
    """A trajectory.

    Attributes:
        weights: after each step, the initial ones first.
        optimizer: which took it.
        parameters: that it moved.
    """

    weights: list[list[Array]]
    optimizer: Any
    parameters: list[torch.nn.Parameter]

    def steps(self) -> list[list[Array]]:
        """Return what each step subtracted from the weights."""
        pairs = zip(self.weights, self.weights[1:], strict=False)
        return [[np.asarray(a - b) for a, b in zip(old, new, strict=True)] for old, new in pairs]

    def state(self, key: str) -> list[Array]:
        """Return a state tensor of every parameter after the last step."""
        return [array(self.optimizer.state[p][key]) for p in self.parameters]


def walk(
    build: Callable[[list[torch.nn.Parameter]], Any], gradients: Sequence[Sequence[Array]], weights: Sequence[Array]
) -> Walk:
    """Run an optimizer over given gradients."""
    parameters = [torch.nn.Parameter(torch.tensor(w, dtype=torch.float64)) for w in weights]
    optimizer = build(parameters)
    seen = [[array(p) for p in parameters]]
    for row in gradients:
        for p, g in zip(parameters, row, strict=True):
            p.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        seen.append([array(p) for p in parameters])
    return Walk(seen, optimizer, parameters)


def compared(left: Sequence[list[Array]], right: Sequence[list[Array]], bound: float = EXACT) -> Outcome:
    """Compare two sequences of weights, or of steps; the first step beyond the bound is named."""
    worst = 0.0
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        difference = distance(a, b)
        worst = max(worst, difference)
        if not difference <= bound:
            return worst, bound, f"at step {number}"
    return worst, bound, ""


Run = Callable[[Bench], Outcome]


@dataclass(frozen=True)
class Identity:
    """A statement about some optimizers.

    Attributes:
        title: the statement.
        source: where it is stated, or what it follows from.
        names: of the optimizers; empty means all.
        wrapped: whether it is about weight prediction over them.
        run: compares its two sides.
        with_keys: hyper-parameters that the optimizer must have.
    """

    title: str
    source: str
    names: tuple[str, ...]
    wrapped: bool
    run: Run
    with_keys: tuple[str, ...] = ()

    def concerns(self, subject: Subject) -> bool:
        """Tell whether it is about a subject."""
        named = subject.name in self.names or not self.names
        return named and subject.wrapped == self.wrapped and set(self.with_keys) <= set(subject.keys)

    def implementations(self, subject: Subject) -> tuple[str, ...]:
        """Return the implementations in which it is tried: optbench's own, torch's class where there is no other."""
        return subject.own or subject.implementations


_TABLE: list[Identity] = []


def table() -> list[Identity]:
    """Return the identities that are registered so far."""
    return _TABLE


def identity(
    *names: str, title: str, source: str, wrapped: bool = False, with_keys: tuple[str, ...] = ()
) -> Callable[[Run], Run]:
    """Register an identity of the named optimizers (of all, if none is named)."""

    def decorate(run: Run) -> Run:
        _TABLE.append(Identity(title, source, names, wrapped, run, with_keys))
        return run

    return decorate
