"""Adam-2k, the control experiment of the RAdam paper (arXiv:1908.03265, section 3.1)."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("adam-2k", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, warm_steps=2000)
class Adam2k(Oracle):
    """For the first `warm_steps` steps only v is updated, parameters and m stand still; afterwards Adam.

    t counts every step and both corrections use it, as in the authors' code (nmt/my_module/adam2.py of
    LiyuanLucasLiu/RAdam), so that m is practically uncorrected when it starts at step 2001. Weight decay is
    decoupled there, and acts only where the parameters move.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v."""
        return zeros(p, "m", "v")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        z.v = b2 * z.v + (1 - b2) * g**2
        if t <= h.warm_steps:
            return p, np.zeros_like(p)
        z.m = b1 * z.m + (1 - b1) * g
        p = p - h.lr * h.weight_decay * p
        d = z.m / (1 - b1**t) / (np.sqrt(z.v / (1 - b2**t)) + h.eps)
        return p - h.lr * d, h.lr * d
