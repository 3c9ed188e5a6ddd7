"""AMSGrad: Adam that never lets its denominator shrink."""

from optbench.optimizers._hyperparameters import flag
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers.adam import Adam


@register("amsgrad", title="AMSGrad", paper="arXiv:1904.09237", torch=TorchClass("Adam"))
class AMSGrad(Adam):
    """AMSGrad (Reddi et al. 2018, Algorithm 2), as torch.optim.Adam(amsgrad=True) defines it.

    g_t     = g_t + lambda theta_{t-1}                                 (L2)
    m_t     = beta1 m_{t-1} + (1 - beta1) g_t
    v_t     = beta2 v_{t-1} + (1 - beta2) g_t^2
    x_t     = max(x_{t-1}, v_t)
    theta_t = theta_{t-1} - gamma [m_t / (1 - beta1^t)] / [sqrt(x_t / (1 - beta2^t)) + eps]

    Departure from the paper, which corrects no bias: torch corrects both, after the maximum.
    """

    amsgrad = flag(True, "keep the largest v")
