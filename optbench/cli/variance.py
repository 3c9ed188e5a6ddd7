"""`optbench variance`: the simulations of RAdam's section 5.3, which need no training."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from optbench.cli import _options
from optbench.errors import OptbenchError

N = TypeVar("N", int, float)


@click.command("variance", short_help="Simulate the variance of the adaptive learning rate (RAdam, section 5.3).")
@click.option("--beta2", default="0.999", show_default=True, metavar="B,...", help="Of the moving average of squares.")
@click.option("--steps", metavar="N,...", help="Where to look.  [default: 13 steps from 5 to 6000]")
@click.option("--means", metavar="MU,...", help="Of the gradients, from N(MU, 1).  [default: 0, and 0.001 to 10]")
@click.option("--samples", type=click.IntRange(min=2), default=5000, show_default=True, help="Trajectories.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the gradients.")
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw Figures 8 and 9 as .svg, .png or .pdf; needs optbench[plot].",
)
@_options.output("table", "json", "csv")
def command(
    beta2: str,
    steps: str | None,
    means: str | None,
    samples: int,
    seed: int,
    figure: Path | None,
    form: str,
    quiet: bool,
) -> None:
    """Hold the variance of 1 / sqrt(v) against its closed form, with and without RAdam's rectification.

    Figure 8 is the closed form (2) beside its first-order approximation (5), by degrees of freedom. Figure 9 is the
    variance of simulated learning rates by step; the paper has 5,000 trajectories of 6,000 steps. Claims of the paper
    about both are recomputed.

    \b
    optbench variance
    optbench variance --beta2 0.99,0.999 --steps 5,50,500 --samples 1000
    optbench variance --figure variance.svg
    """
    from optbench import variance
    from optbench.cli import _variance, _variance_figure

    rates = _numbers("--beta2", beta2, float, lambda value: 0 < value < 1, "numbers between 0 and 1")
    at = (
        sorted(_numbers("--steps", steps, int, lambda value: value >= 1, "whole numbers from 1"))
        if steps
        else variance.STEPS
    )
    drawn = _numbers("--means", means, float, lambda value: abs(value) < 1e100, "numbers") if means else variance.MEANS
    if figure is not None:
        _variance_figure.check(figure)
    studies = [_variance.study(rate, steps=at, means=drawn, samples=samples, seed=seed) for rate in rates]
    _options.say(_variance.render(studies, form))
    if figure is not None:
        _variance_figure.draw(studies, figure)
        if not quiet:
            click.echo(f"wrote {figure}", err=True)


def _numbers(option: str, text: str, kind: type[N], fits: Callable[[N], bool], words: str) -> tuple[N, ...]:
    """Return the numbers of a list, each once."""
    found: dict[N, None] = {}
    for part in text.split(","):
        try:
            value = kind(part)
        except ValueError:
            value = None
        if value is None or not fits(value):
            raise OptbenchError(f"{option} {text}", f"give {words}, with commas between them")
        found[value] = None
    return tuple(found)
