"""RMSprop: gradients divided by a running root mean square."""

from optbench.optimizers._hyperparameters import flag, learning_rate, non_negative, unit
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C, E, Rule, sqrt, zeros


@register(
    "rmsprop",
    title="RMSprop",
    paper="https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf",
    torch=TorchClass("RMSprop"),
)
class RMSprop(Rule):
    """RMSprop (Tieleman and Hinton 2012), as torch.optim.RMSprop defines it.

    g_t     = g_t + lambda theta_{t-1}                                 (L2)
    v_t     = alpha v_{t-1} + (1 - alpha) g_t^2
    a_t     = alpha a_{t-1} + (1 - alpha) g_t                          (centered)
    b_t     = mu b_{t-1} + g_t / (sqrt(v_t - a_t^2) + eps)             (a_t = 0 unless centered)
    theta_t = theta_{t-1} - gamma b_t

    No bias correction; eps outside the root, as in torch (TensorFlow has it inside). Rounding can make v_t - a_t^2
    negative and the root NaN, in torch too.
    """

    lr = learning_rate(1e-2)
    alpha = unit(0.99, "decay rate of v")
    eps = non_negative(1e-8, "added to the root of v")
    weight_decay = non_negative(0.0, "lambda, added to the gradient (L2)")
    momentum = non_negative(0.0, "mu, decay rate of the buffer b")
    centered = flag(False, "divide by the standard deviation")
    slots = {
        "v": zeros("square_avg"),
        "b": zeros("momentum_buffer", when="momentum"),
        "a": zeros("grad_avg", when="centered"),
    }

    @staticmethod
    def coefficients(lr: float, alpha: float, eps: float, weight_decay: float, momentum: float) -> dict[str, float]:
        return {
            "keep": 1.0,
            "scale": lr,
            "decay": weight_decay,
            "alpha": alpha,
            "rest": 1 - alpha,
            "mu": momentum,
            "eps": eps,
        }

    @staticmethod
    def direction(
        theta: E, g: E, v: E, b: E, a: E, decay: C, alpha: C, rest: C, mu: C, eps: C, centered: bool
    ) -> tuple[E, E, E, E]:
        g = g + decay * theta
        v = alpha * v + rest * g * g
        spread = v
        if centered:
            a = alpha * a + rest * g
            spread = v - a * a
        b = mu * b + g / (sqrt(spread) + eps)
        return b, v, b, a
