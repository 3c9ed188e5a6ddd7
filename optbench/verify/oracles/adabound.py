"""AdaBound and AMSBound (arXiv:1902.09843) as the authors' adabound 0.0.5 computes them."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register(
    "adabound",
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0.0,
    final_lr=0.1,
    gamma=1e-3,
    amsbound=False,
)
class AdaBound(Oracle):
    """p -= clip(lr sqrt(c2)/c1/(sqrt(v) + eps), lo, hi) m, weight decay as an L2 term.

    lo = fl (1 - 1/(gamma t + 1)), hi = fl (1 + 1/(gamma t)) with fl = final_lr lr/base_lr; base_lr is
    the lr of construction, so the bounds follow a schedule. `amsbound`: the maximum of v under the root.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v, the maximum of v, and the lr of construction."""
        return {**zeros(p, "m", "v", "x"), "base_lr": h.lr}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        g = g + h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g**2
        z.x = np.maximum(z.x, z.v)
        rate = h.lr * np.sqrt(1 - b2**t) / (1 - b1**t) / (np.sqrt(z.x if h.amsbound else z.v) + h.eps)
        final = h.final_lr * h.lr / z.base_lr
        low, high = final * (1 - 1 / (h.gamma * t + 1)), final * (1 + 1 / (h.gamma * t))
        moved = np.clip(rate, low, high) * z.m
        return p - moved, moved
