"""LAMB: Adam's direction, normalised layer by layer."""

from optbench.optimizers._hyperparameters import decay_rates, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, sqrt, where, zeros


@register("lamb", title="LAMB", paper="arXiv:1904.00962")
class LAMB(Rule):
    """LAMB (You et al. 2019, Algorithm 2), with bias correction; a layer is one parameter tensor.

    m_t     = beta1 m_{t-1} + (1 - beta1) g_t;  v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
    r_t     = [m_t / (1 - beta1^t)] / (sqrt(v_t / (1 - beta2^t)) + eps) + lambda theta_{t-1}
    q_t     = |theta_{t-1}| / |r_t|                                    (1 where either norm is 0)
    theta_t = theta_{t-1} - gamma q_t r_t

    Departures: the paper's third version corrects no bias and leaves the norms' scaling function open; here it is the
    identity. No global gradient clipping (timm's default).
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-6, "added to the root of v_hat")
    weight_decay = non_negative(1e-2, "lambda, inside the normalised direction")
    slots = {"m": zeros("exp_avg"), "v": zeros("exp_avg_sq")}
    layer_values = ("q",)

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float
    ) -> dict[str, float]:
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
    def reduce(theta: E, d: E) -> tuple[E, E]:
        return theta * theta, d * d

    @staticmethod
    def layer(n1: C, n2: C) -> tuple[C]:
        return (where(n1 > 0, sqrt(n1) / sqrt(where(n2 == 0, 1.0, n2)), 1.0),)

    @staticmethod
    def direction(
        theta: E, g: E, m: E, v: E, q: C, decay: C, b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C
    ) -> tuple[E, E, E]:
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        return q * (k1 * m / (k2 * sqrt(v) + eps) + decay * theta), m, v
