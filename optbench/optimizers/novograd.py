"""NovoGrad: normalised gradients with layer-wise second moments."""

from optbench.optimizers._hyperparameters import decay_rates, flag, learning_rate, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import C, E, Rule, maximum, per_tensor, sqrt, zeros


@register("novograd", title="NovoGrad", paper="arXiv:1905.11286")
class NovoGrad(Rule):
    """NovoGrad (Ginsburg et al. 2019, Algorithm 1); a layer is one parameter tensor.

    n_t     = sum over the tensor of g_t^2
    v_1     = n_1;  v_t = beta2 v_{t-1} + (1 - beta2) n_t              (one value a tensor)
    m_t     = beta1 m_{t-1} + [g_t / (sqrt(v_t) + eps) + lambda theta_{t-1}]
    theta_t = theta_{t-1} - gamma m_t                                  (no bias correction)

    Departures: read literally, Algorithm 1 runs t = 1 twice on the same gradient; here the initialisation is step 1.
    eps stands outside the root throughout (eqs. 5 and 6 print it inside). `grad_averaging` scales the bracket by
    1 - beta1; then the paper's m_1 is unscaled (`unscaled_first_moment=true`), NVIDIA's code starts from m_0 = 0.
    `amsgrad` keeps the largest v; `decoupled` is the paper's footnote 2.
    """

    lr = learning_rate(1e-3)
    betas = decay_rates(0.95, 0.25)
    eps = non_negative(1e-8, "added to the root of v")
    weight_decay = non_negative(0.0, "lambda, inside the moment")
    grad_averaging = flag(False, "scale the bracket by 1 - beta1")
    unscaled_first_moment = flag(False, "under grad_averaging leave the first bracket unscaled, as the paper does")
    amsgrad = flag(False, "keep the largest v")
    decoupled = flag(False, "decouple the weight decay from the moment")
    slots = {
        "m": zeros("exp_avg"),
        "v": per_tensor("exp_avg_sq"),
        "x": per_tensor("max_exp_avg_sq", when="amsgrad"),
    }
    layer_values = ("norm",)

    @staticmethod
    def coefficients(
        t: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
        grad_averaging: bool, unscaled_first_moment: bool, decoupled: bool,
    ) -> dict[str, float]:  # fmt: skip
        unscaled = not grad_averaging or (t == 1 and unscaled_first_moment)
        return {
            "keep": 1 - lr * weight_decay if decoupled else 1.0,
            "scale": lr,
            "decay": weight_decay,
            "b1": beta1,
            "a1": 1.0 if unscaled else 1 - beta1,
            "b2": 0.0 if t == 1 else beta2,
            "a2": 1.0 if t == 1 else 1 - beta2,
            "eps": eps,
        }

    @staticmethod
    def reduce(g: E) -> tuple[E]:
        return (g * g,)

    @staticmethod
    def layer(n1: C, v: C, x: C, b2: C, a2: C, eps: C, amsgrad: bool) -> tuple[C, C, C]:
        v = b2 * v + a2 * n1
        v_max = v
        if amsgrad:
            x = maximum(x, v)
            v_max = x
        return sqrt(v_max) + eps, v, x

    @staticmethod
    def direction(theta: E, g: E, m: E, norm: C, decay: C, b1: C, a1: C, decoupled: bool) -> tuple[E, E]:
        u = g / norm
        if not decoupled:
            u = u + decay * theta
        m = b1 * m + a1 * u
        return m, m

    @staticmethod
    def recover(m: E) -> E:
        return m
