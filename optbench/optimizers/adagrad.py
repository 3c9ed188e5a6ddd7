"""AdaGrad: a learning rate for each coordinate, from the sum of its squared gradients."""

from optbench.optimizers._hyperparameters import learning_rate, non_negative
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C, E, Rule, filled, sqrt


@register("adagrad", title="AdaGrad", paper="https://jmlr.org/papers/v12/duchi11a.html", torch=TorchClass("Adagrad"))
class AdaGrad(Rule):
    """AdaGrad (Duchi et al. 2011), as torch.optim.Adagrad defines it.

    g_t     = g_t + lambda theta_{t-1}                                 (L2)
    v_t     = v_{t-1} + g_t^2
    theta_t = theta_{t-1} - gamma / (1 + (t - 1) eta) * g_t / (sqrt(v_t) + eps)

    v_0 is `initial_accumulator_value`; eta is `lr_decay`. torch puts eps outside the root, optax inside.
    """

    lr = learning_rate(1e-2)
    lr_decay = non_negative(0.0, "eta, decay of the learning rate")
    weight_decay = non_negative(0.0, "lambda, added to the gradient (L2)")
    initial_accumulator_value = non_negative(0.0, "v_0")
    eps = non_negative(1e-10, "added to the root of v")
    slots = {"v": filled("sum", "initial_accumulator_value")}

    @staticmethod
    def coefficients(t: int, lr: float, lr_decay: float, weight_decay: float, eps: float) -> dict[str, float]:
        return {"keep": 1.0, "scale": lr / (1 + (t - 1) * lr_decay), "decay": weight_decay, "eps": eps}

    @staticmethod
    def direction(theta: E, g: E, v: E, decay: C, eps: C) -> tuple[E, E]:
        g = g + decay * theta
        v = v + g * g
        return g / (sqrt(v) + eps), v
