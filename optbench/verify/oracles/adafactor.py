"""Adafactor (arXiv:1804.04235) as torch.optim.Adafactor defines it."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(x**2))) if x.size else 0.0


@register("adafactor", lr=1e-2, beta2_decay=-0.8, eps=(0.0, 1e-3), d=1.0, weight_decay=0.0)
class Adafactor(Oracle):
    """p -= alpha U with alpha = max(eps2, RMS(p)) min(lr, 1/sqrt t), U = g/sqrt V clipped to RMS d.

    Averages decay with beta2_t = 1 - t^beta2_decay. V = R C / mean(R) from the row and column means of g^2
    over the last two axes; the full average for vectors and scalars. Against the paper: eps1 (0: 2.2e-16,
    float64's spacing) is a floor of mean(R) and of sqrt(V), not added to g^2; the step is capped by lr; the
    decay p *= 1 - lr lam comes after RMS(p) is taken.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Row and column averages, or the whole average where there is one axis or none."""
        return {"r": 0.0, "c": 0.0, "v": 0.0}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        eps1 = h.eps[0] or np.finfo(np.float64).eps
        beta2 = 1 - t**h.beta2_decay
        alpha = max(h.eps[1], _rms(p)) * min(h.lr, 1 / np.sqrt(t))
        p = p - h.lr * h.weight_decay * p
        if g.ndim > 1:
            z.r = beta2 * z.r + (1 - beta2) * np.mean(g**2, axis=-1, keepdims=True)
            z.c = beta2 * z.c + (1 - beta2) * np.mean(g**2, axis=-2, keepdims=True)
            v = z.r * z.c / np.maximum(np.mean(z.r, axis=-2, keepdims=True), eps1)
        else:
            z.v = beta2 * z.v + (1 - beta2) * g**2
            v = z.v
        u = g / np.maximum(np.sqrt(v), eps1)
        u = u / max(1.0, _rms(u) / h.d)
        return p - alpha * u, alpha * u
