"""Adan: adaptive Nesterov momentum from differences of gradients."""

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, sqrt, zeros


def nesterov(m: E, v: E, n: E, k1: C, kv: C, k3: C, eps: C) -> E:
    """Return (m_hat + beta2 v_hat) / (sqrt(n_hat) + eps), a function of the state alone."""
    return (k1 * m + kv * v) / (k3 * sqrt(n) + eps)


@register("adan", title="Adan", paper="arXiv:2208.06677")
class Adan(Rule):
    """Adan (Xie et al. 2022, Algorithm 1), with the betas of the authors' code (1 minus the paper's).

    D_t     = g_t - g_{t-1}                                            (D_1 = 0)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t;  v_t = beta2 v_{t-1} + (1 - beta2) D_t
    n_t     = beta3 n_{t-1} + (1 - beta3) (g_t + beta2 D_t)^2
    d_t     = [m_t / (1 - beta1^t) + beta2 v_t / (1 - beta2^t)] / (sqrt(n_t / (1 - beta3^t)) + eps)
    theta_t = (theta_{t-1} - gamma d_t) / (1 + gamma lambda)           (proximal decay)

    `proximal=false` is the code's no_prox: decoupled decay, theta_t = (1 - gamma lambda) theta_{t-1} - gamma d_t.
    No restarts; gradients are not clipped.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.98, 0.92, 0.99)
    eps = non_negative(1e-8, "added to the root of n_hat")
    weight_decay = non_negative(0.0, "lambda")
    proximal = flag(True, "proximal decay; false: decoupled")
    slots = {
        "m": zeros("exp_avg"),
        "v": zeros("exp_avg_diff"),
        "n": zeros("exp_avg_sq"),
        "last": zeros("previous_grad"),
    }

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, beta3: float, eps: float, weight_decay: float, proximal: bool
    ) -> dict[str, float]:
        return {
            "keep": 1 / (1 + lr * weight_decay) if proximal else 1 - lr * weight_decay,
            "scale": lr,
            **averages(beta1, beta2, beta3),
            "differs": 0.0 if t == 1 else 1.0,
            "k1": 1 / (1 - beta1**t),
            "kv": beta2 / (1 - beta2**t),
            "k3": (1 - beta3**t) ** -0.5,
            "eps": eps,
        }

    @staticmethod
    def direction(
        g: E, m: E, v: E, n: E, last: E,
        b1: C, a1: C, b2: C, a2: C, b3: C, a3: C, differs: C, k1: C, kv: C, k3: C, eps: C,
    ) -> tuple[E, E, E, E, E]:  # fmt: skip
        change = differs * (g - last)
        m = b1 * m + a1 * g
        v = b2 * v + a2 * change
        n = b3 * n + a3 * (g + b2 * change) * (g + b2 * change)
        return nesterov(m, v, n, k1, kv, k3, eps), m, v, n, g

    recover = staticmethod(nesterov)

    @staticmethod
    def apply(theta: E, d: E, keep: C, scale: C, proximal: bool) -> E:
        if proximal:
            return keep * (theta - scale * d)
        return keep * theta - scale * d
