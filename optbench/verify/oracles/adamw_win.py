"""AdamW-Win and AdamW-Win2 (Zhou et al. 2023): Nesterov-like acceleration of AdamW with proximal decay."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("adamw-win", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, acceleration=(2.0, 8.0), win2=False)
class AdamWWin(Oracle):
    """u = (m/c1)/(sqrt(v/c2) + eps); x = (x - lr u)/(1 + lr lam); with gy = g1 lr, gz = g2 lr:

    win: p = (p + g1 x - gy u)/(1 + g1 + gy lam).
    win2: y by win's line; p = (p - gz u + g2 x + (g2/g1) y)/(1 + g2 + g2/g1 + gz lam).
    The parameters are the reckless sequence (y of win, z of win2). The ratios lr_y/lr_x are the constants g1,
    g2/g1, so that lr = 0 is no division by zero. Without lam the displacement is that of p itself.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v, and the sequences x and y, which start at theta_0."""
        return {**zeros(p, "m", "v"), "x": p.copy(), "y": p.copy()}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        g1, g2 = h.acceleration
        gy, gz, lam = g1 * h.lr, g2 * h.lr, h.weight_decay
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g**2
        u = z.m / (1 - b1**t) / (np.sqrt(z.v / (1 - b2**t)) + h.eps)
        z.x = (z.x - h.lr * u) / (1 + h.lr * lam)
        if not h.win2:
            total, weight, decay = p + g1 * z.x - gy * u, 1 + g1, gy * lam
        else:
            z.y = (z.y + g1 * z.x - gy * u) / (1 + g1 + gy * lam)
            total = p - gz * u + g2 * z.x + g2 / g1 * z.y
            weight, decay = 1 + g2 + g2 / g1, gz * lam
        return total / (weight + decay), p - total / weight
