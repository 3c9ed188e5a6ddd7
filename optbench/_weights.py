"""Weights beside those of now: their moving average, and those of moments that are reported."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


class WeightAverage:
    """An exponential moving average of weights: average <- decay average + (1 - decay) theta after every step.

    It begins as the weights after the first step. Buffers are not averaged: BatchNorm's are averages already.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], decay: float) -> None:
        self.parameters = parameters
        self.decay = decay
        self.tensors: list[torch.Tensor] = []

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are."""
        weights = [p.detach() for p in self.parameters]
        if self.tensors:
            torch._foreach_lerp_(self.tensors, weights, 1 - self.decay)
        else:
            self.tensors = [weight.clone() for weight in weights]

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """While inside, the parameters hold the average; afterwards what they held, bitwise."""
        if not self.tensors:
            yield
            return
        kept = [p.detach().clone() for p in self.parameters]
        self._put(self.tensors)
        try:
            yield
        finally:
            self._put(kept)

    @torch.no_grad()
    def _put(self, values: list[torch.Tensor]) -> None:
        torch._foreach_copy_(list(self.parameters), values)

    def load_state_dict(self, tensors: list[torch.Tensor]) -> None:
        """Go on from a saved average."""
        self.tensors = [value.to(p.device) for value, p in zip(tensors, self.parameters, strict=False)]


class KeptWeights:
    """A model's weights and buffers set aside: those of one moment, or the mean over several."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self.count = 0
        self.score: float | None = None  # by which the moment was chosen

    def replace(self, model: torch.nn.Module) -> None:
        """Set aside what the model holds now."""
        self.tensors = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.count = 1

    @torch.no_grad()
    def include(self, model: torch.nn.Module) -> None:
        """Take in what the model holds now: mean <- mean + (theta - mean) / n. What is no float is as it is now."""
        if not self.count:
            self.replace(model)
            return
        self.count += 1
        for name, value in model.state_dict().items():
            kept = self.tensors[name]
            if kept.is_floating_point():
                kept.lerp_(value, 1 / self.count)
            else:
                kept.copy_(value)

    @contextlib.contextmanager
    def in_place(self, model: torch.nn.Module) -> Iterator[None]:
        """While inside, the model holds what was set aside, if anything was; afterwards what it held, bitwise."""
        if not self.count:
            yield
            return
        now = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self.tensors)
        try:
            yield
        finally:
            model.load_state_dict(now)

    def state_dict(self) -> dict[str, Any]:
        """Return what was set aside."""
        return {"tensors": self.tensors, "count": self.count, "score": self.score}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on from there."""
        self.tensors = {name: value.to(device) for name, value in state["tensors"].items()}
        self.count, self.score = state["count"], state["score"]
