"""Adam (arXiv:1412.6980), AdamW (arXiv:1711.05101) and AMSGrad (Reddi et al. 2018), as in torch.optim.

AMSGrad takes the maximum of the uncorrected v; the correction comes after it.
"""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


class _Adam(Oracle):
    decoupled = False

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        return zeros(p, "m", "v", "x")

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        if self.decoupled:
            p = p - h.lr * h.weight_decay * p
        else:
            g = g + h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g**2
        z.x = np.maximum(z.x, z.v)
        m_hat = z.m / (1 - b1**t)
        v_hat = (z.x if h.amsgrad else z.v) / (1 - b2**t)
        d = m_hat / (np.sqrt(v_hat) + h.eps)
        return p - h.lr * d, h.lr * d


@register("adam", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False)
class Adam(_Adam):
    """d = m_hat / (sqrt(v_hat) + eps), weight decay as an L2 term of the gradient."""


@register("amsgrad", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=True)
class AMSGrad(_Adam):
    """Adam with the running maximum of v, L2 weight decay."""


@register("adamw", lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False)
class AdamW(_Adam):
    """Adam with p -= lr lam p instead of the L2 term."""

    decoupled = True
