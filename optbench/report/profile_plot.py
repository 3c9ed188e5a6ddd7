"""The picture of growth as a file: SVG by our own means, PNG by matplotlib (extra `plot`)."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.errors import OptbenchError
from optbench.report import profile_svg

if TYPE_CHECKING:
    from optbench.measure.scale import ScalePoint


def check_form(path: Path) -> None:
    """Refuse a file that no picture can be written to here.

    Raises:
        OptbenchError: another suffix than .svg and .png, or .png without matplotlib.
    """
    if path.suffix not in (".svg", ".png"):
        raise OptbenchError(f"--plot {path}: a picture is .svg or .png", "name such a file")
    if path.suffix == ".png" and find_spec("matplotlib") is None:
        raise OptbenchError(f"--plot {path} needs matplotlib", "install optbench[plot], or name an .svg file")


def write(points: Sequence["ScalePoint"], path: Path) -> None:
    """Write step time and memory over the number of parameters, in the form that the file's suffix says."""
    if path.suffix == ".svg":
        path.write_text(profile_svg.growth(points), encoding="utf-8")
    else:
        _write_png(points, path)


def _write_png(points: Sequence["ScalePoint"], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, (title, pick) in zip(figure.subplots(1, 2), profile_svg.QUANTITIES, strict=True):
        lines = profile_svg.series(points, pick)
        for i, (name, line) in enumerate(lines.items()):
            colour = profile_svg.COLOURS[i % len(profile_svg.COLOURS)]
            axes.loglog(*zip(*line, strict=True), "o-", label=name, color=colour)
        if lines:
            across, up = profile_svg.decades_of(list(lines.values()))
            axes.set(xlim=[10**end for end in across], ylim=[10**end for end in up])
            axes.legend()
        axes.set(title=title, xlabel="parameters")
        axes.grid(visible=True, color="#ddd")
    FigureCanvasAgg(figure).print_figure(path, format="png", dpi=150)
