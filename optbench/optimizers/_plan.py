"""What one step of a group does: which prediction it makes, and what need not be asked again from step to step."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import is_
from typing import Any

import torch

from optbench.errors import InvalidValueError
from optbench.optimizers._executors._program import Batch, Program
from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._rule import Rule

Tensor = torch.Tensor


@dataclass(frozen=True)
class Prediction:
    """What XGrad asks of a step.

    Attributes:
        swap: the state key under which theta is kept beside phi; empty to keep none.
        recovers: whether theta is recomputed from phi and the state.
        reading: `stale`, `zero` or `repeat`.
    """

    swap: str
    recovers: bool
    reading: str


class Plan:
    """What stays the same from step to step, so that a step need not ask each tensor again.

    It holds for one group whose parameters with a gradient make a single batch of contiguous tensors, and is left as
    soon as anything differs: another set of gradients, other state tensors, another kind of step.
    """

    def __init__(
        self,
        state: Mapping[Tensor, dict[str, Any]],
        program: Program,
        prediction: Prediction | None,
        params: list[Tensor],
        states: list[dict[str, Any]],
        slots: dict[str, list[Tensor]],
        impl: str,
    ) -> None:
        self.kind = (program, prediction)
        self.owner_state, self.size = state, len(state)
        self.params, self.states, self.slots, self.impl = params, states, slots, impl
        self.keys = [(slot.key, slots[name]) for name, slot in program.slots.items()]
        self.dtype = params[0].dtype
        self.dense = all(p.is_contiguous() and type(p) is torch.nn.Parameter for p in params)

    def batch(
        self,
        state: Mapping[Tensor, dict[str, Any]],
        program: Program,
        prediction: Prediction | None,
        params: list[Tensor],
    ) -> Batch | None:
        """Return the batch of the next step, or None where the plan does not hold."""
        # Lists, not generators, inside all(): a step asks every tensor, and they take half the time.
        grads = [p.grad for p in params if p.grad is not None]
        states = self.states
        holds = (
            self.dense
            and self.kind == (program, prediction)
            and self.owner_state is state
            and self.size == len(state)
            and len(params) == len(self.params)
            and all(map(is_, params, self.params))
            and all([g.dtype is self.dtype and g.is_contiguous() for g in grads])  # noqa: C419
            and all(all(map(is_, [own.get(key) for own in states], kept)) for key, kept in self.keys)
            and (prediction is None or all([own.get("live") for own in states]))  # noqa: C419
        )
        return Batch(params, grads, self.slots, {}) if holds else None

    def count(self) -> int:
        """Count one more step of every parameter and return its number."""
        t: int = self.states[0]["step"] + 1
        for state in self.states:
            state["step"] = t
        return t


def predict(
    batch: Batch,
    group: dict[str, Any],
    rule: type[Rule],
    options: Mapping[str, Value],
    t: int,
    s: float,
    live: bool,
    states: list[dict[str, Any]],
    prediction: Prediction,
) -> None:
    """Add to a batch what predicting its next weights takes, and mark its parameters as predicted."""
    batch.reach = s * batch.k["scale"]
    if prediction.swap:
        batch.swap = [state[prediction.swap] for state in states]
    if prediction.recovers and live:
        aim = group["aim"]
        last = rule.coefficients_at(t - 1, aim)
        batch.last = (last, aim["s"] * last["scale"])
    if prediction.reading != "stale":
        if s != int(s):
            raise InvalidValueError(f"s={s:g} with reading={prediction.reading}", "give a whole number of steps")
        batch.rehearsals = [rule.coefficients_at(t + j, options) for j in range(1, int(s) + 1)]
        batch.repeat = prediction.reading == "repeat"
    if not live:
        for state in states:
            state["live"] = True
