"""XGrad: weight prediction over any base optimizer."""

from collections.abc import Mapping

from optbench.optimizers._hyperparameters import Value, choice, flag, non_negative
from optbench.optimizers._registry import register
from optbench.optimizers._rule import Declaration


@register("xgrad", title="XGrad", paper="arXiv:2305.18240", wrapper=True)
class WeightPrediction(Declaration):
    """XGrad (Guan et al. 2023, Algorithm 1); over AdamW it is weight prediction for AdamW (arXiv:2302.00195).

    phi_t     = theta_t - s gamma_{t+1} d_t      the predicted weights (eq. 26); phi_0 = theta_0
    g_{t+1}   = gradient of the loss at phi_t    forward and backward pass use phi
    theta_t+1 = base step from theta_t with g_{t+1}

    d_t is the base's last direction for each unit of learning rate, decoupled decay left out. Line 5 needs the
    update that uses g_{t+1} before g_{t+1} exists; the author's code takes the last one instead (`reading=stale`).
    `zero` and `repeat` run the base s times more on a gradient of 0, or on the last gradient. With constant lr and no
    decoupled decay, phi_t = theta_t + s (theta_t - theta_{t-1}).
    Weights are evaluated and saved as theta. Decay of either kind sees theta. BatchNorm's buffers are left alone:
    they hold statistics of activations under phi. Algorithm 1 restores theta before the step; the author's SGD file
    cannot (`restore=false` is that control). `cache=false` stores phi alone and recomputes theta from the state,
    where the base's direction is a function of its state; it rounds once more a step.
    """

    s = non_negative(1.0, "steps to predict ahead; s=0 is bitwise the base")
    reading = choice("stale", "zero", "repeat", doc="what stands for the update that is not known yet")
    restore = flag(True, "return to theta before the base's step; false is the control that never does")
    cache = flag(True, "keep theta beside phi; false recomputes it and costs no memory")

    @classmethod
    def state_bytes(cls, options: Mapping[str, Value]) -> int:
        """Return the bytes a parameter on top of the base's: theta beside phi."""
        return 4 if options["s"] and options["cache"] and options["restore"] else 0

    @classmethod
    def traffic_bytes(cls, options: Mapping[str, Value]) -> int:
        """Return the bytes a parameter and step on top of the base's: phi is written too."""
        return cls.state_bytes(options)
