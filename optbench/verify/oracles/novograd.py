"""NovoGrad (arXiv:1905.11286), Algorithm 1, whose initialisation counts as step 1."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register(
    "novograd",
    lr=1e-3,
    betas=(0.95, 0.25),
    eps=1e-8,
    weight_decay=0.0,
    grad_averaging=False,
    unscaled_first_moment=False,
    amsgrad=False,
    decoupled=False,
)
class NovoGrad(Oracle):
    """v = |g|^2 on step 1, else b2 v + (1-b2)|g|^2; u = g/(sqrt(v) + eps) + lam p; m = b1 m + u; p -= lr m.

    v is one number per tensor. `grad_averaging`: m = b1 m + (1-b1) u from m_0 = 0; with
    `unscaled_first_moment` m_1 = u, as the paper initialises. `amsgrad`: the maximum of v. `decoupled`: p *=
    1 - lr lam instead of lam p inside the moment (footnote 2).
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moment m per element, v and its maximum per tensor."""
        return {**zeros(p, "m"), "v": 0.0, "x": 0.0}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        squared_norm = float(np.sum(g**2))
        z.v = squared_norm if t == 1 else b2 * z.v + (1 - b2) * squared_norm
        z.x = max(z.x, z.v)
        u = g / (np.sqrt(z.x if h.amsgrad else z.v) + h.eps)
        if h.decoupled:
            p = p - h.lr * h.weight_decay * p
        else:
            u = u + h.weight_decay * p
        if t == 1 and h.unscaled_first_moment:
            z.m = u
        else:
            z.m = b1 * z.m + ((1 - b1) * u if h.grad_averaging else u)
        return p - h.lr * z.m, h.lr * z.m
