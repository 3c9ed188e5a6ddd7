"""Markdown, for an issue or a README: the terminal's tables as pipe tables, the lines below as a list."""

from collections.abc import Sequence

from optbench.report._cells import Column
from optbench.report._pages import Page


def render(pages: Sequence[Page]) -> str:
    """Return the pages as Markdown with a final newline."""
    return "\n\n".join(map(_page, pages)) + "\n"


def _page(page: Page) -> str:
    parts = [f"**{_escape(page.title)}**"]
    for section in page.sections:
        parts += [_escape(f"{section.title[0].upper()}{section.title[1:]}:")] if section.title else []
        parts.append(_table([section.first, *section.columns]))
    lines = [f"**Warning:** {_escape(line)}" for line in page.warnings] + [_escape(line) for line in page.notes]
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in lines)] if lines else parts)


def _table(columns: Sequence[Column]) -> str:
    from tabulate import tabulate

    heads = [_escape(" ".join(column.heading).strip()) for column in columns]
    rows = zip(*([_escape(cell.text) for cell in column.cells] for column in columns), strict=True)
    aligns = [column.align for column in columns]
    text: str = tabulate(list(rows), heads, tablefmt="pipe", colalign=aligns, disable_numparse=True)
    return text


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
