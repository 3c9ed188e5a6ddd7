"""Identities of the Adam family."""

import itertools
from typing import Any

import numpy as np

from optbench.verify.identities._common import EXACT, Bench, Outcome, compared, identity

KINGMA = "arXiv:1412.6980, section 2.1"
LOSHCHILOV = "arXiv:1711.05101, eq. 1"
SCALE_FREE = (
    "adam", "adamw", "amsgrad", "nadam", "nadamw", "adaplus", "adabelief", "adamomentum", "adan", "adamw-win",
    "adam-2k", "rmsprop", "adagrad", "novograd", "lamb", "lars", "lion",
)  # fmt: skip
SHRINKING = ("adamw", "nadamw", "adaplus", "adabelief", "adamomentum", "radam", "lion")


@identity(*SCALE_FREE, title="steps do not change when gradients are scaled", source=KINGMA)
def scale_free(bench: Bench) -> Outcome:
    """With eps = 0, c cancels between c m and sqrt(c^2 v): gradients 1000 times as large give the same steps."""
    gradients = bench.gradients(10, 0.1)
    options: dict[str, Any] = {"lr": 0.01, "eps": 0.0, "warm_steps": 2}
    usual = bench.walk(gradients, **options)
    scaled = bench.walk([[1000 * g for g in row] for row in gradients], **options)
    return compared(scaled.weights, usual.weights, 1e-12)


@identity("adam", "adamw", "amsgrad", title="the first step has magnitude lr", source=KINGMA)
def first_step_is_lr(bench: Bench) -> Outcome:
    """With eps = 0, m_hat / sqrt(v_hat) = g / |g| at t = 1."""
    gradients = bench.gradients(1, 0.1)
    taken = bench.walk(gradients, lr=0.01, eps=0.0).steps()
    return compared(taken, [[0.01 * np.sign(g) for g in row] for row in gradients])


@identity("adam", "adamw", "amsgrad", title="beta1 = beta2 = 0 is sign descent", source="arXiv:1705.07774, section 1.1")
def sign_descent(bench: Bench) -> Outcome:
    """Without averages g / sqrt(g^2) is left; AMSGrad remembers the largest g, so its gradients grow here."""
    gradients = [[g * 2.0**t for g in row] for t, row in enumerate(bench.gradients(1, 0.1) * 6)]
    taken = bench.walk(gradients, lr=0.01, eps=0.0, betas=(0.0, 0.0)).steps()
    return compared(taken, [[0.01 * np.sign(g) for g in row] for row in gradients])


@identity("adamw", title="without decay it is Adam", source=LOSHCHILOV)
def adamw_is_adam(bench: Bench) -> Outcome:
    """The two differ in the decay alone."""
    gradients = bench.gradients(10)
    return compared(bench.walk(gradients, lr=0.01).weights, bench.torch("Adam", gradients, lr=0.01).weights)


@identity(*SHRINKING, title="without a gradient the weights shrink by 1 - lr lambda", source=LOSHCHILOV)
def decoupled_decay(bench: Bench) -> Outcome:
    """Decoupled decay does not pass through the moments: gradients of 0 leave it alone."""
    gradients = [[0 * g for g in row] for row in bench.gradients(8)]
    walked = bench.walk(gradients, lr=0.1, weight_decay=0.3).weights
    return compared(walked, [[w * (1 - 0.1 * 0.3) ** t for w in walked[0]] for t in range(9)])


@identity("amsgrad", title="the denominator never shrinks", source="arXiv:1904.09237, Algorithm 2")
def never_shrinks(bench: Bench) -> Outcome:
    """With beta1 = 0 a step is lr g / sqrt(v_hat): g over the step shows v, here as gradients fade away."""
    gradients = [[g * 0.5**t for g in row] for t, row in enumerate(bench.gradients(12, 0.3))]
    taken = bench.walk(gradients, lr=0.1, eps=0.0, betas=(0.0, 0.6)).steps()
    # the bias correction, which does shrink the denominator, is divided out
    shown = [
        [0.1 * g / d * (1 - 0.6**t) ** 0.5 for g, d in zip(row, step, strict=True)]
        for t, (row, step) in enumerate(zip(gradients, taken, strict=True), 1)
    ]
    falls = [[np.maximum(a - b, 0) for a, b in zip(old, new, strict=True)] for old, new in itertools.pairwise(shown)]
    return compared(falls, [[0 * f for f in row] for row in falls], 1e-9)  # steps get small beside the weights


@identity("nadamw", title="without momentum it is AdamW", source="arXiv:1910.05446, appendix")
def nadamw_without_momentum(bench: Bench) -> Outcome:
    """With beta1 = 0 there is nothing to look ahead along: mbar = m = g."""
    gradients = bench.gradients(10)
    theirs = bench.torch("Adam", gradients, lr=0.01, betas=(0.0, 0.99))
    return compared(bench.walk(gradients, lr=0.01, betas=(0.0, 0.99)).weights, theirs.weights)


@identity("nadam", title="without momentum it is Adam", source="Dozat 2016, section 2")
def nadam_without_momentum(bench: Bench) -> Outcome:
    """With beta1 = 0 every mu_t is 0, and what is left is g / (sqrt(v_hat) + eps)."""
    gradients = bench.gradients(10)
    theirs = bench.torch("Adam", gradients, lr=0.01, betas=(0.0, 0.99))
    return compared(bench.walk(gradients, lr=0.01, betas=(0.0, 0.99)).weights, theirs.weights)


@identity("rmsprop", title="it is Adam without momentum and bias correction", source="arXiv:1412.6980, section 5")
def rmsprop_without_correction(bench: Bench) -> Outcome:
    """A step of Adam with beta1 = 0 times 1 / sqrt(1 - beta2^t)."""
    gradients = bench.gradients(10)
    theirs = bench.torch("Adam", gradients, lr=0.01, betas=(0.0, 0.9), eps=0.0).steps()
    taken = bench.walk(gradients, lr=0.01, alpha=0.9, eps=0.0).steps()
    return compared(taken, [[d / (1 - 0.9**t) ** 0.5 for d in row] for t, row in enumerate(theirs, 1)])


@identity("adagrad", title="under a constant gradient step t is lr / sqrt(t)", source="Duchi et al. 2011, section 1.1")
def adagrad_anneals(bench: Bench) -> Outcome:
    """v_t = t g^2."""
    gradients = bench.constant(9)
    taken = bench.walk(gradients, lr=0.1, eps=0.0).steps()
    return compared(taken, [[0.1 * np.sign(g) / t**0.5 for g in gradients[0]] for t in range(1, 10)])


@identity(
    "adadelta", title="the first step does not depend on the gradient's size", source="arXiv:1212.5701, section 3.2"
)
def adadelta_starts(bench: Bench) -> Outcome:
    """Units are the parameters': with u_0 = 0 the first step is sqrt(eps / (1 - rho)) where g^2 is far above eps."""
    gradients = [[1000 * g for g in row] for row in bench.gradients(1, 1.0)]
    taken = bench.walk(gradients, lr=1.0, rho=0.9, eps=1e-6).steps()
    return compared(taken, [[np.sign(g) * (1e-6 / 0.1) ** 0.5 for g in row] for row in gradients], 1e-11)


@identity("adafactor", title="squared gradients of rank 1 are factored exactly", source="arXiv:1804.04235, section 3")
def rank_one(bench: Bench) -> Outcome:
    """R C / mean(R) is then the matrix itself: at t = 1 the update has magnitude 1 and the step is alpha."""
    random = bench.random("rank one")
    a, b = np.abs(random.standard_normal(5)) + 0.5, np.abs(random.standard_normal(3)) + 0.5
    weights = bench.weights()
    gradients = [[np.outer(a, b), *(np.ones_like(w) for w in weights[1:])]]
    taken = bench.walk(gradients, weights, lr=0.01).steps()[0]
    alphas = [0.01 * max(1e-3, float(np.sqrt(np.mean(w**2)))) for w in weights]
    return compared([taken], [[np.full_like(d, alpha) for d, alpha in zip(taken, alphas, strict=True)]], EXACT)
