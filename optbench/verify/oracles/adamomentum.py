"""AdaMomentum (AdaM3): the second moment of the momentum instead of the gradient; after the authors' code."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("adamomentum", lr=1e-3, betas=(0.9, 0.999), eps=1e-16, weight_decay=0.0)
class AdaMomentum(Oracle):
    """v = b2 v + (1-b2) m^2 + eps, stored, m uncorrected; d = (m/c1)/sqrt(v/c2), no outer eps.

    Weight decay is decoupled, the default of the authors' class (their CIFAR scripts switch it to L2).
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v."""
        return zeros(p, "m", "v")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        p = p * (1 - h.lr * h.weight_decay)
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * z.m**2 + h.eps
        d = z.m / (1 - b1**t) / np.sqrt(z.v / (1 - b2**t))
        return p - h.lr * d, h.lr * d
