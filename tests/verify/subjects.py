"""Optimizers with planted faults, and a sound one, for the tests of `optbench verify`."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import torch

from optbench.optimizers import AdamW, info
from optbench.verify._subject import Effort, Finding, Subject, of_entry

QUICK = Effort.small()


def subject(name: str, *implementations: str, **changes: Any) -> Subject:
    """The registered optimizer, in some implementations; `xgrad+NAME` wraps it."""
    found = of_entry(info(name.removeprefix("xgrad+")))
    if implementations:
        found = dataclasses.replace(found, implementations=implementations)
    if name.startswith("xgrad+"):
        found = dataclasses.replace(found, xgrad={})
    return dataclasses.replace(found, **changes)


def with_rule(name: str, **functions: Any) -> Subject:
    """The registered optimizer with parts of its rule replaced, in the eager executor."""
    rule = info(name).rule
    assert rule is not None
    changed = type(rule.__name__, (rule,), {"__doc__": rule.__doc__, **functions})
    changed.name = name
    found = of_entry(dataclasses.replace(info(name), declaration=changed))
    return dataclasses.replace(found, implementations=("eager",), torch=None)


def rebuilt(found: Subject, change: Callable[[Any], None]) -> Subject:
    """A subject whose optimizers are changed as soon as they are built."""

    def build(params: Any, **options: Any) -> Any:
        optimizer = found.build(params, **options)
        change(optimizer)
        return optimizer

    return dataclasses.replace(found, build=build)


def of_class(cls: type, name: str = "adamw") -> Subject:
    """A subclass of optbench's AdamW verified as if it were AdamW."""

    def build(params: Any, impl: str = "eager", xgrad: Any = None, **options: Any) -> Any:
        return cls(params, impl=impl, **options)

    return dataclasses.replace(subject(name, "eager"), build=build)


def failed(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that failed; each says in one line what parted."""
    found = [f for f in findings if not f.passed]
    assert all(f.message and "\n" not in f.message and f.ran for f in found)
    return found


class Sound(torch.optim.Optimizer):
    """What a careful third party would write: Adam with torch's own conventions."""

    def __init__(self, params: Any, lr: float = 1e-2, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # type: ignore[override]
        """One step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group)
        return loss

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """One parameter."""
        if not state:
            state.update(step=torch.zeros(()), m=torch.zeros_like(p), v=torch.zeros_like(p))
        beta1, beta2 = group["betas"]
        state["step"] += 1
        t = float(state["step"])
        state["m"].lerp_(g, 1 - beta1)
        state["v"].lerp_(g * g, 1 - beta2)
        p -= group["lr"] * (state["m"] / (1 - beta1**t)) / ((state["v"] / (1 - beta2**t)).sqrt() + 1e-8)


class Faulty(Sound):
    """Writes into the gradients, and its state grows: for the command line."""

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Divide the gradient in place, as some implementations do, and remember it."""
        super().update(p, g.mul_(0.5), state, group)
        state[f"past {int(state['step'])}"] = g.clone()


Ours: Any = AdamW
