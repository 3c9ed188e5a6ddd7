"""LARS (arXiv:1708.03888), Algorithm 1: the learning rate is inside the momentum buffer."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("lars", lr=1.0, momentum=0.9, weight_decay=0.0, trust_coefficient=1e-3)
class LARS(Oracle):
    """q = eta |w|/(|g| + lam |w|); b = mu b + lr q (g + lam w); w -= b. q = 1 where |w| or |g| is 0."""

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """The momentum buffer."""
        return zeros(p, "b")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        weight_norm, gradient_norm = float(np.sqrt(np.sum(p**2))), float(np.sqrt(np.sum(g**2)))
        ratio = 1.0
        if weight_norm > 0 and gradient_norm > 0:
            ratio = h.trust_coefficient * weight_norm / (gradient_norm + h.weight_decay * weight_norm)
        z.b = h.momentum * z.b + h.lr * ratio * (g + h.weight_decay * p)
        return p - z.b, z.b
