"""SGD: stochastic gradient descent, as torch.optim.SGD defines it."""

from collections.abc import Mapping

from optbench.errors import InvalidValueError
from optbench.optimizers._hyperparameters import Value, flag, learning_rate, non_negative
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C, E, Rule, zeros


@register("sgd", title="SGD", paper="doi:10.1214/aoms/1177729586", torch=TorchClass("SGD"))
class SGD(Rule):
    """Stochastic gradient descent (Robbins and Monro 1951), with torch.optim.SGD's options.

    g_t     = g_t + lambda theta_{t-1}
    b_1     = g_1;  b_t = mu b_{t-1} + (1 - tau) g_t
    d_t     = g_t + mu b_t  with Nesterov's momentum, else b_t
    theta_t = theta_{t-1} - gamma d_t

    The first step is undamped whatever tau (dampening) is, as in torch; without momentum there is no buffer and
    tau has no effect.
    """

    lr = learning_rate(1e-3)
    momentum = non_negative(0.0, "mu, decay rate of the buffer b")
    dampening = non_negative(0.0, "tau, the share of a gradient that the buffer leaves out")
    weight_decay = non_negative(0.0, "lambda, added to the gradient (L2)")
    nesterov = flag(False, "Nesterov's momentum; needs a momentum and no dampening")
    slots = {"b": zeros("momentum_buffer", when="momentum")}

    @staticmethod
    def coefficients(t: int, lr: float, momentum: float, dampening: float, weight_decay: float) -> dict[str, float]:
        undamped = t == 1 or momentum == 0
        return {
            "keep": 1.0,
            "scale": lr,
            "decay": weight_decay,
            "mu": momentum,
            "damp": 1.0 if undamped else 1 - dampening,
        }

    @staticmethod
    def direction(theta: E, g: E, b: E, decay: C, mu: C, damp: C, nesterov: bool) -> tuple[E, E]:
        g = g + decay * theta
        b = mu * b + damp * g
        d = b
        if nesterov:
            d = g + mu * b
        return d, b

    @staticmethod
    def recover(b: E) -> E:
        return b

    @classmethod
    def recoverable(cls, options: Mapping[str, Value]) -> bool:
        """Nesterov's direction needs the gradient, and without momentum there is no state."""
        return bool(options["momentum"]) and not options["nesterov"]

    @classmethod
    def check(cls, options: Mapping[str, Value]) -> None:
        """Nesterov's momentum needs a momentum and no dampening."""
        if options["nesterov"] and (not options["momentum"] or options["dampening"]):
            hint = "give a momentum above 0 and dampening=0"
            raise InvalidValueError("nesterov=true needs a momentum and no dampening", hint)
