"""The variance of the adaptive learning rate: against quadrature, our radam's coefficients, and a plain loop."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as distributions

from optbench import optimizers, variance
from optbench.errors import OptbenchError
from optbench.variance.claims import checks


def by_quadrature(rho: float) -> float:
    """Var psi from its definition, psi = sqrt(rho / X) with X chi-square of rho degrees of freedom."""
    density = distributions.chi2(rho).pdf

    def moment(power: float) -> float:
        inside = integrate.quad(lambda x: (rho / x) ** (power / 2) * density(x), 0, rho, epsabs=0, limit=200)[0]
        return float(
            inside + integrate.quad(lambda x: (rho / x) ** (power / 2) * density(x), rho, math.inf, epsabs=0)[0]
        )

    return moment(2) - moment(1) ** 2


@pytest.mark.parametrize("rho", [4.2, 5.0, 6.5, 10.0, 40.0, 200.0])
def test_the_closed_form_is_the_integral(rho: float) -> None:
    assert variance.analytic(rho) == pytest.approx(by_quadrature(rho), rel=1e-5)


@given(st.floats(2.05, 4000))
def test_the_closed_form_is_that_of_the_inverse_gamma_distribution(rho: float) -> None:
    mean = math.sqrt(rho / 2) * math.exp(math.lgamma((rho - 1) / 2) - math.lgamma(rho / 2))
    assert variance.analytic(rho) == pytest.approx(rho / (rho - 2) - mean**2, rel=1e-4, abs=1e-10)


def test_it_is_infinite_where_the_integral_is() -> None:
    assert variance.analytic(2) == variance.analytic(1) == math.inf
    assert variance.first_order(4) == math.inf
    assert variance.first_order(5) == pytest.approx(5 / 6)


@given(st.floats(2.01, 1e4))
def test_the_first_order_form_is_the_limit_and_never_below(rho: float) -> None:
    assert variance.first_order(rho) >= variance.analytic(rho) * (1 - 1e-6)
    if rho > 1000:
        assert variance.first_order(rho) == pytest.approx(variance.analytic(rho), rel=4 / rho * 2, abs=1e-11)


@given(st.integers(1, 20_000), st.sampled_from([0.9, 0.98, 0.999, 0.9995, 0.6, 0.5]))
def test_the_rectification_is_that_of_our_radam(step: int, beta2: float) -> None:
    rule = optimizers.info("radam").rule
    assert rule is not None
    reference = optimizers.parse(f"radam:betas=0/{beta2}:rectify_above=4").resolve()
    found = rule.coefficients_at(step, dict(reference.options))
    r = variance.rectification(step, beta2)
    assert (r is not None) == bool(found["tractable"])
    if r is not None:  # k is r_t and the correction of v, where beta1 is 0
        assert r * math.sqrt(1 - beta2**step) == pytest.approx(found["k"], rel=1e-9)


@given(st.integers(1, 5000), st.sampled_from([0.9, 0.999]))
def test_degrees_of_freedom_grow_from_1_to_their_limit(step: int, beta2: float) -> None:
    limit = variance.degrees_at_infinity(beta2)
    assert variance.degrees(1, beta2) == pytest.approx(1)
    assert variance.degrees(step, beta2) <= min(step, limit) + 1e-6
    assert variance.degrees(step + 1, beta2) >= variance.degrees(step, beta2)


def test_the_simulation_agrees_with_the_closed_form() -> None:
    drawn = variance.simulate(0.999, [20, 100], means=[0.0], samples=20_000)
    for each in drawn:
        # of a simple average the closed form is exact; four standard errors
        assert abs(each.simple - variance.analytic(each.step)) < 4 * each.error
        # of a moving average it is the paper's assumption
        assert each.ema == pytest.approx(variance.analytic(variance.degrees(each.step, 0.999)), rel=0.1)
        r = variance.rectification(each.step, 0.999)
        assert r is not None
        assert each.rectified == pytest.approx(r * r * each.ema)


def test_the_simulation_is_what_a_loop_in_plain_python_computes() -> None:
    import numpy as np

    noise = np.random.default_rng(7).standard_normal(4), np.random.default_rng(7).standard_normal(8)[4:]
    (found,) = variance.simulate(0.9, [2], means=[0.5], samples=4, seed=7)
    rates = []
    for first, second in zip(*noise, strict=True):
        v = 0.9 * (0.1 * (first + 0.5) ** 2) + 0.1 * (second + 0.5) ** 2
        rates.append((v / (1 - 0.9**2)) ** -0.5)
    assert found.ema == pytest.approx(np.var(rates, ddof=1))


def test_means_share_their_noise_and_steps_come_in_order() -> None:
    drawn = variance.simulate(0.9, [3, 1], means=[1.0, 0.0], samples=10)
    assert [(each.mu, each.step) for each in drawn] == [(1.0, 1), (1.0, 3), (0.0, 1), (0.0, 3)]
    assert drawn == variance.simulate(0.9, [3, 1], means=[1.0, 0.0], samples=10)
    assert drawn[2:] == variance.simulate(0.9, [1, 3], means=[0.0], samples=10)
    assert drawn != variance.simulate(0.9, [3, 1], means=[1.0, 0.0], samples=10, seed=1)


@pytest.mark.parametrize(("beta2", "samples", "steps"), [(1.0, 10, [1]), (0.9, 1, [1]), (0.9, 10, [0])])
def test_what_cannot_be_simulated_is_told(beta2: float, samples: int, steps: list[int]) -> None:
    with pytest.raises(OptbenchError, match="between 0 and 1"):
        variance.simulate(beta2, steps, samples=samples)


def test_claims_come_out_as_they_were_transcribed() -> None:
    found = checks()
    assert len(found) == 5
    assert {check.claim.id: check.holds for check in found} == {
        check.claim.id: check.claim.checks_out for check in found
    }
    text = {check.claim.id: check.recomputed for check in found}
    assert "250 times" in text["variance_ratio"]
    assert "231 % above (2) at rho 5" in text["first_order_accurate"]
    assert "3.9975 at step 4 and 4.9960 at step 5" in text["first_rectified_step"]
