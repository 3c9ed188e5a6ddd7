"""What the gradients did, in the form of the RAdam paper's Figures 2 and 3 (arXiv:1908.03265).

Above the training loss by update; below, a panel an arm, histograms of ln |g| over all elements of the gradients, one
above the other, the first update at the bottom. Zeros are not counted. A collapse of the histograms towards the left in
the first updates is what the paper's warm-up prevents.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from optbench.errors import OptbenchError
from optbench.report import _curves, _drawing
from optbench.report._curves import Array
from optbench.report._palette import styles
from optbench.report.figure import legend, panel
from optbench.results import GRADIENT_EDGES
from optbench.stats import ArmSummary, Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 30  # histograms of one panel
_OVERLAP = 2.5  # how many lines high the highest histogram is
_HEIGHT, _WIDTH = 2.4, 2.2  # inches of a row and of a panel


def draw(comparison: Comparison) -> "Figure":
    """Return the figure, of the first seed of each arm that recorded histograms.

    Raises:
        OptbenchError: no run recorded any, or matplotlib is missing.
    """
    _drawing.needed()
    recorded = [(arm, found) for arm in comparison.arms if (found := _recorded(arm))[0].size]
    if not recorded:
        raise OptbenchError(
            f"{comparison.recipe}: no run recorded its gradients", "set gradient_histograms = N in its [training]"
        )
    lines = _curves.curves(comparison, "update", _curves.LOSS)
    style = styles(arm.optimizer for arm in comparison.arms)
    low, high = _shown([counts for _, (_, counts) in recorded])
    across = len(recorded)
    with _drawing.settings():
        figure = _drawing.new(max(across * _WIDTH, 4.4), 2.25 * _HEIGHT)
        grid = figure.add_gridspec(2, across, height_ratios=[1, 1.25])
        above = figure.add_subplot(grid[0, :])
        panel(above, lines, style)
        above.set(xlabel="update", ylabel="training loss")
        _drawing.plain(above.set_title(comparison.recipe, fontsize=9))
        first = None
        for i, (arm, (updates, counts)) in enumerate(recorded):
            axes = figure.add_subplot(grid[1, i], sharey=first)
            first = first or axes
            _ridges(axes, updates, counts[:, low:high], low, style[arm.optimizer].colour)
            _drawing.plain(axes.set_title(arm.optimizer, fontsize=8))
            axes.set_xlabel("ln |g|")
            axes.tick_params(labelleft=i == 0)
        assert first is not None
        first.set_ylabel("update")
        legend(figure, [lines], style)
    return figure


def _recorded(arm: ArmSummary) -> tuple[Array, Array]:
    """Return updates (n,) and counts (n, bins) of the arm's first run that has any, `_MOST` of them evenly chosen."""
    for run in arm.runs:
        pairs = [pair for row in run.history for pair in row.get("gradients", ())]
        if pairs:
            chosen = np.unique(np.linspace(0, len(pairs) - 1, min(_MOST, len(pairs))).round().astype(int))
            kept = [pairs[i] for i in chosen]
            return np.array([pair[0] for pair in kept], dtype=float), np.array([pair[1] for pair in kept], dtype=float)
    return np.empty(0), np.empty((0, len(GRADIENT_EDGES) - 1))


def _shown(found: Sequence[Array]) -> tuple[int, int]:
    """Return the first bin to show and the one after the last: those that hold a thousandth of some histogram."""
    shares = np.concatenate(found)
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1)
    held = np.flatnonzero((shares > 1e-3).any(axis=0))
    return (int(held[0]), int(held[-1]) + 1) if held.size else (0, shares.shape[1])


def _ridges(axes: "Axes", updates: Array, counts: Array, low: int, colour: str) -> None:
    """Draw histograms (n, bins) at the height of their updates, later ones behind."""
    middles = [(GRADIENT_EDGES[low + i] + GRADIENT_EDGES[low + i + 1]) / 2 for i in range(counts.shape[1])]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    gap = (updates[-1] - updates[0]) / max(len(updates) - 1, 1) or 1.0
    heights = shares / (shares.max() or 1.0) * gap * _OVERLAP
    for i in reversed(range(len(updates))):
        base = updates[i]
        axes.fill_between(
            middles, base, base + heights[i], color=colour, alpha=0.55, linewidth=0, zorder=len(updates) - i
        )
        axes.plot(middles, base + heights[i], color="white", linewidth=0.6, zorder=len(updates) - i)
    axes.set_xlim(middles[0], middles[-1])
    axes.grid(visible=False, axis="y")
