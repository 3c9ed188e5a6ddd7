"""What the RAdam paper claims about its Figures 8 and 9, recomputed from the closed forms. No torch."""

from dataclasses import dataclass

from optbench import published
from optbench.variance import analytic, degrees, degrees_at_infinity, first_order

NEGLIGIBLE = 0.1
"""What "much smaller" is taken to mean in section 5.3: at most a tenth."""


@dataclass(frozen=True)
class Check:
    """A claim of the paper about these figures, recomputed: whether it `holds`, and by which numbers."""

    claim: published.Claim
    holds: bool
    recomputed: str


def checks() -> list[Check]:
    """Return the paper's claims about these figures, each recomputed from the closed forms."""
    claims = {claim.id: claim for claim in published.paper("radam").claims}
    found = {
        "variance_ratio": _ratio(),
        "first_order_accurate": _accuracy(),
        "beta2_06": _at(degrees_at_infinity(0.6), 4),
        "beta2_9995": _at(degrees_at_infinity(0.9995), 4000),
        "first_rectified_step": _first_step(),
    }
    return [Check(claims[name], holds, text) for name, (holds, text) in found.items()]


def _ratio() -> tuple[bool, str]:
    small, large = analytic(5), analytic(500)
    return small > 100 * large, f"{small:.5f} at rho 5 is {small / large:.0f} times {large:.6f} at rho 500"


def _accuracy() -> tuple[bool, str]:
    off = {rho: first_order(rho) / analytic(rho) - 1 for rho in range(5, 501)}
    since = min(rho for rho, part in off.items() if part <= NEGLIGIBLE)
    text = (
        f"(5) is {100 * off[5]:.0f} % above (2) at rho 5, {100 * off[10]:.0f} % at 10 and {100 * off[500]:.1f} % at 500"
    )
    return since == 5, f"{text}; within {100 * NEGLIGIBLE:.0f} % from rho {since} on"


def _at(limit: float, stated: float) -> tuple[bool, str]:
    # one unit of the last printed digit, as everywhere among the claims
    return abs(limit - stated) <= 1 + 1e-6, f"rho_inf is {limit:.6g}"


def _first_step() -> tuple[bool, str]:
    first = next(step for step in range(1, 100) if degrees(step, 0.999) > 4)
    before, at = degrees(first - 1, 0.999), degrees(first, 0.999)
    return first == 5, f"rho is {before:.4f} at step {first - 1} and {at:.4f} at step {first}, with beta2 0.999"
