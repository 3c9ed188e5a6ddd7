"""XGrad (arXiv:2305.18240) and AdamW weight prediction (arXiv:2302.00195) over any oracle.

After step t the parameters hold phi = theta - s lr d, where d is a guess at the next step's direction:

- `stale` (reading A, the reference): the direction of step t itself, decoupled decay left out.
- `zero` (B): the base's own next steps with a zero gradient; `repeat` (C): with the last gradient once more.
  Both imagine s steps and add up their displacements; a fractional s takes that part of the last one.

The lr is that of step t, or, once `reaim` was called, the one that the next step will use. A parameter whose
last step had no gradient is not predicted, nor is any before the first step.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Oracle


class XGrad:
    """Weight prediction with `theta` (what the base knows) and `phi` (where gradients are taken) kept apart.

    Args:
        base: a fresh oracle.
        s: prediction steps, >= 0.
        reading: "stale", "zero" or "repeat".
        restore: False is the control that never restores: the base updates phi as if it were theta.

    Attributes:
        theta, phi: per tensor; `theta` is what evaluation and checkpoints use.
    """

    def __init__(self, base: Oracle, s: float = 1.0, reading: str = "stale", restore: bool = True) -> None:
        assert reading in ("stale", "zero", "repeat"), reading
        self.base, self.s, self.reading, self.restore = base, s, reading, restore
        self.phi = [p.copy() for p in base.theta]
        self._last: list[Any] = [None] * len(base.theta)
        self._lr = base.hyper["lr"]

    @property
    def theta(self) -> list[Array]:
        """The base's parameters."""
        return self.base.theta

    def step(self, gradients: Sequence[Any], **changed: Any) -> None:
        """One step of the base from theta with the gradients found at phi, then a new prediction with its
        lr.
        """
        if not self.restore:
            self.base.theta = [p.copy() for p in self.phi]
        self.base.step(gradients, **changed)
        self._last = [None if g is None else np.asarray(g, dtype=np.float64) for g in gradients]
        self._lr = self.base.hyper["lr"]
        self._predict(self._lr)

    def reaim(self, lr: float) -> None:
        """Predict again for a next step with learning rate `lr` (a scheduler changed it)."""
        self._predict(lr)

    def _predict(self, lr: float) -> None:
        for i, theta in enumerate(self.base.theta):
            if self._last[i] is None or self.s == 0:
                self.phi[i] = theta.copy()
            else:
                self.phi[i] = np.asarray(theta - self._displacement(i, lr))

    def _displacement(self, i: int, lr: float) -> Array:
        if self.reading == "stale":
            return self.s * (lr / self._lr if self._lr else 0.0) * self.base.displacement[i]
        gradient = self._last[i] if self.reading == "repeat" else np.zeros_like(self._last[i])
        ahead = self.base.imagine(i, gradient, math.ceil(self.s), lr=lr)
        weights = [min(1.0, self.s - k) for k in range(len(ahead))]
        return np.asarray(sum(w * moved for w, moved in zip(weights, ahead, strict=True)))
