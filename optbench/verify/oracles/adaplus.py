"""AdaPlus (arXiv:2309.01966), Algorithm 1; the authors' code decides where the paper contradicts itself."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("adaplus", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, eps_mode="code", amsgrad=False)
class AdaPlus(Oracle):
    """p -= lr (mbar/c1)/sqrt(s/c2) with mbar = b1 m + (1-b1) g, s = b2 s + (1-b2)(g-m)^2 + eps.

    Decoupled decay. `eps_mode="code"`: eps only in the stored s, where it accumulates. "paper": also outside
    the root (lines 7 and 10). `amsgrad` (the code's option): the running maximum of s, taken after eps was
    added.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and s, and the maximum of s."""
        return zeros(p, "m", "s", "x")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Lines 5 to 10."""
        b1, b2 = h.betas
        p = p - h.lr * h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.s = b2 * z.s + (1 - b2) * (g - z.m) ** 2 + h.eps
        z.x = np.maximum(z.x, z.s)
        m_bar = b1 * z.m + (1 - b1) * g
        m_hat = m_bar / (1 - b1**t)
        s_hat = (z.x if h.amsgrad else z.s) / (1 - b2**t)
        outer = {"code": 0.0, "paper": h.eps}[h.eps_mode]
        d = m_hat / (np.sqrt(s_hat) + outer)
        return p - h.lr * d, h.lr * d
