"""AdaMomentum: the second moment of the momentum instead of the gradient."""

from optbench.optimizers._hyperparameters import decay_rates, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, sqrt, zeros


def adapted(m: E, v: E, k1: C, k2: C) -> E:
    """Return m_hat / sqrt(v_hat), a function of the state alone."""
    return k1 * m / sqrt(k2 * v)


@register("adamomentum", title="AdaMomentum (AdaM3)", paper="arXiv:2106.11514")
class AdaMomentum(Rule):
    """AdaMomentum (Wang et al. 2021, Algorithm 1), as the authors' AdaM3 computes it.

    theta_t = (1 - gamma lambda) theta_{t-1}                           (decoupled decay, the class's default)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    v_t     = beta2 v_{t-1} + (1 - beta2) m_t^2 + eps                  (eps stays in the state)
    theta_t = theta_t - gamma [m_t / (1 - beta1^t)] / sqrt(v_t / (1 - beta2^t))

    sqrt(v_hat) >= sqrt(eps / (1 - beta2)), as in AdaPlus; the authors' CIFAR scripts set eps to 1e-8.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-16, "added to v at every step")
    weight_decay = non_negative(0.0, "lambda, decoupled")
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
            "k2": 1 / (1 - beta2**t),
            "eps": eps,
        }

    @staticmethod
    def direction(g: E, m: E, v: E, b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C) -> tuple[E, E, E]:
        m = b1 * m + a1 * g
        v = b2 * v + a2 * m * m + eps
        return adapted(m, v, k1, k2), m, v

    recover = staticmethod(adapted)
