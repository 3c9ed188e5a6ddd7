"""Adam-2k: the RAdam paper's control of the warm-up."""

from optbench.optimizers._hyperparameters import decay_rates, learning_rate, non_negative, whole
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, sqrt, zeros


def adapted(m: E, v: E, k1: C, k2: C, eps: C) -> E:
    """Return m_hat / (sqrt(v_hat) + eps), a function of the state alone."""
    return k1 * m / (k2 * sqrt(v) + eps)


@register("adam-2k", title="Adam-2k", paper="arXiv:1908.03265")
class Adam2k(Rule):
    """Adam-2k (Liu et al. 2019, section 3.1): Adam whose parameters and m stand still while v fills.

    v_t     = beta2 v_{t-1} + (1 - beta2) g_t^2
    t > 2000:
    theta_t = (1 - gamma lambda) theta_{t-1}                           (decoupled decay)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    theta_t = theta_t - gamma [m_t / (1 - beta1^t)] / [sqrt(v_t / (1 - beta2^t)) + eps]

    t counts every step in both corrections, as in the authors' code, so that m is practically uncorrected when it
    starts. The control shows that a well-filled v is enough to do without warm-up.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to the root of v_hat")
    weight_decay = non_negative(0.0, "lambda, decoupled")
    warm_steps = whole(2000, "steps during which only v moves")
    slots = {"m": zeros("exp_avg"), "v": zeros("exp_avg_sq")}

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, warm_steps: int
    ) -> dict[str, float]:
        warm = t <= warm_steps
        return {
            "keep": 1.0 if warm else 1 - lr * weight_decay,
            "scale": 0.0 if warm else lr,
            "b1": beta1,
            "a1": 0.0 if warm else 1 - beta1,
            "b2": beta2,
            "a2": 1 - beta2,
            "k1": 1 / (1 - beta1**t),
            "k2": (1 - beta2**t) ** -0.5,
            "eps": eps,
        }

    @staticmethod
    def direction(g: E, m: E, v: E, b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C) -> tuple[E, E, E]:
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        return adapted(m, v, k1, k2, eps), m, v

    recover = staticmethod(adapted)
