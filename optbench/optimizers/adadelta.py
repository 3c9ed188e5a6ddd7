"""AdaDelta: steps in the units of the parameters."""

from optbench.optimizers._hyperparameters import learning_rate, non_negative, unit
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C, E, Rule, sqrt, zeros


@register("adadelta", title="AdaDelta", paper="arXiv:1212.5701", torch=TorchClass("Adadelta"))
class AdaDelta(Rule):
    """AdaDelta (Zeiler 2012, Algorithm 1), as torch.optim.Adadelta defines it.

    g_t     = g_t + lambda theta_{t-1}                                 (L2)
    v_t     = rho v_{t-1} + (1 - rho) g_t^2
    D_t     = sqrt(u_{t-1} + eps) / sqrt(v_t + eps) g_t
    u_t     = rho u_{t-1} + (1 - rho) D_t^2
    theta_t = theta_{t-1} - gamma D_t

    The paper has no gamma (1 here) and rho = 0.95.
    """

    lr = learning_rate(1.0)
    rho = unit(0.9, "decay rate of v and u")
    eps = non_negative(1e-6, "added inside both roots")
    weight_decay = non_negative(0.0, "lambda, added to the gradient (L2)")
    slots = {"v": zeros("square_avg"), "u": zeros("acc_delta")}

    @staticmethod
    def coefficients(lr: float, rho: float, eps: float, weight_decay: float) -> dict[str, float]:
        return {"keep": 1.0, "scale": lr, "decay": weight_decay, "rho": rho, "rest": 1 - rho, "eps": eps}

    @staticmethod
    def direction(theta: E, g: E, v: E, u: E, decay: C, rho: C, rest: C, eps: C) -> tuple[E, E, E]:
        g = g + decay * theta
        v = rho * v + rest * g * g
        d = sqrt(u + eps) / sqrt(v + eps) * g
        u = rho * u + rest * d * d
        return d, v, u
