"""AdaBelief (arXiv:2010.07468) as the authors' adabelief-pytorch 0.2.1 computes it."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros
from optbench.verify.oracles.radam import rectification, sma_length


@register("adabelief", lr=1e-3, betas=(0.9, 0.999), eps=1e-16, weight_decay=0.0, rectify=False, amsgrad=False)
class AdaBelief(Oracle):
    """s = b2 s + (1-b2)(g-m)^2 + eps, stored; d = (m/c1)/(sqrt(s/c2) + eps); decoupled decay.

    `rectify`: RAdam's scheme with s for v, m/c1 while rho_t < 5; the maximum of `amsgrad` is not used there.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and s, and the maximum of s."""
        return zeros(p, "m", "s", "x")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        p = p - h.lr * h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.s = b2 * z.s + (1 - b2) * (g - z.m) ** 2 + h.eps
        z.x = np.maximum(z.x, z.s)
        m_hat = z.m / (1 - b1**t)
        rho_t, rho_inf = sma_length(b2, t)
        if not h.rectify:
            d = m_hat / (np.sqrt((z.x if h.amsgrad else z.s) / (1 - b2**t)) + h.eps)
        elif rho_t >= 5:
            d = rectification(rho_t, rho_inf) * np.sqrt(1 - b2**t) * m_hat / (np.sqrt(z.s) + h.eps)
        else:
            d = m_hat
        return p - h.lr * d, h.lr * d
