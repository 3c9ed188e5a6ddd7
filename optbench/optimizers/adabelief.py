"""AdaBelief: the step size follows the belief in the gradient."""

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, maximum, sqrt, where, zeros


def believed(m: E, s: E, x: E, k1: C, k2: C, eps: C, adapts: C, amsgrad: bool, rectify: bool) -> E:
    """Return the direction, a function of the state alone; while `adapts` is 0 it is the corrected m."""
    if amsgrad and not rectify:
        s = x
    return where(adapts, k1 * m / (k2 * sqrt(s) + eps), k1 * m)


@register("adabelief", title="AdaBelief", paper="arXiv:2010.07468")
class AdaBelief(Rule):
    """AdaBelief (Zhuang et al. 2020, Algorithm 2), as adabelief-pytorch 0.2.1 computes it.

    theta_t = (1 - gamma lambda) theta_{t-1}                           (decoupled decay)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    s_t     = beta2 s_{t-1} + (1 - beta2) (g_t - m_t)^2 + eps          (eps stays in the state)
    theta_t = theta_t - gamma [m_t / (1 - beta1^t)] / (sqrt(s_t / (1 - beta2^t)) + eps)

    With `rectify` (the authors' default since 0.1.0; false here, which is the paper) RAdam's factor r_t takes part:
    rho_t < 5: d = m_t / (1 - beta1^t); else d = r_t [m_t / (1 - beta1^t)] sqrt(1 - beta2^t) / (sqrt(s_t) + eps).
    `amsgrad` keeps the largest s; the rectified step ignores it, as the authors' code does.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-16, "added to s at every step, and to its root")
    weight_decay = non_negative(0.0, "lambda, decoupled")
    rectify = flag(False, "multiply by RAdam's rectification")
    amsgrad = flag(False, "keep the largest s")
    slots = {
        "m": zeros("exp_avg"),
        "s": zeros("exp_avg_var"),
        "x": zeros("max_exp_avg_var", when="amsgrad"),
    }

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, rectify: bool
    ) -> dict[str, float]:
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        k1 = 1 / (1 - beta1**t)
        k2 = (1 - beta2**t) ** -0.5
        adapts = 1.0
        if rectify:
            k2 = 1.0
            adapts = 0.0
            if rho >= 5:
                r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
                k1 = k1 * r * (1 - beta2**t) ** 0.5
                adapts = 1.0
        return {
            "keep": 1 - lr * weight_decay,
            "scale": lr,
            **averages(beta1, beta2),
            "k1": k1,
            "k2": k2,
            "eps": eps,
            "adapts": adapts,
        }

    @staticmethod
    def direction(
        g: E, m: E, s: E, x: E,
        b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C, adapts: C, amsgrad: bool, rectify: bool,
    ) -> tuple[E, E, E, E]:  # fmt: skip
        m = b1 * m + a1 * g
        s = b2 * s + a2 * (g - m) * (g - m) + eps
        if amsgrad:
            x = maximum(x, s)
        return believed(m, s, x, k1, k2, eps, adapts, amsgrad, rectify), m, s, x

    recover = staticmethod(believed)
