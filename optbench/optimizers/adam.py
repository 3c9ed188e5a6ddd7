"""Adam: adaptive moment estimation, with L2 regularisation."""

from collections.abc import Mapping

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C, E, Rule, averages, maximum, sqrt, zeros


def adapted(m: E, v: E, x: E, k1: C, k2: C, eps: C, amsgrad: bool) -> E:
    """Return m_hat / (sqrt(v_hat) + eps), a function of the state alone; k1 and k2 correct the bias."""
    if amsgrad:
        v = x
    return k1 * m / (k2 * sqrt(v) + eps)


@register("adam", title="Adam", paper="arXiv:1412.6980", torch=TorchClass("Adam"))
class Adam(Rule):
    """Adam (Kingma and Ba 2014, Algorithm 1), as torch.optim.Adam defines it.

    g_t     = g_t + lambda theta_{t-1}                                 (L2)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    v_t     = beta2 v_{t-1} + (1 - beta2) g_t^2
    theta_t = theta_{t-1} - gamma [m_t / (1 - beta1^t)] / [sqrt(v_t / (1 - beta2^t)) + eps]

    With amsgrad, x_t = max(x_{t-1}, v_t) stands in v's place: torch takes the maximum before the bias correction,
    optax after it, the paper corrects nothing.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to the root of v_hat")
    weight_decay = non_negative(0.0, "lambda, added to the gradient (L2)")
    amsgrad = flag(False, "keep the largest v")
    slots = {
        "m": zeros("exp_avg"),
        "v": zeros("exp_avg_sq"),
        "x": zeros("max_exp_avg_sq", when="amsgrad"),
    }
    decoupled = False

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float
    ) -> Mapping[str, float]:
        return {
            "keep": 1.0,
            "scale": lr,
            "decay": weight_decay,
            **averages(beta1, beta2),
            "k1": 1 / (1 - beta1**t),
            "k2": (1 - beta2**t) ** -0.5,
            "eps": eps,
        }

    @staticmethod
    def direction(
        theta: E, g: E, m: E, v: E, x: E,
        decay: C, b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C,
        decoupled: bool, amsgrad: bool,
    ) -> tuple[E, E, E, E]:  # fmt: skip
        if not decoupled:
            g = g + decay * theta
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        if amsgrad:
            x = maximum(x, v)
        return adapted(m, v, x, k1, k2, eps, amsgrad), m, v, x

    recover = staticmethod(adapted)
