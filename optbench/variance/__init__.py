"""The variance of the adaptive learning rate: RAdam's section 5.3 and Figures 8 and 9, without training. No torch.

Liu et al. 2019 (arXiv:1908.03265), sections 3 and 4. Gradients are drawn from N(mu, 1); with mu = 0 the adaptive
learning rate psi = 1 / sqrt(mean of squared gradients) has a square that is scaled inverse chi-square:

    psi^2 ~ rho tau^2 / chi^2_rho         exactly, where it is a simple mean over rho gradients of variance 1 / tau^2
    rho_inf = 2 / (1 - beta2) - 1         the length of a simple average that is as long as the exponential moving one
    rho_t   = rho_inf - 2 t beta2^t / (1 - beta2^t)
    Var psi = tau^2 [rho / (rho - 2) - rho 2^(2 rho - 5) / pi  B((rho - 1) / 2, (rho - 1) / 2)^2]      (2), rho > 2
    Var psi ~ tau^2 rho / (2 (rho - 2)(rho - 4))                                                       (5), rho > 4
    r_t^2   = (5) at rho_inf / (5) at rho_t = (rho_t - 4)(rho_t - 2) rho_inf / [(rho_inf - 4)(rho_inf - 2) rho_t]

r_t psi, the rectified learning rate, is to have the same variance at every step.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from optbench.errors import OptbenchError

MEANS = (0.0, 0.001, 0.01, 0.1, 1.0, 10.0)
"""Figure 9 has six, which are not stated: none, and five decades up to where the noise hardly matters."""
STEPS = (5, 6, 8, 10, 20, 50, 100, 200, 500, 1000, 2000, 4000, 6000)
"""Figure 9 shows 5 (the first that is rectified) to 6,000."""


@dataclass(frozen=True)
class Step:
    """The closed forms at one step; None where there is no such figure (infinite, or no rectification).

    Attributes:
        rho: degrees of freedom; `r`: rectification.
        analytic, first_order: of psi, by (2) and (5); `rectified`: r^2 times the analytic one.
        simple: by (2) of the simple average of as many gradients as there were steps.
    """

    step: int
    rho: float
    r: float | None
    analytic: float | None
    first_order: float | None
    rectified: float | None
    simple: float | None


@dataclass(frozen=True)
class Simulated:
    """Variances over trajectories at one step, for gradients from N(mu, 1).

    Attributes:
        ema: of 1 / sqrt(v_t / (1 - beta2^t)), the moving average of Adam; `error`: its standard error.
        rectified: of r_t times that; None where nothing is rectified.
        simple: of 1 / sqrt(mean of all squared gradients so far).
    """

    step: int
    mu: float
    ema: float
    error: float
    rectified: float | None
    simple: float


def degrees_at_infinity(beta2: float) -> float:
    """Return rho_inf, the degrees of freedom after many steps."""
    return 2 / (1 - beta2) - 1


def degrees(step: int, beta2: float) -> float:
    """Return rho_t, the degrees of freedom at a step (the first is 1)."""
    power = math.exp(step * math.log(beta2))
    return degrees_at_infinity(beta2) - 2 * step * power / -math.expm1(step * math.log(beta2))


def analytic(rho: float) -> float:
    """Return Var psi by (2) for tau = 1: infinite up to two degrees of freedom."""
    if rho <= 2:
        return math.inf
    square_of_mean = math.exp(math.log(rho / math.pi) + (2 * rho - 5) * math.log(2) + 2 * _log_beta(rho))
    return rho / (rho - 2) - square_of_mean


def _log_beta(rho: float) -> float:
    half = (rho - 1) / 2
    return float(special.betaln(half, half))


def first_order(rho: float) -> float:
    """Return Var psi by (5) for tau = 1: infinite up to four degrees of freedom."""
    return rho / (2 * (rho - 2) * (rho - 4)) if rho > 4 else math.inf


def rectification(step: int, beta2: float) -> float | None:
    """Return r_t; None where four degrees of freedom or less leave nothing to rectify."""
    rho, limit = degrees(step, beta2), degrees_at_infinity(beta2)
    return math.sqrt(first_order(limit) / first_order(rho)) if min(rho, limit) > 4 else None


def closed(beta2: float, steps: Sequence[int]) -> list[Step]:
    """Return the closed forms at every step."""
    found = []
    for step in steps:
        rho, r, exact = degrees(step, beta2), rectification(step, beta2), _finite(analytic(degrees(step, beta2)))
        rectified = r * r * exact if r is not None and exact is not None else None
        found.append(Step(step, rho, r, exact, _finite(first_order(rho)), rectified, _finite(analytic(step))))
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def simulate(
    beta2: float, steps: Sequence[int], *, means: Sequence[float] = MEANS, samples: int = 5000, seed: int = 0
) -> list[Simulated]:
    """Draw trajectories of gradients and return the variances at every step, all of one mean after the other.

    Args:
        beta2: of the moving average, between 0 and 1.
        steps: where to look, from 1; the trajectories are as long as the largest.
        means: mu of the gradients; every mean gets the same noise.
        samples: trajectories; the paper has 5,000.
        seed: of the noise.

    Raises:
        OptbenchError: for fewer than 2 trajectories, a step below 1 or a beta2 that is not between 0 and 1.
    """
    if not 0 < beta2 < 1 or samples < 2 or min(steps) < 1:
        given = f"beta2 {beta2:g}, {samples} trajectories, steps from {min(steps)}"
        raise OptbenchError(given, "beta2 lies between 0 and 1, trajectories are at least 2, and steps begin with 1")
    wanted = set(steps)
    found = [
        _variances(step, beta2, mu, moving[row], total[row])
        for step, moving, total in _trajectories(beta2, max(wanted), np.asarray(means), samples, seed)
        if step in wanted
        for row, mu in enumerate(means)
    ]
    return sorted(found, key=lambda each: (means.index(each.mu), each.step))


def _trajectories(
    beta2: float, last: int, means: NDArray[np.float64], samples: int, seed: int
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield every step with v and the sum of squared gradients, (means, samples) each."""
    generator = np.random.default_rng(seed)
    moving = np.zeros((len(means), samples))
    total = np.zeros_like(moving)
    for step in range(1, last + 1):
        square = (generator.standard_normal(samples) + means[:, None]) ** 2
        total += square
        moving += (1 - beta2) * (square - moving)
        yield step, moving, total


def _variances(
    step: int, beta2: float, mu: float, moving: NDArray[np.float64], total: NDArray[np.float64]
) -> Simulated:
    rates = np.sqrt((1 - beta2**step) / moving)
    ema = float(np.var(rates, ddof=1))
    # of a sample variance, by the fourth moment about the mean
    fourth = float(np.mean((rates - rates.mean()) ** 4))
    error = math.sqrt(max(0.0, fourth - ema**2) / len(rates))
    r = rectification(step, beta2)
    simple = float(np.var(np.sqrt(step / total), ddof=1))
    return Simulated(step, mu, ema, error, None if r is None else r * r * ema, simple)
