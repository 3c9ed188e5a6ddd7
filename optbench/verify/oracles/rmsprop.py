"""RMSprop (Hinton's lecture 6) as torch.optim.RMSprop defines it."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("rmsprop", lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False)
class RMSprop(Oracle):
    """u = g/(sqrt(v) + eps), centered sqrt(v - mean^2); b = mu b + u; p -= lr b (lr outside the buffer)."""

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Second moment, first moment (centered), momentum buffer."""
        return zeros(p, "v", "mean", "b")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        g = g + h.weight_decay * p
        z.v = h.alpha * z.v + (1 - h.alpha) * g**2
        variance = z.v
        if h.centered:
            z.mean = h.alpha * z.mean + (1 - h.alpha) * g
            variance = z.v - z.mean**2
        z.b = h.momentum * z.b + g / (np.sqrt(variance) + h.eps)
        return p - h.lr * z.b, h.lr * z.b
