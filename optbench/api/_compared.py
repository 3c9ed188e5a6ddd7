"""What `optbench.compare` returns: the comparison with everything that can be made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from optbench.overlay import Overlay
    from optbench.recipe import Recipe
    from optbench.results import RunResult
    from optbench.stats import Comparison

_TEXTS = {".md": "markdown", ".json": "json", ".csv": "csv", ".tex": "latex", ".txt": "table"}


@dataclass(frozen=True, repr=False)
class Compared:
    """Optimizers on a recipe, compared. A notebook shows it as tables.

    Attributes:
        comparison: every figure, as `optbench.stats` found it.
        recipe: as it was run.
        overlay: the paper's figures beside ours, where the recipe reproduces some.
        call: what was called, for the report.
        data_root: folder in which data were looked for first.
    """

    comparison: "Comparison"
    recipe: "Recipe"
    overlay: "Overlay | None" = None
    call: str = ""
    data_root: Path | None = None

    @property
    def optimizers(self) -> list[str]:
        """The arms, best first by the primary metric, those that failed last."""
        return [arm.optimizer for arm in self.comparison.arms]

    @property
    def runs(self) -> "dict[str, tuple[RunResult, ...]]":
        """The runs of each arm in the order of the seeds, with their histories."""
        return {arm.optimizer: arm.runs for arm in self.comparison.arms}

    @property
    def verdict(self) -> str:
        """What came out, in one sentence."""
        from optbench.report.html import verdict

        return verdict(self.comparison)

    @property
    def verdicts(self) -> dict[str, dict[str, str]]:
        """By arm and baseline, the verdict on the primary metric; empty where there is none (one seed, no training)."""
        primary = self.comparison.primary
        return {
            arm.optimizer: {
                base: found.verdict for base, found in arm.metrics[primary].difference.items() if found.verdict
            }
            for arm in self.comparison.arms
            if primary
        }

    def values(self, metric: str | None = None) -> dict[str, tuple[float | None, ...]]:
        """Return a metric of each arm by seed, None where a run did not finish.

        Args:
            metric: one of `comparison.metrics`; None means the primary one.

        Raises:
            OptbenchError: there is no such metric.
        """
        from optbench.errors import nearest

        known = self.comparison.metrics
        name = metric or self.comparison.primary
        if name not in known:
            hint = nearest(name, known) or f"the metrics are {', '.join(known) or 'none: nothing was trained'}"
            raise OptbenchError(f"unknown metric '{name}'", hint)
        return {arm.optimizer: arm.metrics[name].per_seed for arm in self.comparison.arms}

    def table(self, form: str = "table", *, width: int | None = None) -> str:
        """Return the report as text.

        Args:
            form: table, markdown, latex, csv or json, as `optbench compare --format`.
            width: columns to fit the table into; None is unlimited.

        Raises:
            OptbenchError: there is no such form.
        """
        from optbench.report import FORMATS, published, render

        if form not in FORMATS:
            raise OptbenchError(f"unknown form '{form}'", f"the forms are {', '.join(FORMATS)}")
        return published.joined(render(self.comparison, form, width=width), self.overlay, form, width)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data: the object of schema `optbench.compare/1` (README, section JSON)."""
        import json

        found: dict[str, Any] = json.loads(self.table("json"))
        return found

    def plot(self, y: str | None = None, x: str = "epoch") -> "Figure":
        """Return learning curves as a matplotlib figure.

        Args:
            y: a metric, None for the primary one; ``loss``, the training loss; or ``gradients``, their histograms.
            x: epoch, update or second.

        Raises:
            OptbenchError: there is nothing to draw, or matplotlib is missing.
        """
        from optbench.report import figure

        if x not in figure.AXES:
            raise OptbenchError(f"curves do not go by '{x}'", f"choose {', '.join(figure.AXES)}")
        return figure.draw([self.comparison], x, y)

    def to_html(self) -> str:
        """Return the report to look at, one self-contained page: curves, tables, costs, provenance."""
        from optbench.cli._sheets import Sheet, html

        return html([Sheet(self.comparison, self.recipe, self.overlay)], self.call, self.data_root)

    def save(self, path: str | Path) -> Path:
        """Write the report or its figure, whole or not at all, and return the path.

        Args:
            path: its suffix says the form: .html, .md, .json, .csv, .tex, .txt; .pdf, .svg or .png for the curves.

        Raises:
            OptbenchError: for another suffix, or a file that cannot be written.
        """
        from optbench._files import write
        from optbench.report import figure

        path = Path(path)
        if path.suffix in figure.FORMS:
            figure.write(self.plot(), path)
        elif path.suffix == ".html":
            write(path, self.to_html().encode())
        elif path.suffix in _TEXTS:
            write(path, self.table(_TEXTS[path.suffix]).encode())
        else:
            known = ", ".join([".html", *_TEXTS, *figure.FORMS])
            raise OptbenchError(f"{path}: its form is not known", f"name a file with one of {known}")
        return path

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<optbench.Compared on {self.comparison.recipe}: {', '.join(self.optimizers)}>"

    def _repr_html_(self) -> str:
        from optbench.report import notebook

        return notebook.render(self.comparison, self.verdict)

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, str]:
        return {"text/plain": self.table(), "text/html": self._repr_html_()}
