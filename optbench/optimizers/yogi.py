"""Yogi: Adam whose second moment changes by no more than the squared gradient."""

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, filled, sign, sqrt


def adapted(m: E, v: E, k1: C, k2: C, eps: C) -> E:
    """Return m_hat / (sqrt(v_hat) + eps), a function of the state alone."""
    return k1 * m / (k2 * sqrt(v) + eps)


@register("yogi", title="Yogi", paper="https://papers.nips.cc/paper/8186-adaptive-methods-for-nonconvex-optimization")
class Yogi(Rule):
    """Yogi (Zaheer et al. 2018, Algorithm 2), with the libraries' bias correction.

    g_t     = g_t + lambda theta_{t-1}                                 (L2, unless decoupled)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    v_t     = v_{t-1} - (1 - beta2) sign(v_{t-1} - g_t^2) g_t^2
    theta_t = theta_{t-1} - gamma [m_t / (1 - beta1^t)] / (sqrt(v_t / (1 - beta2^t)) + eps)

    Departures: the paper corrects no bias, and asks for m_0 = 0 and v_0 from a batch; libraries start both at 1e-6.
    """

    lr = learning_rate(1e-2)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-3, "added to the root of v_hat")
    weight_decay = non_negative(0.0, "lambda")
    decoupled = flag(False, "decoupled decay; false: lambda theta joins the gradient (L2)")
    slots = {"m": filled("exp_avg", 1e-6), "v": filled("exp_avg_sq", 1e-6)}

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool
    ) -> dict[str, float]:
        return {
            "keep": 1 - lr * weight_decay if decoupled else 1.0,
            "scale": lr,
            "decay": weight_decay,
            "b1": beta1,
            "a1": 1 - beta1,
            "a2": 1 - beta2,
            "k1": 1 / (1 - beta1**t),
            "k2": (1 - beta2**t) ** -0.5,
            "eps": eps,
        }

    @staticmethod
    def direction(
        theta: E, g: E, m: E, v: E, decay: C, b1: C, a1: C, a2: C, k1: C, k2: C, eps: C, decoupled: bool
    ) -> tuple[E, E, E]:
        if not decoupled:
            g = g + decay * theta
        m = b1 * m + a1 * g
        v = v - a2 * sign(v - g * g) * g * g
        return adapted(m, v, k1, k2, eps), m, v

    recover = staticmethod(adapted)
