"""Identities of the papers' own methods and of those close to them."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from optbench.verify._problem import Array
from optbench.verify.identities._common import Bench, Outcome, compared, identity

RADAM = "arXiv:1908.03265, section 4.2"
LUO = "arXiv:1902.09843, section 4"


def averages(gradients: list[list[Array]], beta: float) -> list[list[Array]]:
    """Return the bias-corrected moving average of the gradients at every step."""
    m = [np.zeros_like(g) for g in gradients[0]]
    out = []
    for t, row in enumerate(gradients, 1):
        m = [beta * a + (1 - beta) * g for a, g in zip(m, row, strict=True)]
        out.append([a / (1 - beta**t) for a in m])
    return out


@identity("radam", title="beta2 <= 0.6 is SGD with momentum", source=RADAM)
def radam_degenerates(bench: Bench) -> Outcome:
    """rho_inf <= 4 then, the variance is never tractable, and the step is lr m_hat."""
    gradients = bench.gradients(30)
    taken = bench.walk(gradients, lr=0.1, betas=(0.9, 0.6)).steps()
    return compared(taken, [[0.1 * m for m in row] for row in averages(gradients, 0.9)])


@identity("radam", title="once the averages are full it is Adam", source=RADAM)
def radam_becomes_adam(bench: Bench) -> Outcome:
    """r_t goes to 1: after 400 steps with beta2 = 0.9 the rectification is 1 in float64."""
    gradients = bench.gradients(400)
    options: dict[str, Any] = {"lr": 0.01, "betas": (0.8, 0.9)}
    taken, adam = bench.walk(gradients, **options).steps(), bench.torch("Adam", gradients, **options).steps()
    return compared(taken[-20:], adam[-20:])


@identity("adabelief", title="the first step is lr / beta1", source="arXiv:2010.07468, section 2.2")
def adabelief_starts(bench: Bench) -> Outcome:
    """g_1 - m_1 = beta1 g_1, so the belief in the first gradient makes Adam's first step 1 / beta1 as long."""
    gradients = bench.gradients(1, 0.1)
    taken = bench.walk(gradients, lr=0.01, betas=(0.8, 0.9), eps=0.0).steps()
    return compared(taken, [[0.01 / 0.8 * np.sign(g) for g in row] for row in gradients])


@identity(
    "adabelief", title="as predicted gradients repeat, steps grow beyond Adam's", source="arXiv:2010.07468, section 2.2"
)
def adabelief_believes(bench: Bench) -> Outcome:
    """Under a constant gradient (g - m)^2 = (beta1^t g)^2: s is known in closed form, where Adam's v is g^2."""
    gradients = bench.constant(12)
    taken = bench.walk(gradients, lr=0.01, betas=(0.8, 0.9), eps=0.0).steps()
    ratios = []
    for t in range(1, 13):
        s = 0.1 * sum(0.9 ** (t - k) * 0.8 ** (2 * k) for k in range(1, t + 1)) / (1 - 0.9**t)
        ratios.append(0.01 / s**0.5)
    return compared(taken, [[r * np.sign(g) for g in gradients[0]] for r in ratios], 1e-12)


@identity(
    "adaplus", title="it is NAdamW's numerator over AdaBelief's denominator", source="arXiv:2309.01966, Algorithm 1"
)
def adaplus_is_a_quotient(bench: Bench) -> Outcome:
    """NAdamW's step times its denominator is the numerator; AdaBelief's numerator over its step the denominator."""
    gradients = bench.gradients(12, 0.1)
    shared: dict[str, Any] = {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-9, "weight_decay": 0.0}
    taken = bench.walk(gradients, **shared).steps()
    nadamw = bench.other("nadamw", gradients, **{**shared, "eps": 0.0}).steps()
    adabelief = bench.other("adabelief", gradients, **shared).steps()
    v = [np.zeros_like(g) for g in gradients[0]]
    expected = []
    for t, (row, up, down, m) in enumerate(zip(gradients, nadamw, adabelief, averages(gradients, 0.8), strict=True), 1):
        v = [0.9 * a + 0.1 * g * g for a, g in zip(v, row, strict=True)]
        numerators = [d * np.sqrt(a / (1 - 0.9**t)) for d, a in zip(up, v, strict=True)]
        denominators = [0.01 * b / d - 1e-9 for b, d in zip(m, down, strict=True)]  # AdaBelief's outer eps is no part
        expected.append([n / d for n, d in zip(numerators, denominators, strict=True)])
    return compared(taken, expected, 1e-12)


@identity("adaplus", title="the first step is (1 + beta1) / beta1 times lr", source="arXiv:2309.01966, Algorithm 1")
def adaplus_starts(bench: Bench) -> Outcome:
    """mbar_1 = (1 - beta1)(1 + beta1) g_1 over 1 - beta1, and sqrt(s_hat) = beta1 |g_1|."""
    gradients = bench.gradients(1, 0.1)
    taken = bench.walk(gradients, lr=0.01, betas=(0.8, 0.9), eps=0.0).steps()
    return compared(taken, [[0.01 * 1.8 / 0.8 * np.sign(g) for g in row] for row in gradients])


@identity("adamomentum", title="the first step is lr / (1 - beta1)", source="arXiv:2106.11514, Algorithm 1")
def adamomentum_starts(bench: Bench) -> Outcome:
    """The second moment is that of m, which is not corrected: m_hat_1 / |m_1|."""
    gradients = bench.gradients(1, 0.1)
    taken = bench.walk(gradients, lr=0.01, betas=(0.8, 0.9), eps=0.0).steps()
    return compared(taken, [[0.01 / 0.2 * np.sign(g) for g in row] for row in gradients])


@identity("yogi", title="v changes by (1 - beta2) g^2, whichever way", source="Zaheer et al. 2018, section 3")
def yogi_is_additive(bench: Bench) -> Outcome:
    """The magnitude of v_t - v_{t-1} depends on g_t alone, where Adam's depends on v too."""
    gradients = bench.gradients(8, 0.1)
    worst, bound, where = 0.0, 0.0, ""
    for t in range(2, 9):
        before, after = (bench.walk(gradients[:n], lr=0.01, betas=(0.9, 0.8)).state("exp_avg_sq") for n in (t - 1, t))
        changes = [np.abs(b - a) for a, b in zip(before, after, strict=True)]
        difference, bound, _ = compared([changes], [[0.2 * g * g for g in gradients[t - 1]]])
        if difference > worst:
            worst, where = difference, f"at step {t}"
    return worst, bound, where


@identity("yogi", title="where v is far below g^2 the first step is Adam's", source="Zaheer et al. 2018, section 3")
def yogi_starts_as_adam(bench: Bench) -> Outcome:
    """sign(v - g^2) = -1 adds (1 - beta2) g^2; what is left of v_0 = m_0 = 1e-6 is below 1e-7 of it."""
    gradients = bench.gradients(1, 100.0)
    options: dict[str, Any] = {"lr": 0.01, "betas": (0.9, 0.99), "eps": 1e-3}
    return compared(bench.walk(gradients, **options).steps(), bench.torch("Adam", gradients, **options).steps(), 2e-9)


@identity(
    "adan", title="while gradients repeat it is Adam with beta1 and beta3", source="arXiv:2208.06677, Algorithm 1"
)
def adan_without_differences(bench: Bench) -> Outcome:
    """g_t - g_{t-1} = 0 leaves m and n, which are Adam's moments."""
    gradients = bench.constant(10)
    theirs = bench.torch("Adam", gradients, lr=0.01, betas=(0.9, 0.99), eps=1e-4)
    mine = bench.walk(gradients, lr=0.01, betas=(0.9, 0.7, 0.99), eps=1e-4)
    return compared(mine.weights, theirs.weights)


@identity("adabound", title="with closed bounds it is SGD with momentum", source=LUO)
def adabound_ends(bench: Bench) -> Outcome:
    """Both bounds go to final_lr: a step is final_lr m."""
    gradients = bench.gradients(10)
    taken = bench.walk(gradients, lr=0.01, final_lr=0.5, gamma=1e15).steps()
    corrected = averages(gradients, 0.9)
    return compared(taken, [[0.5 * (1 - 0.9**t) * m for m in row] for t, row in enumerate(corrected, 1)])


@identity("adabound", title="under large gradients it steps at the lower bound", source=LUO)
def adabound_low(bench: Bench) -> Outcome:
    """The rate lr / sqrt(v_hat) is below it; with beta1 = 0 a step is low_t g_t."""
    return _bounded(bench, 1e6, lambda t: 1 - 1 / (0.4 * t + 1))


@identity("adabound", title="under small gradients it steps at the upper bound", source=LUO)
def adabound_high(bench: Bench) -> Outcome:
    """The rate lr / sqrt(v_hat) is above it; with beta1 = 0 a step is high_t g_t."""
    return _bounded(bench, 1e-9, lambda t: 1 + 1 / (0.4 * t))


def _bounded(bench: Bench, size: float, bound: Callable[[int], float]) -> Outcome:
    gradients = [[size * g for g in row] for row in bench.gradients(8, 0.5)]
    origin = [0 * w for w in bench.weights()]
    taken = bench.walk(gradients, origin, lr=0.02, betas=(0.0, 0.9), eps=0.0, final_lr=0.3, gamma=0.4).steps()
    in_units = [[d / size for d in row] for row in taken]
    expected = [[0.3 * bound(t) * g / size for g in row] for t, row in enumerate(gradients, 1)]
    return compared(in_units, expected, 1e-12)


@identity("adabound", title="built with lr = 0 it stays where it is", source=LUO)
def adabound_rests(bench: Bench) -> Outcome:
    """Both bounds and the rate are 0; final_lr in units of the first lr is not 0 / 0."""
    walked = bench.walk(bench.gradients(3), lr=0.0)
    return compared(walked.weights, [walked.weights[0]] * 4, 0.0)


@identity("adabound", title="with open bounds it is Adam", source=LUO)
def adabound_starts(bench: Bench) -> Outcome:
    """At gamma = 0 the bounds are 0 and infinity; eps = 0, because Adam corrects the bias of the root alone."""
    gradients = bench.gradients(10, 0.1)
    theirs = bench.torch("Adam", gradients, lr=0.01, eps=0.0)
    return compared(bench.walk(gradients, lr=0.01, eps=0.0, gamma=0.0).weights, theirs.weights)


@identity(
    "adam-2k", title="weights stand still while v fills, then Adam's v is used", source="arXiv:1908.03265, section 3.1"
)
def warm_up_without_steps(bench: Bench) -> Outcome:
    """With beta1 = 0 m is the gradient, so the steps after the warm-up are Adam's own."""
    gradients = bench.gradients(12)
    options: dict[str, Any] = {"lr": 0.01, "betas": (0.0, 0.9)}
    taken = bench.walk(gradients, warm_steps=5, **options).steps()
    adam = bench.torch("Adam", gradients, **options).steps()
    return compared(taken, [[d * (t > 5) for d in row] for t, row in enumerate(adam, 1)])


@identity(
    "adamw-win", title="x is Adam's trajectory and theta Nesterov's average of it", source="Zhou et al. 2023, eq. 7"
)
def win_averages(bench: Bench) -> Outcome:
    """Without decay y_t = (y_{t-1} + g1 (x_t + (x_t - x_{t-1}))) / (1 + g1), since x_t - x_{t-1} = -lr u_t."""
    gradients = bench.gradients(10)
    x = bench.torch("Adam", gradients, lr=0.01).weights
    walked = bench.walk(gradients, lr=0.01, acceleration=(2.0, 8.0)).weights
    y, expected = x[0], [x[0]]
    for old, new in itertools.pairwise(x):
        y = [(a + 2 * (2 * q - p)) / 3 for a, p, q in zip(y, old, new, strict=True)]
        expected.append(y)
    return compared(walked, expected)
