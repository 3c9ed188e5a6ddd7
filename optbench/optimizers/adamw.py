"""AdamW: Adam with decoupled weight decay, the reference baseline."""

from collections.abc import Mapping

from optbench.optimizers._hyperparameters import non_negative
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers.adam import Adam


@register("adamw", title="AdamW", paper="arXiv:1711.05101", torch=TorchClass("AdamW"))
class AdamW(Adam):
    """AdamW (Loshchilov and Hutter 2017, Algorithm 2), as torch.optim.AdamW defines it.

    theta_t = (1 - gamma lambda) theta_{t-1}                           (decoupled decay)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    v_t     = beta2 v_{t-1} + (1 - beta2) g_t^2
    theta_t = theta_t - gamma [m_t / (1 - beta1^t)] / [sqrt(v_t / (1 - beta2^t)) + eps]

    Departure from the paper: its schedule multiplier eta is the lr's schedule here, so that decay scales with
    gamma, as in torch. Weight prediction for AdamW (arXiv:2302.00195) is `xgrad+adamw`.
    """

    weight_decay = non_negative(1e-2, "lambda, decoupled: theta shrinks by gamma lambda a step")
    decoupled = True

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float
    ) -> Mapping[str, float]:
        return {**Adam.coefficients(t, lr, beta1, beta2, eps, 0.0), "keep": 1 - lr * weight_decay}
