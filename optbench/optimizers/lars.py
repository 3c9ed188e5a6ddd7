"""LARS: layer-wise adaptive rate scaling of SGD with momentum."""

from optbench.optimizers._hyperparameters import learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, sqrt, where, zeros


@register("lars", title="LARS", paper="arXiv:1708.03888")
class LARS(Rule):
    """LARS (You et al. 2017, Algorithm 1); a layer is one parameter tensor.

    q_t     = eta |theta_{t-1}| / (|g_t| + lambda |theta_{t-1}|)       (1 where either norm is 0)
    b_t     = mu b_{t-1} + gamma q_t (g_t + lambda theta_{t-1})
    theta_t = theta_{t-1} - b_t

    The learning rate is inside the buffer, as the paper has it (timm has it outside; equal while lr is constant),
    so the direction holds it and weight prediction scales it by proportion.
    """

    lr = learning_rate(1.0)
    momentum = non_negative(0.9, "mu, decay rate of the buffer b")
    weight_decay = non_negative(0.0, "lambda, added to the gradient (L2)")
    trust_coefficient = non_negative(1e-3, "eta")
    slots = {"b": zeros("momentum_buffer")}
    layer_values = ("q",)

    @staticmethod
    def coefficients(lr: float, momentum: float, weight_decay: float, trust_coefficient: float) -> dict[str, float]:
        return {
            "keep": 1.0,
            "scale": 1.0,
            "decay": weight_decay,
            "mu": momentum,
            "lr": lr,
            "eta": trust_coefficient,
        }

    @staticmethod
    def reduce(theta: E, g: E) -> tuple[E, E]:
        return theta * theta, g * g

    @staticmethod
    def layer(n1: C, n2: C, decay: C, lr: C, eta: C) -> tuple[C]:
        trust = eta * sqrt(n1) / where(n2 > 0, sqrt(n2) + decay * sqrt(n1), 1.0)
        return (lr * where(n1 * n2 > 0, trust, 1.0),)

    @staticmethod
    def direction(theta: E, g: E, b: E, q: C, decay: C, mu: C) -> tuple[E, E]:
        b = mu * b + q * (g + decay * theta)
        return b, b
