"""NAdamW of Choi et al. (arXiv:1910.05446), the form of MLCommons: no momentum schedule."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("nadamw", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2)
class NAdamW(Oracle):
    """d = (b1 m + (1-b1) g)/c1 / (sqrt(v/c2) + eps), decoupled decay."""

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v."""
        return zeros(p, "m", "v")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        p = p * (1 - h.lr * h.weight_decay)
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g * g
        look_ahead = b1 * z.m + (1 - b1) * g
        d = look_ahead / (1 - b1**t) / (np.sqrt(z.v / (1 - b2**t)) + h.eps)
        return p - h.lr * d, h.lr * d
