"""Identities of methods without second moments: SGD, SGDM, Lion."""

import numpy as np

from optbench.verify.identities._common import Bench, Outcome, compared, identity

SUTSKEVER = "Sutskever et al. 2013, eqs. 1 to 4"


@identity("sgd", title="without momentum a step is lr times the gradient", source="Robbins and Monro 1951")
def plain_descent(bench: Bench) -> Outcome:
    """theta_t = theta_{t-1} - lr g_t."""
    gradients = bench.gradients(6)
    taken = bench.walk(gradients, lr=0.3).steps()
    return compared(taken, [[0.3 * g for g in row] for row in gradients])


@identity("sgd", "sgdm", title="under a constant gradient steps add up as a geometric series", source="Polyak 1964")
def terminal_velocity(bench: Bench) -> Outcome:
    """Step t is lr g (1 - mu^t) / (1 - mu)."""
    gradients = bench.constant(12)
    taken = bench.walk(gradients, lr=0.1, momentum=0.7).steps()
    series = [0.1 * (1 - 0.7**t) / (1 - 0.7) for t in range(1, 13)]
    return compared(taken, [[factor * g for g in gradients[0]] for factor in series], 1e-12)


@identity("sgd", "sgdm", title="Nesterov's step is g + mu v, v the heavy-ball velocity", source=SUTSKEVER)
def nesterov_looks_ahead(bench: Bench) -> Outcome:
    """The velocity is that of heavy ball; the step is taken from where the next velocity would lead."""
    gradients = bench.gradients(8)
    taken = bench.walk(gradients, lr=0.1, momentum=0.8, nesterov=True).steps()
    velocity = [np.zeros_like(g) for g in gradients[0]]
    expected = []
    for row in gradients:
        velocity = [0.8 * v + g for v, g in zip(velocity, row, strict=True)]
        expected.append([0.1 * (g + 0.8 * v) for v, g in zip(velocity, row, strict=True)])
    return compared(taken, expected)


@identity("lion", title="every step has magnitude lr", source="arXiv:2302.06675, section 3.2")
def lion_steps_lr(bench: Bench) -> Outcome:
    """The sign makes the update's magnitude uniform across coordinates."""
    taken = bench.walk(bench.gradients(8, 0.1), lr=0.25).steps()
    return compared(
        [[np.abs(d) for d in row] for row in taken], [[np.full_like(d, 0.25) for d in row] for row in taken]
    )


@identity("lion", title="beta1 = beta2 is the sign of SGD's momentum", source="arXiv:2302.06675, section 3.2")
def lion_as_signum(bench: Bench) -> Outcome:
    """With one beta, beta1 m + (1 - beta1) g is the new momentum itself: signSGD with momentum."""
    gradients = bench.gradients(10, 0.1)
    taken = bench.walk(gradients, lr=0.25, betas=(0.8, 0.8)).steps()
    momentum = [np.zeros_like(g) for g in gradients[0]]
    expected = []
    for row in gradients:
        momentum = [0.8 * m + 0.2 * g for m, g in zip(momentum, row, strict=True)]
        expected.append([0.25 * np.sign(m) for m in momentum])
    return compared(taken, expected)
