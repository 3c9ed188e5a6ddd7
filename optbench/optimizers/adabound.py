"""AdaBound: Adam's step sizes clipped between bounds that close in on SGD's."""

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, maximum, minimum, sqrt, zeros


@register("adabound", title="AdaBound", paper="arXiv:1902.09843")
class AdaBound(Rule):
    """AdaBound (Luo et al. 2019, Algorithm 2), as the authors' adabound 0.0.5 computes it.

    g_t     = g_t + lambda theta_{t-1}                                 (L2)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t;  v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
    f_t     = final_lr gamma / gamma_0;  low = f_t (1 - 1 / (k t + 1));  high = f_t (1 + 1 / (k t))
    d_t     = clip(gamma sqrt(1 - beta2^t) / (1 - beta1^t) / (sqrt(v_t) + eps), low, high) m_t
    theta_t = theta_{t-1} - d_t

    k is the keyword `gamma`; gamma_0 the lr of construction, kept in the group as `base_lr`, so that the bounds
    follow a schedule (the authors' code forgets it in checkpoints). `amsbound` keeps the largest v. The paper
    corrects no bias. gamma takes part in the clip, so d_t holds it and weight prediction scales d_t by proportion.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to the root of v")
    weight_decay = non_negative(0.0, "lambda, added to the gradient (L2)")
    final_lr = non_negative(0.1, "the learning rate of SGD at the end")
    gamma = non_negative(1e-3, "k, how fast the bounds close in")
    amsbound = flag(False, "keep the largest v")
    slots = {
        "m": zeros("exp_avg"),
        "v": zeros("exp_avg_sq"),
        "x": zeros("max_exp_avg_sq", when="amsbound"),
    }
    captured = {"base_lr": "lr"}

    @staticmethod
    def coefficients(
        t: int, lr: float, base_lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
        final_lr: float, gamma: float,
    ) -> dict[str, float]:  # fmt: skip
        final = final_lr * lr / base_lr if base_lr else 0.0
        return {
            "keep": 1.0,
            "scale": 1.0,
            "decay": weight_decay,
            **averages(beta1, beta2),
            "rate": lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t),
            "eps": eps,
            "low": final * (1 - 1 / (gamma * t + 1)),
            "high": final * (1 + 1 / (gamma * t)) if gamma else 1e30,
        }

    @staticmethod
    def direction(
        theta: E, g: E, m: E, v: E, x: E,
        decay: C, b1: C, a1: C, b2: C, a2: C, rate: C, eps: C, low: C, high: C, amsbound: bool,
    ) -> tuple[E, E, E, E]:  # fmt: skip
        g = g + decay * theta
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        v_max = v
        if amsbound:
            x = maximum(x, v)
            v_max = x
        return minimum(maximum(rate / (sqrt(v_max) + eps), low), high) * m, m, v, x
