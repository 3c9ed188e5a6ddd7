"""A profile as one HTML file that needs nothing else: the tables, and pictures as inline SVG."""

from html import escape
from typing import TYPE_CHECKING

from optbench.report import profile_svg
from optbench.report._cells import Section
from optbench.report._pages import Page
from optbench.report.profile import parts_of

if TYPE_CHECKING:
    from optbench.measure._profiled import Profile

_STYLE = """
body { font-family: sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; background: white; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
.left { text-align: left; } .failed, .warning { color: #b00; } .notes { color: #555; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
"""


def render(profile: "Profile", page: Page) -> str:
    """Return the page with its pictures."""
    title = escape(page.title)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
    ]
    for section in page.sections:
        parts.append(_section(section))
        if section.title == "time of an epoch":
            parts.append(profile_svg.epochs(profile.arms, parts_of(profile.arms)))
    if profile.scale:
        parts.append(profile_svg.growth(profile.scale))
    parts += [f'<p class="warning">Warning: {escape(line)}</p>' for line in page.warnings]
    parts.append('<ul class="notes">' + "".join(f"<li>{escape(line)}</li>" for line in page.notes) + "</ul>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _section(section: Section) -> str:
    columns = [section.first, *section.columns]
    heads = "".join(f'<th class="{c.align}">{"<br>".join(map(escape, c.heading))}</th>' for c in columns)
    rows = [
        "".join(
            f'<td class="{column.align} {cell.verdict}">{escape(cell.text)}</td>'
            for column, cell in zip(columns, cells, strict=True)
        )
        for cells in zip(*(column.cells for column in columns), strict=True)
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    title = escape(section.title[:1].upper() + section.title[1:])
    return f'<h2>{title}</h2>\n<div class="wide"><table><tr>{heads}</tr>\n{body}</table></div>'
