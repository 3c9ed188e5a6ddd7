"""LAMB (arXiv:1904.00962) with bias correction, as the first versions of the paper print it."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("lamb", lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=1e-2)
class LAMB(Oracle):
    """r = (m/c1)/(sqrt(v/c2) + eps) + lam p; q = |p|/|r|, 1 where either norm is 0; p -= lr q r."""

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v."""
        return zeros(p, "m", "v")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g**2
        r = z.m / (1 - b1**t) / (np.sqrt(z.v / (1 - b2**t)) + h.eps) + h.weight_decay * p
        p_norm, r_norm = float(np.sqrt(np.sum(p**2))), float(np.sqrt(np.sum(r**2)))
        ratio = p_norm / r_norm if p_norm > 0 and r_norm > 0 else 1.0
        return p - h.lr * ratio * r, h.lr * ratio * r
