"""AdaPlus: Nesterov momentum and precise step size adjustment over AdamW."""

from optbench.optimizers._hyperparameters import choice, decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, maximum, sqrt, zeros


@register("adaplus", title="AdaPlus", paper="arXiv:2309.01966")
class AdaPlus(Rule):
    """AdaPlus (Guan 2023, Algorithm 1).

    theta_t = (1 - gamma lambda) theta_{t-1}                           line 5
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t                          line 6
    s_t     = beta2 s_{t-1} + (1 - beta2) (g_t - m_t)^2 + eps          line 7
    mbar_t  = beta1 m_t + (1 - beta1) g_t                              line 8
    theta_t = theta_t - gamma [mbar_t / (1 - beta1^t)] / sqrt(s_t / (1 - beta2^t))

    Departures: line 10 prints theta_{t-1}, which would discard line 5's decay. Lines 7 and 10 both add eps; the
    author's code only line 7 (`eps_mode=code`, the default), `eps_mode=paper` adds it to the root as well. The eps
    of line 7 stays in the state: sqrt(s_hat) >= sqrt(eps / (1 - beta2)), 3.2e-3 at the defaults, so eps is the
    main hyper-parameter. amsgrad is in the author's code alone.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to s at every step")
    weight_decay = non_negative(1e-2, "lambda, decoupled: theta shrinks by gamma lambda a step")
    eps_mode = choice("code", "paper", doc="where eps is added: to s alone, or to the root of s_hat as well")
    amsgrad = flag(False, "keep the largest s")
    slots = {
        "m": zeros("exp_avg"),
        "s": zeros("exp_avg_var"),
        "x": zeros("max_exp_avg_var", when="amsgrad"),
    }

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, eps_mode: str
    ) -> dict[str, float]:
        return {
            "keep": 1 - lr * weight_decay,
            "scale": lr,
            **averages(beta1, beta2),
            "k1": 1 / (1 - beta1**t),
            "k2": 1 / (1 - beta2**t),
            "eps": eps,
            "outer": eps if eps_mode == "paper" else 0.0,
        }

    @staticmethod
    def direction(
        theta: E, g: E, m: E, s: E, x: E,
        b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C, outer: C, amsgrad: bool,
    ) -> tuple[E, E, E, E]:  # fmt: skip
        m = b1 * m + a1 * g
        s = b2 * s + a2 * (g - m) * (g - m) + eps
        m_bar = b1 * m + a1 * g
        s_max = s
        if amsgrad:
            x = maximum(x, s)
            s_max = x
        return k1 * m_bar / (sqrt(k2 * s_max) + outer), m, s, x
