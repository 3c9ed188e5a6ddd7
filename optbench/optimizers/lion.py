"""Lion: the sign of an interpolated momentum."""

from optbench.optimizers._hyperparameters import decay_rates, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, sign, zeros


@register("lion", title="Lion", paper="arXiv:2302.06675")
class Lion(Rule):
    """Lion (Chen et al. 2023, Algorithm 2).

    theta_t = (1 - gamma lambda) theta_{t-1}                           (decoupled decay)
    d_t     = sign(beta1 m_{t-1} + (1 - beta1) g_t)                    (sign(0) = 0)
    theta_t = theta_t - gamma d_t
    m_t     = beta2 m_{t-1} + (1 - beta2) g_t

    Every step has magnitude gamma, so that an optimal lr is 3 to 10 times smaller than Adam's.
    """

    lr = learning_rate(1e-4)
    betas = decay_rates(0.9, 0.99)
    weight_decay = non_negative(0.0, "lambda, decoupled")
    slots = {"m": zeros("exp_avg")}

    @staticmethod
    def coefficients(lr: float, beta1: float, beta2: float, weight_decay: float) -> dict[str, float]:
        return {
            "keep": 1 - lr * weight_decay,
            "scale": lr,
            **averages(beta1, beta2),
        }

    @staticmethod
    def direction(g: E, m: E, b1: C, a1: C, b2: C, a2: C) -> tuple[E, E]:
        d = sign(b1 * m + a1 * g)
        m = b2 * m + a2 * g
        return d, m
