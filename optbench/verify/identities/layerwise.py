"""Identities of methods that look at a whole layer: NovoGrad, LARS, LAMB."""

from typing import Any

import numpy as np

from optbench.verify._problem import Array
from optbench.verify.identities._common import Bench, Outcome, compared, identity

NOVOGRAD = "arXiv:1905.11286, section 3"


def norms(row: list[Array]) -> list[Array]:
    """Return the norm of every tensor."""
    return [np.asarray(np.sqrt(np.sum(a * a))) for a in row]


@identity("novograd", title="beta2 = 0 is layer-wise normalised gradient descent", source=NOVOGRAD)
def normalised_descent(bench: Bench) -> Outcome:
    """v_t is |g_t|^2 alone; the moment sums normalised gradients."""
    gradients = bench.gradients(8)
    taken = bench.walk(gradients, lr=0.1, betas=(0.7, 0.0), eps=0.0).steps()
    m = [np.zeros_like(g) for g in gradients[0]]
    expected = []
    for row in gradients:
        m = [0.7 * a + g / n for a, g, n in zip(m, row, norms(row), strict=True)]
        expected.append([0.1 * a for a in m])
    return compared(taken, expected)


@identity("novograd", title="a layer's first step has norm lr", source=NOVOGRAD)
def first_step_has_norm_lr(bench: Bench) -> Outcome:
    """v_1 = |g_1|^2, so the first update is the unit gradient, whatever its size."""
    gradients = bench.gradients(1)
    gradients = [[10.0**i * g for i, g in enumerate(row)] for row in gradients]
    taken = bench.walk(gradients, lr=0.1, eps=0.0).steps()
    return compared([norms(taken[0])], [[np.asarray(0.1)] * len(taken[0])])


@identity(
    "novograd", "lars", "lamb", title="a layer's gradient may be scaled alone", source=f"{NOVOGRAD}; arXiv:1708.03888"
)
def layers_are_apart(bench: Bench) -> Outcome:
    """One layer's gradients 100 times as large: no step of any layer changes."""
    gradients = bench.gradients(8, 0.1)
    options: dict[str, Any] = {"lr": 0.1, "eps": 0.0, "momentum": 0.7}
    scaled = [[100 * row[0], *row[1:]] for row in gradients]
    return compared(bench.walk(scaled, **options).weights, bench.walk(gradients, **options).weights, 1e-12)


@identity("lars", title="the first step has norm lr eta |theta|", source="arXiv:1708.03888, eqs. 5 and 6")
def lars_trust(bench: Bench) -> Outcome:
    """Without decay the local rate is eta |theta| / |g|."""
    gradients = bench.gradients(1)
    walked = bench.walk(gradients, lr=2.0, trust_coefficient=0.01)
    expected = [2.0 * 0.01 * n for n in norms(walked.weights[0])]
    return compared([norms(walked.steps()[0])], [[np.asarray(n) for n in expected]])


@identity("lamb", title="every step has norm lr |theta|", source="arXiv:1904.00962, Algorithm 2")
def lamb_trust(bench: Bench) -> Outcome:
    """The trust ratio turns the direction's norm into the layer's."""
    walked = bench.walk(bench.gradients(8), lr=0.1, weight_decay=0.3)
    taken = [norms(row) for row in walked.steps()]
    return compared(taken, [[np.asarray(0.1 * n) for n in norms(row)] for row in walked.weights[:-1]], 1e-12)


@identity("lamb", "lars", title="weights twice as large move twice as far", source="arXiv:1904.00962, section 3")
def follows_the_weights(bench: Bench) -> Outcome:
    """Without decay steps are proportional to the layer's norm."""
    gradients = bench.gradients(1)
    options: dict[str, Any] = {"lr": 0.1, "eps": 0.0}
    usual = bench.walk(gradients, **options).steps()
    doubled = bench.walk(gradients, [2 * w for w in bench.weights()], **options).steps()
    return compared(doubled, [[2 * d for d in row] for row in usual])


@identity("lamb", title="without a gradient and decay nothing moves", source="arXiv:1904.00962, Algorithm 2")
def lamb_rests(bench: Bench) -> Outcome:
    """A direction of norm 0 has no trust ratio; it must not divide by it."""
    walked = bench.walk([[0 * g for g in row] for row in bench.gradients(3)])
    return compared(walked.weights, [walked.weights[0]] * 4, 0.0)
