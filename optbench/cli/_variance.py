"""What `optbench variance` prints. No torch."""

import csv
import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optbench import variance
from optbench.variance.claims import checks

SCHEMA = "optbench.variance/1"
DEGREES = (5, 6, 8, 10, 20, 50, 100, 200, 500)
"""Where Figure 8 is tabulated; it is drawn from 5 to 500."""


@dataclass(frozen=True)
class Study:
    """Closed forms and simulations for one beta2."""

    beta2: float
    samples: int
    seed: int
    means: tuple[float, ...]
    steps: tuple[variance.Step, ...]
    simulated: tuple[variance.Simulated, ...]

    def of(self, mu: float) -> list[variance.Simulated]:
        """Return the simulations of one mean, by step."""
        return [each for each in self.simulated if each.mu == mu]


def study(beta2: float, *, steps: Sequence[int], means: Sequence[float], samples: int, seed: int) -> Study:
    """Compute the closed forms and simulate."""
    drawn = variance.simulate(beta2, steps, means=means, samples=samples, seed=seed)
    return Study(beta2, samples, seed, tuple(means), tuple(variance.closed(beta2, steps)), tuple(drawn))


def render(studies: Sequence[Study], form: str) -> str:
    """Return the studies, and with them Figure 8 and the paper's claims, as a table, JSON or CSV."""
    if form == "csv":
        return _csv(studies)
    if form == "json":
        return json.dumps(_document(studies), indent=2, allow_nan=False) + "\n"
    return "\n\n".join([_figure_8(), *map(_figure_9, studies), _claims()]) + "\n"


def _figure_8() -> str:
    rows = []
    for rho in DEGREES:
        exact, near = variance.analytic(rho), variance.first_order(rho)
        rows.append((rho, _short(exact), _short(near), _short(near - exact), f"{100 * (near / exact - 1):.1f} %"))
    heads = ("rho", "analytic (2)", "first order (5)", "difference", "of analytic")
    return "Figure 8: variance of psi by degrees of freedom, tau = 1\n" + _table(heads, rows)


def _figure_9(found: Study) -> str:
    title = (
        f"Figure 9: beta2 {found.beta2:g} (rho_inf {variance.degrees_at_infinity(found.beta2):.6g}), "
        f"{found.samples:,} trajectories, seed {found.seed}"
    )
    heads = ("step", "rho", "r", "analytic", "first order", "rectified", "simple average")
    rows = [
        (
            each.step,
            f"{each.rho:.4g}",
            _short(each.r),
            *map(_short, (each.analytic, each.first_order, each.rectified, each.simple)),
        )
        for each in found.steps
    ]
    closed = "closed forms for mu = 0 (simple average: of as many gradients as steps)\n" + _table(heads, rows)
    columns = ["step", *(f"mu {mu:g}" for mu in found.means)]
    blocks = [title, closed]
    for words, key in (
        ("simulated, moving average", "ema"),
        ("simulated, moving average, rectified", "rectified"),
        ("simulated, simple average", "simple"),
    ):
        values = {(each.step, each.mu): getattr(each, key) for each in found.simulated}
        lines = [(each.step, *(_short(values[each.step, mu]) for mu in found.means)) for each in found.steps]
        blocks.append(f"{words}\n" + _table(columns, lines))
    return "\n".join([*blocks, *_spread(found)])


def _spread(found: Study) -> list[str]:
    """Return by how much the simulated variance changes over the steps that are rectified, with and without."""
    drawn = [each for each in found.of(found.means[0]) if each.rectified is not None]
    if len(drawn) < 2:
        return []
    plain, fixed = [each.ema for each in drawn], [each.rectified or 0.0 for each in drawn]
    ratios = f"{max(plain) / min(plain):.3g}-fold as it is and {max(fixed) / min(fixed):.3g}-fold rectified"
    return [f"from step {drawn[0].step} to {drawn[-1].step} the variance at mu {found.means[0]:g} changes {ratios}"]


def _claims() -> str:
    lines = ["claims of arXiv:1908.03265, recomputed"]
    for check in checks():
        text = f'{"holds" if check.holds else "does not hold"}: {check.claim.where}, "{check.claim.text}"'
        lines += [f"  {text}", *textwrap.wrap(check.recomputed, 110, initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    from tabulate import tabulate

    align = ["right"] * len(heads)
    table = tabulate([list(map(str, row)) for row in rows], heads, "plain", colalign=align, disable_numparse=True)
    return "\n".join(f"  {line}" for line in table.splitlines())


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _document(studies: Sequence[Study]) -> dict[str, Any]:
    degrees = [
        {"rho": rho, "analytic": variance.analytic(rho), "first_order": variance.first_order(rho)} for rho in DEGREES
    ]
    return {
        "schema": SCHEMA,
        "figure_8": degrees,
        "figure_9": [
            {
                "beta2": found.beta2,
                "rho_inf": variance.degrees_at_infinity(found.beta2),
                "samples": found.samples,
                "seed": found.seed,
                "closed": [asdict(each) for each in found.steps],
                "simulated": [asdict(each) for each in found.simulated],
            }
            for found in studies
        ],
        "claims": [
            {
                "id": check.claim.id,
                "where": check.claim.where,
                "text": check.claim.text,
                "holds": check.holds,
                "recomputed": check.recomputed,
            }
            for check in checks()
        ],
    }


def _csv(studies: Sequence[Study]) -> str:
    """Return a line a beta2, mean and step; the columns of closed forms hold for mean 0."""
    text = io.StringIO()
    heads = ["beta2", "mu", "step", "rho", "r", "analytic", "first_order", "rectified", "simple"]
    heads += ["simulated", "simulated_error", "simulated_rectified", "simulated_simple"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    for found in studies:
        closed = {each.step: each for each in found.steps}
        for drawn in found.simulated:
            known = list(asdict(closed[drawn.step]).values())[1:]
            values = [*known, drawn.ema, drawn.error, drawn.rectified, drawn.simple]
            writer.writerow([found.beta2, drawn.mu, drawn.step, *("" if v is None else v for v in values)])
    return text.getvalue()
