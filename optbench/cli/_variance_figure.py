"""What `optbench variance --figure` draws, by matplotlib (extra `plot`). No torch."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optbench import variance
from optbench.cli._variance import Study
from optbench.errors import OptbenchError

PICTURES = (".svg", ".png", ".pdf")


def check(path: Path) -> None:
    """Refuse a file that no picture can be written to, before anything is computed.

    Raises:
        OptbenchError: another suffix, no such folder, or no matplotlib.
    """
    if path.suffix not in PICTURES:
        raise OptbenchError(f"--figure {path}: a picture is {', '.join(PICTURES)}", "name such a file")
    if not path.parent.is_dir():
        raise OptbenchError(f"--figure {path}: there is no folder {path.parent}", "make it first")
    if find_spec("matplotlib") is None:
        raise OptbenchError(f"--figure {path} needs the package matplotlib", "pip install 'optbench[plot]'")


def draw(studies: Sequence[Study], path: Path) -> None:
    """Draw Figure 8, and Figure 9 for every beta2: lines are closed forms, marks are simulated."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * (1 + len(studies)), 4.2), layout="constrained")
    FigureCanvasAgg(figure)  # so that nothing looks for a display
    first, *others = figure.subplots(1, 1 + len(studies))
    rhos = range(5, 501)
    exact, near = [variance.analytic(rho) for rho in rhos], [variance.first_order(rho) for rho in rhos]
    first.loglog(rhos, exact, label="analytic (2)")
    first.loglog(rhos, near, "--", label="first order (5)")
    first.loglog(rhos, [b - a for a, b in zip(exact, near, strict=True)], ":", label="difference")
    first.set(title="Figure 8", xlabel="rho", ylabel="variance")
    for axes, found in zip(others, studies, strict=True):
        _draw_study(axes, found)
    for axes in (first, *others):
        axes.legend(fontsize="small")
        axes.grid(visible=True, color="#ddd")
    figure.savefig(path)


def _draw_study(axes: Any, found: Study) -> None:
    known = [each for each in found.steps if each.analytic is not None]
    axes.loglog([each.step for each in known], [each.analytic for each in known], "k-", label="analytic")
    for i, mu in enumerate(found.means):
        drawn = found.of(mu)
        axes.loglog([each.step for each in drawn], [each.ema for each in drawn], "o", color=f"C{i}", label=f"mu {mu:g}")
        fixed = [each for each in drawn if each.rectified is not None]
        axes.loglog([each.step for each in fixed], [each.rectified for each in fixed], "x--", color=f"C{i}")
    axes.set(title=f"Figure 9, beta2 {found.beta2:g}: o as it is, x rectified", xlabel="step", ylabel="variance")
