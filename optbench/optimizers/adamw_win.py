"""AdamW-Win: AdamW accelerated by weight-decay-integrated Nesterov steps."""

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative, positive_numbers
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, averages, filled, sqrt, zeros


@register("adamw-win", title="AdamW-Win", paper="https://openreview.net/forum?id=CPdc77SQfQ5")
class AdamWWin(Rule):
    """AdamW-Win and AdamW-Win2 (Zhou et al. 2023), as the authors' adamw_win.py computes them.

    u_t = [m_t / (1 - beta1^t)] / (sqrt(v_t / (1 - beta2^t)) + eps)    (Adam's direction)
    x_t = (x_{t-1} - gamma u_t) / (1 + gamma lambda)                   (proximal decay; x_0 = y_0 = theta_0)
    y_t = (y_{t-1} + g1 x_t - gamma g1 u_t) / (1 + g1 + gamma g1 lambda)
    z_t = (z_{t-1} + g2 x_t + (g2 / g1) y_t - gamma g2 u_t) / (1 + g2 + g2 / g1 + gamma g2 lambda)

    The parameters are y (win) or z (`win2`): already a prediction, so that XGrad over them is not defined. The
    code's ratios of learning rates are the constants g1 and g2 / g1, so that lr = 0 divides nothing by zero.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to the root of v_hat")
    weight_decay = non_negative(1e-2, "lambda, proximal")
    acceleration = positive_numbers(2.0, 8.0, doc="g1 and g2, learning rates of y and z in units of lr; g1 above 0")
    win2 = flag(False, "the second acceleration, z")
    slots = {
        "m": zeros("exp_avg"),
        "v": zeros("exp_avg_sq"),
        "x": filled("x", "theta"),
        "y": filled("y", "theta", when="win2"),
    }
    lookahead = True

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
        acceleration: tuple[float, float],
    ) -> dict[str, float]:  # fmt: skip
        g1, g2 = acceleration
        return {
            "keep": 1 / (1 + lr * weight_decay),
            "scale": lr,
            **averages(beta1, beta2),
            "k1": 1 / (1 - beta1**t),
            "k2": (1 - beta2**t) ** -0.5,
            "eps": eps,
            "g1": g1,
            "y_step": lr * g1,
            "y_keep": 1 / (1 + g1 + lr * g1 * weight_decay),
            "g2": g2,
            "g3": g2 / g1,
            "z_step": lr * g2,
            "z_keep": 1 / (1 + g2 + g2 / g1 + lr * g2 * weight_decay),
        }

    @staticmethod
    def direction(
        g: E, m: E, v: E, x: E, y: E,
        keep: C, scale: C, b1: C, a1: C, b2: C, a2: C, k1: C, k2: C, eps: C, g1: C, y_step: C, y_keep: C, win2: bool,
    ) -> tuple[E, E, E, E, E]:  # fmt: skip
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        u = k1 * m / (k2 * sqrt(v) + eps)
        x = keep * (x - scale * u)
        if win2:
            y = y_keep * (y + g1 * x - y_step * u)
        return u, m, v, x, y

    @staticmethod
    def apply(
        theta: E, d: E, x: E, y: E, g1: C, y_step: C, y_keep: C, g2: C, g3: C, z_step: C, z_keep: C, win2: bool
    ) -> E:
        if win2:
            return z_keep * (theta + g2 * x + g3 * y - z_step * d)
        return y_keep * (theta + g1 * x - y_step * d)
