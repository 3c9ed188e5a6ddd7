"""NAdamW: AdamW with Nesterov momentum and no momentum schedule."""

from optbench.optimizers._hyperparameters import decay_rates, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, sqrt, zeros


@register("nadamw", title="NAdamW", paper="arXiv:1910.05446")
class NAdamW(Rule):
    """NAdamW (Choi et al. 2019, appendix; the MLCommons baseline).

    theta_t = (1 - gamma lambda) theta_{t-1}                           (decoupled decay)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    v_t     = beta2 v_{t-1} + (1 - beta2) g_t^2
    mbar_t  = beta1 m_t + (1 - beta1) g_t
    theta_t = theta_t - gamma [mbar_t / (1 - beta1^t)] / [sqrt(v_t / (1 - beta2^t)) + eps]

    mbar_t's unbiased divisor would be 1 - beta1^(t+1) (Dozat's NAdam, which has a momentum schedule besides: see
    `nadam`). The numerator is AdaPlus's.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to the root of v_hat")
    weight_decay = non_negative(1e-2, "lambda, decoupled")
    slots = {"m": zeros("exp_avg"), "v": zeros("exp_avg_sq")}

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float
    ) -> dict[str, float]:
        return {
            "keep": 1 - lr * weight_decay,
            "scale": lr,
            **averages(beta1, beta2),
            "k1": 1 / (1 - beta1**t),
            "k2": (1 - beta2**t) ** -0.5,
            "eps": eps,
        }

    @staticmethod
    def direction(g: E, m: E, v: E, b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C) -> tuple[E, E, E]:
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        m_bar = b1 * m + a1 * g
        return k1 * m_bar / (k2 * sqrt(v) + eps), m, v
