"""Yogi (Zaheer et al. 2018) with the bias correction and the initial value that every library has."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register


@register("yogi", lr=1e-2, betas=(0.9, 0.999), eps=1e-3, weight_decay=0.0, decoupled=False)
class Yogi(Oracle):
    """v -= (1-b2) sign(v - g^2) g^2; d = (m/c1)/(sqrt(v/c2) + eps); m and v start at 1e-6.

    Weight decay is an L2 term, or decoupled with `decoupled`.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v at 1e-6."""
        return {"m": np.full_like(p, 1e-6), "v": np.full_like(p, 1e-6)}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        if h.decoupled:
            p = p * (1 - h.lr * h.weight_decay)
        else:
            g = g + h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.v = z.v - (1 - b2) * np.sign(z.v - g**2) * g**2
        d = z.m / (1 - b1**t) / (np.sqrt(z.v / (1 - b2**t)) + h.eps)
        return p - h.lr * d, h.lr * d
