"""NAdam: Adam with Nesterov momentum under a momentum schedule."""

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C, E, Rule, averages, per_tensor, sqrt, zeros


@register(
    "nadam",
    title="NAdam",
    paper="https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ",
    torch=TorchClass("NAdam"),
)
class NAdam(Rule):
    """NAdam (Dozat 2016), as torch.optim.NAdam defines it.

    g_t     = g_t + lambda theta_{t-1}                                 (L2, unless decoupled)
    mu_t    = beta1 (1 - 0.96^(t psi) / 2);  P_t = mu_1 mu_2 ... mu_t
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t;  v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
    d_t     = [(1 - mu_t) / (1 - P_t) g_t + mu_{t+1} / (1 - P_t mu_{t+1}) m_t] / (sqrt(v_t / (1 - beta2^t)) + eps)
    theta_t = theta_{t-1} - gamma d_t

    Departures: Dozat's moving average uses mu_t where torch uses beta1 (9e-3 apart after five steps of a toy
    problem). `nadamw` of Choi et al. has no schedule and is another algorithm. torch keeps P in fp32.
    """

    lr = learning_rate(2e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to the root of v_hat")
    weight_decay = non_negative(0.0, "lambda")
    momentum_decay = non_negative(4e-3, "psi, of the momentum schedule")
    decoupled_weight_decay = flag(False, "decoupled decay; false: lambda theta joins the gradient (L2)")
    slots = {"m": zeros("exp_avg"), "v": zeros("exp_avg_sq"), "P": per_tensor("mu_product", 1.0)}
    layer_values = ("of_g", "of_m")

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
        momentum_decay: float, decoupled_weight_decay: bool,
    ) -> dict[str, float]:  # fmt: skip
        return {
            "keep": 1 - lr * weight_decay if decoupled_weight_decay else 1.0,
            "scale": lr,
            "decay": weight_decay,
            **averages(beta1, beta2),
            "mu": beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)),
            "mu_next": beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay)),
            "k2": (1 - beta2**t) ** -0.5,
            "eps": eps,
        }

    @staticmethod
    def layer(P: C, mu: C, mu_next: C) -> tuple[C, C, C]:
        P = P * mu
        return (1 - mu) / (1 - P), mu_next / (1 - P * mu_next), P

    @staticmethod
    def direction(
        theta: E, g: E, m: E, v: E,
        of_g: C, of_m: C, decay: C, b1: C, a1: C, b2: C, a2: C, k2: C, eps: C, decoupled_weight_decay: bool,
    ) -> tuple[E, E, E]:  # fmt: skip
        if not decoupled_weight_decay:
            g = g + decay * theta
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        return (of_g * g + of_m * m) / (k2 * sqrt(v) + eps), m, v
