"""What all figures by matplotlib share: style, legends, names that stay text, files without time or machine in them."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench._files import write as write_file
from optbench.errors import OptbenchError
from optbench.report._palette import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMS = (".pdf", ".svg", ".png")
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # TrueType: text in a PDF can be searched, and publishers refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "optbench",  # ids that do not change from one writing to the next
    "savefig.dpi": 200,
}
_HANDLE, _LETTER, _LINE = 0.6, 0.06, 0.16  # inches that a legend takes: beside a label, for a letter, for a line
_METADATA: dict[str, dict[str, None]] = {
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
}


def check(path: Path) -> None:
    """Refuse a file that no figure can be written to here.

    Raises:
        OptbenchError: another suffix than those of `FORMS`, or matplotlib is missing.
    """
    if path.suffix not in FORMS:
        raise OptbenchError(f"--figure {path}: a figure is .pdf, .svg or .png", "name such a file")
    needed()


def needed() -> None:
    """Raise OptbenchError where matplotlib is missing."""
    if find_spec("matplotlib") is None:
        raise OptbenchError("a figure needs the package matplotlib", "pip install 'optbench[plot]'")


def new(width: float, height: float) -> "Figure":
    """Return an empty figure, its sides in inches, that a notebook shows by itself; call it within `settings`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that shows itself in a notebook, although pyplot knows nothing of it."""

        def _repr_png_(self) -> bytes:
            return content(self, ".png")

    figure = Shown(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@contextlib.contextmanager
def settings() -> Iterator[None]:
    """Have matplotlib's settings be ours, whatever the user's own are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def write(figure: "Figure", path: Path) -> None:
    """Write a figure, whole or not at all, in the form that the file's suffix says."""
    write_file(path, content(figure, path.suffix))


def content(figure: "Figure", form: str) -> bytes:
    """Return a figure as the bytes of a file of one of `FORMS`."""
    found = io.BytesIO()
    with settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font lacks is a box
        figure.savefig(found, format=form[1:], metadata=_METADATA[form])
    return found.getvalue()


def plain(text: Any) -> None:
    """Show a text as it is: dollar signs of a name are no mathematics."""
    text.set_parse_math(False)


def legend(figure: "Figure", handles: Sequence[Any], labels: Sequence[str], title: str) -> None:
    """Put a legend below everything in a figure, its labels as plain text; the figure grows by what it takes."""
    # matplotlib leaves labels out that begin with an underscore
    shown = [f" {label}" if label.startswith("_") else label for label in labels]
    width, height = figure.get_size_inches()
    columns = max(1, min(len(shown), int(width / (_HANDLE + _LETTER * max(map(len, shown), default=1)))))
    lines = math.ceil(len(shown) / columns) + bool(title)
    figure.set_size_inches(width, height + _LINE * lines)
    found = figure.legend(handles, shown, title=title or None, ncols=columns, fontsize=7, loc="outside lower center")
    found.get_title().set_fontsize(7)
    for text in found.get_texts():
        plain(text)


def line(style: Style) -> Any:
    """Return how matplotlib names a style's dashes."""
    return (0, style.dash) if style.dash else "-"
