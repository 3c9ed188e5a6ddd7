"""Reports: the same `Comparison` in, text out. Each format is one module; tables and Markdown share their pages."""

from collections.abc import Sequence

from optbench.stats import Comparison

FORMATS = ("table", "json", "markdown", "csv", "latex")


def render(comparison: Comparison, form: str = "table", *, width: int | None = None, colour: bool = False) -> str:
    """Return `comparison` as text that ends with a newline.

    Args:
        comparison: what `optbench.stats.compare` returns.
        form: one of `FORMATS`.
        width: columns of the terminal, for the table; None is unlimited.
        colour: whether the table may hold ANSI colours.
    """
    # json and csv carry an underscore so that they do not shadow the standard library's modules
    if form == "json":
        from optbench.report import json_

        return json_.render(comparison)
    return _text([comparison], form, width, colour)


def render_several(
    comparisons: Sequence[Comparison], form: str = "table", *, width: int | None = None, colour: bool = False
) -> str:
    """Return the comparisons of several recipes as one text; see `render`.

    Those without quality become tables over all recipes: rows optimizers, columns recipes.
    """
    if form == "json":
        from optbench.report import json_

        return json_.render_several(comparisons)
    return _text(comparisons, form, width, colour)


def _text(comparisons: Sequence[Comparison], form: str, width: int | None, colour: bool) -> str:
    if form == "csv":
        from optbench.report import csv_

        return csv_.render(comparisons)
    if form == "latex":
        from optbench.report import latex

        return latex.render(comparisons)
    from optbench.report import markdown, table
    from optbench.report._pages import page, pages

    found = [page(comparisons[0])] if len(comparisons) == 1 else pages(comparisons)
    return markdown.render(found) if form == "markdown" else table.render(found, width=width, colour=colour)
