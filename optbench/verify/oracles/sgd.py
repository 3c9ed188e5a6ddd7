"""SGD and SGD with momentum, as torch.optim.SGD defines them."""

from typing import Any

from optbench.verify.oracles._base import Array, Hyper, Oracle, State, register


@register("sgd", lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False)
class SGD(Oracle):
    """g += lam p; b = g on the first step, else mu b + (1 - tau) g; d = g + mu b under Nesterov, else b.

    The first step is not damped. Without momentum d = g.
    """

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """The buffer does not exist before the first gradient."""
        return {"b": None}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        g = g + h.weight_decay * p
        d = g
        if h.momentum != 0:
            z.b = g if z.b is None else h.momentum * z.b + (1 - h.dampening) * g
            d = g + h.momentum * z.b if h.nesterov else z.b
        return p - h.lr * d, h.lr * d


@register("sgdm", lr=1e-3, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False)
class SGDM(SGD):
    """SGD with momentum 0.9."""
