"""AdaGrad (Duchi et al. 2011) as torch.optim.Adagrad defines it."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register


@register("adagrad", lr=1e-2, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10)
class AdaGrad(Oracle):
    """v += g^2; p -= lr/(1 + (t-1) eta) g / (sqrt(v) + eps); v starts at `initial_accumulator_value`."""

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """The sum of squares."""
        return {"v": np.full_like(p, h.initial_accumulator_value)}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        g = g + h.weight_decay * p
        z.v = z.v + g**2
        moved = h.lr / (1 + (t - 1) * h.lr_decay) * g / (np.sqrt(z.v) + h.eps)
        return p - moved, moved
