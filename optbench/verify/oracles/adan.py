"""Adan (arXiv:2208.06677) with the betas of the authors' code (1 - the paper's)."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("adan", lr=1e-3, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=0.0, proximal=True)
class Adan(Oracle):
    """D = g - g_prev (0 at t=1); m, v (of D), n (of g + b2 D); d = (m/c1 + b2 v/c2)/(sqrt(n/c3) + eps).

    `proximal`: p = (p - lr d)/(1 + lr lam); otherwise p = (1 - lr lam) p - lr d.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Three averages; the previous gradient does not exist yet."""
        return {**zeros(p, "m", "v", "n"), "previous": None}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2, b3 = h.betas
        change = np.zeros_like(g) if z.previous is None else g - z.previous
        z.previous = g.copy()
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * change
        z.n = b3 * z.n + (1 - b3) * (g + b2 * change) ** 2
        numerator = z.m / (1 - b1**t) + b2 * z.v / (1 - b2**t)
        d = numerator / (np.sqrt(z.n / (1 - b3**t)) + h.eps)
        if h.proximal:
            return (p - h.lr * d) / (1 + h.lr * h.weight_decay), h.lr * d
        return p - h.lr * h.weight_decay * p - h.lr * d, h.lr * d
