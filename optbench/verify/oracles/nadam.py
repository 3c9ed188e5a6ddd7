"""NAdam as torch.optim.NAdam defines it (Dozat 2016's momentum schedule, constant beta1 in the average)."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register, zeros


@register(
    "nadam",
    lr=2e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0.0,
    momentum_decay=4e-3,
    decoupled_weight_decay=False,
)
class NAdam(Oracle):
    """d = [(1-mu_t) g/(1-P_t) + mu_{t+1} m/(1-P_t mu_{t+1})]/(sqrt(v_hat) + eps), mu_t = b1 (1 - 0.96^(t
    psi)/2).

    P_t is the product of mu_1 .. mu_t, here in float64 (torch keeps it in float32: 2.7e-10 off).
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """m, v, and the product of the mu."""
        return {**zeros(p, "m", "v"), "product": 1.0}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        b1, b2 = h.betas
        if h.decoupled_weight_decay:
            p = p * (1 - h.lr * h.weight_decay)
        else:
            g = g + h.weight_decay * p

        def mu(k: int) -> float:
            return float(b1 * (1 - 0.5 * 0.96 ** (k * h.momentum_decay)))

        z.product = z.product * mu(t)
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g * g
        numerator = (1 - mu(t)) * g / (1 - z.product) + mu(t + 1) * z.m / (1 - z.product * mu(t + 1))
        d = numerator / (np.sqrt(z.v / (1 - b2**t)) + h.eps)
        return p - h.lr * d, h.lr * d
