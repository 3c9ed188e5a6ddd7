"""RAdam: rectified Adam."""

from optbench.optimizers._hyperparameters import at_least, choice, decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C, E, Rule, averages, sqrt, where, zeros


def rectified(m: E, v: E, k: C, eps: C, tractable: C) -> E:
    """Return the direction, a function of the state alone; k holds r_t and the bias corrections."""
    return where(tractable, k * m / (sqrt(v) + eps), k * m)


@register(
    "radam",
    title="RAdam",
    paper="arXiv:1908.03265",
    torch=TorchClass(
        "RAdam", keys={"decoupled": "decoupled_weight_decay"}, only={"warm": "momentum", "rectify_above": 5.0}
    ),
)
class RAdam(Rule):
    """RAdam (Liu et al. 2019, Algorithm 2), as torch.optim.RAdam(decoupled_weight_decay=True) defines it.

    theta_t = (1 - gamma lambda) theta_{t-1}                           (section 5)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t;  v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
    rho_inf = 2 / (1 - beta2) - 1;  rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
    rho_t > 5: r_t = sqrt[(rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t)]
               theta_t = theta_t - gamma r_t [m_t / (1 - beta1^t)] sqrt(1 - beta2^t) / (sqrt(v_t) + eps)
    else:      theta_t = theta_t - gamma m_t / (1 - beta1^t)

    Departures: the paper prints rho_t > 4; every library uses 5 (`rectify_above`). Line 5 prints 1/beta2 for beta2,
    Algorithm 2 has no eps. While the variance is intractable the authors' later code makes no step and no decay
    (`warm=skip`); `decoupled=false` adds lambda theta to the gradient, torch's default.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.9, 0.999)
    eps = non_negative(1e-8, "added to the root of v")
    weight_decay = non_negative(0.0, "lambda")
    decoupled = flag(True, "decoupled decay; false: lambda theta joins the gradient (L2)")
    warm = choice("momentum", "skip", doc="what happens while the variance is intractable")
    rectify_above = at_least(4, 5.0, "the rho_t above which the step is rectified; the paper prints 4")
    slots = {"m": zeros("exp_avg"), "v": zeros("exp_avg_sq")}

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
        decoupled: bool, warm: str, rectify_above: float,
    ) -> dict[str, float]:  # fmt: skip
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        tractable = rho > rectify_above
        k = 1 / (1 - beta1**t)
        if tractable:
            r = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
            k *= r * (1 - beta2**t) ** 0.5
        still = warm == "skip" and not tractable
        return {
            "keep": 1 - lr * weight_decay if decoupled and not still else 1.0,
            "scale": 0.0 if still else lr,
            "decay": weight_decay,
            **averages(beta1, beta2),
            "k": k,
            "eps": eps,
            "tractable": float(tractable),
        }

    @staticmethod
    def direction(
        theta: E, g: E, m: E, v: E,
        decay: C, b1: C, a1: C, b2: C, a2: C, k: C, eps: C, tractable: C, decoupled: bool,
    ) -> tuple[E, E, E]:  # fmt: skip
        if not decoupled:
            g = g + decay * theta
        m = b1 * m + a1 * g
        v = b2 * v + a2 * g * g
        return rectified(m, v, k, eps, tractable), m, v

    recover = staticmethod(rectified)
