"""Questions that more than one algorithm's implementations answer differently."""

from optbench.verify.fingerprint._adaptive import BELOW, RHO
from optbench.verify.fingerprint._algorithm import Axis, Choice

DECAY = Axis("decay", "weight decay", {
    "decoupled": "decoupled: theta shrinks by lr lambda",
    "l2": "coupled (L2): lambda theta joins the gradient",
    "none": "none",
    "fixed": "decoupled and not scaled by lr: theta shrinks by lambda",
    "after": "decoupled, after the step: (theta - lr d) (1 - lr lambda)",
    "proximal": "proximal: (theta - lr d) / (1 + lr lambda)",
    "direction": "inside the normalised direction",
    "moment": "inside the moment, beside the normalised gradient",
    "by first lr": "decoupled, by lr lambda over the first lr",
    "constant": "a mistake: every weight loses lr lambda, whatever it is",
})  # fmt: skip
EPS = Axis("eps_place", "eps", {
    "outside": "outside the root: sqrt(v_hat) + eps",
    "uncorrected": "outside the uncorrected root: (sqrt(v) + eps) / sqrt(1 - beta2^t)",
    "inside": "inside the root: sqrt(v_hat + eps)",
    "inside uncorrected": "inside the uncorrected root: sqrt(v + eps) / sqrt(1 - beta2^t)",
    "1e-15 inside": "outside the uncorrected root, with 1e-15 inside it",
    "none": "not outside",
})  # fmt: skip
STATE_EPS = Axis("state_eps", "eps in the state", {
    "stored": "added to the second moment and kept there",
    "none": "not in the second moment",
    "within": "added to the second moment for the step alone",
})  # fmt: skip
MAXIMUM = Axis("maximum", "AMSGrad", {
    "off": "off",
    "before": "maximum before the bias correction",
    "after": "maximum after the bias correction",
})  # fmt: skip
CORRECTS = Axis("corrects", "bias correction", {
    "both": "of both moments",
    "none": "none",
    "m": "of the first moment alone",
    "v": "of the second moment alone",
    "m after the ratio": "of the first moment alone, after the ratio is taken",
})  # fmt: skip
RECTIFY = Axis(
    "rectify",
    "rectification",
    {"never": "none"} | {k: f"where rho_t > {k[0]}; {BELOW[k[3:]]}" for k in RHO if k != "never"},
)
RADAM = RECTIFY.only(*(k for k in RHO if k != "never"), "never")
NUMERATOR = Axis("numerator", "Nesterov momentum", {
    "torch": "scheduled; m averages with beta1 (torch)",
    "dozat": "scheduled; m averages with mu_t (Dozat)",
    "choi": "no schedule, both parts over 1 - beta1^t (Choi)",
    "optax": "no schedule, m over 1 - beta1^(t+1) (optax)",
    "m": "none",
})  # fmt: skip
SECOND = Axis("second", "second moment", {
    "belief": "of g - m with the new m",
    "surprise": "of g - m with the m before",
    "square": "of g",
    "momentum": "of m",
})  # fmt: skip
START = Axis("start", "moments start at", {"tiny": "1e-6 both", "zero": "0", "tiny v": "1e-6 for v, 0 for m"})
BOUNDS = Axis("bounds", "bounds", {"schedule": "follow the schedule of lr", "fixed": "stand at final_lr"})
SCALED = Axis("scaled", "v_hat", {"plain": "as it is", "beta2": "times beta2 (Dozat's OpenReview version)"})
LR_PLACE = Axis("lr_place", "lr", {"outside": "outside the momentum buffer", "inside": "inside the momentum buffer"})

TIME = {"lr": 0.02, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.1}
"""beta2 = 0.9: rho_4 = 3.7, rho_5 = 4.6 and rho_6 = 5.4, so that thresholds act within a few steps."""


UNCORRECTED = ("uncorrected", "inside uncorrected", "1e-15 inside")
"""Places of eps that are others without the name where v is not corrected."""


def distinct(choice: Choice) -> bool:
    """Leave out combinations that compute the same as another one."""
    uncorrected = choice.get("corrects", "both") in ("none", "m")
    apart = choice["decay"] in ("decoupled", "fixed", "after")
    return not (
        (uncorrected and (choice["eps_place"] in UNCORRECTED or choice.get("maximum") == "after"))
        or ("but decay" in choice.get("rectify", "") and not apart)
        or ("uncorrected" in choice.get("rectify", "") and choice.get("corrects") == "v")
    )
