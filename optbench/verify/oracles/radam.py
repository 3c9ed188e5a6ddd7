"""RAdam (arXiv:1908.03265), Algorithm 2, and its published variants; the rectification is AdaBelief's too."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


def sma_length(beta2: float, t: int) -> tuple[float, float]:
    """rho_t, the length of the approximated simple moving average, and its limit rho_inf."""
    rho_inf = 2 / (1 - beta2) - 1
    return rho_inf - 2 * t * beta2**t / (1 - beta2**t), rho_inf


def rectification(rho_t: float, rho_inf: float) -> float:
    """r_t = sqrt[(rho_t-4)(rho_t-2)rho_inf / ((rho_inf-4)(rho_inf-2)rho_t)]."""
    return float(np.sqrt((rho_t - 4) * (rho_t - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho_t)))


@register(
    "radam",
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0.0,
    decoupled=True,
    warm="momentum",
    rectify_above=5.0,
)
class RAdam(Oracle):
    """p -= lr r_t (m/c1) sqrt(c2)/(sqrt(v) + eps) where rho_t > `rectify_above`, else p -= lr m/c1.

    `warm="skip"` (the authors' later code): below the threshold neither update nor decay, the moments fill.
    `decoupled=False` (torch's default): an L2 term instead.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v."""
        return zeros(p, "m", "v")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Lines 5 to 14."""
        b1, b2 = h.betas
        rho_t, rho_inf = sma_length(b2, t)
        tractable = rho_t > h.rectify_above
        if not h.decoupled:
            g = g + h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g**2
        m_hat = z.m / (1 - b1**t)
        if tractable:
            d = rectification(rho_t, rho_inf) * m_hat * np.sqrt(1 - b2**t) / (np.sqrt(z.v) + h.eps)
        elif h.warm == "momentum":
            d = m_hat
        else:
            assert h.warm == "skip", h.warm
            return p, np.zeros_like(p)
        if h.decoupled:
            p = p - h.lr * h.weight_decay * p
        return p - h.lr * d, h.lr * d
