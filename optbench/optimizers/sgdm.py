"""SGDM: SGD with momentum 0.9, the baseline of the papers."""

from optbench.optimizers._hyperparameters import non_negative
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers.sgd import SGD


@register("sgdm", title="SGD with momentum", paper="doi:10.1016/0041-5553(64)90137-5", torch=TorchClass("SGD"))
class SGDM(SGD):
    """SGD with momentum (Polyak 1964), as torch.optim.SGD(momentum=0.9) defines it.

    g_t     = g_t + lambda theta_{t-1}
    b_1     = g_1;  b_t = mu b_{t-1} + (1 - tau) g_t
    theta_t = theta_{t-1} - gamma b_t

    The only difference from `sgd` is the default of mu. XGrad's eq. (3) is this rule, except that XGrad's code
    damps the first step too.
    """

    momentum = non_negative(0.9, "mu, decay rate of the buffer b")
