"""Reports: the same `Comparison` in, text out. Each format is one module with a `render` function."""

from collections.abc import Mapping

from optbench.stats import Comparison

# json and csv carry an underscore so that they do not shadow the standard library's modules
_MODULES: Mapping[str, str] = {"table": "table", "json": "json_", "markdown": "markdown", "csv": "csv_"}
FORMATS = tuple(_MODULES)


def render(comparison: Comparison, form: str = "table", *, width: int | None = None, colour: bool = False) -> str:
    """Return `comparison` as text that ends with a newline.

    Args:
        comparison: what `optbench.stats.compare` returns.
        form: one of `FORMATS`.
        width: columns of the terminal, for the table; None is unlimited.
        colour: whether the table may hold ANSI colours.
    """
    from importlib import import_module

    module = import_module(f"{__name__}.{_MODULES[form]}")
    text: str = module.render(comparison, width=width, colour=colour)
    return text
