"""Lion (arXiv:2302.06675)."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("lion", lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0)
class Lion(Oracle):
    """d = sign(b1 m + (1-b1) g), sign(0) = 0; m = b2 m + (1-b2) g afterwards; decoupled decay."""

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moment m."""
        return zeros(p, "m")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        p = p * (1 - h.lr * h.weight_decay)
        d = np.sign(b1 * z.m + (1 - b1) * g)
        z.m = b2 * z.m + (1 - b2) * g
        return p - h.lr * d, h.lr * d
