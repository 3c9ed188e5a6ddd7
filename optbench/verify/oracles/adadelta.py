"""ADADELTA (arXiv:1212.5701) as torch.optim.Adadelta defines it."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register("adadelta", lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0)
class AdaDelta(Oracle):
    """D = sqrt(u+eps)/sqrt(v+eps) g with the u before this step; p -= lr D; u and v average D^2 and g^2."""

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Averages of the squared gradient and of the squared step."""
        return zeros(p, "v", "u")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        g = g + h.weight_decay * p
        z.v = h.rho * z.v + (1 - h.rho) * g**2
        d = np.sqrt(z.u + h.eps) / np.sqrt(z.v + h.eps) * g
        z.u = h.rho * z.u + (1 - h.rho) * d**2
        return p - h.lr * d, h.lr * d
