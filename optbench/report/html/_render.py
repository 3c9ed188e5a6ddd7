"""From what a report shows to its page: Jinja2 with autoescape, and figures as JSON that no name can break out of."""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from optbench.errors import OptbenchError
from optbench.report._palette import COLOURS, DARK
from optbench.report.html._types import Report
from optbench.results import finite

if TYPE_CHECKING:
    from jinja2 import Template

STYLE = "report.css"
SCRIPTS = ("base.js", "chart.js", "table.js", "curves.js", "views.js", "main.js")
"""In the order in which the page has them: one script."""
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(report: Report) -> str:
    """Return a report as one HTML file.

    The page may run this script and no other, and may fetch nothing: its Content-Security-Policy says so.

    Raises:
        OptbenchError: the package jinja2 is missing.
    """
    style, script = _asset(STYLE), "".join(map(_asset, SCRIPTS))
    policy = f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    data = {
        "styles": report.styles,
        "parts": tuple(zip(COLOURS, DARK, strict=True)),
        "chapters": [chapter.drawn for chapter in report.chapters],
    }
    return _template().render(report=report, policy=policy, style=style, script=script, data=island(data)) + "\n"


def island(found: Mapping[str, Any]) -> str:
    """Return a document as JSON that can stand in a script element: it has no `<`, `>` or `&`, so nothing ends it."""
    text = json.dumps(finite(found), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


@functools.cache
def _template() -> "Template":
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise OptbenchError("an HTML report needs the package jinja2", "pip install jinja2") from error
    environment = Environment(
        loader=PackageLoader("optbench.report", "html"),
        autoescape=True,  # whatever the file's name ends in
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _asset(name: str) -> str:
    return files("optbench.report.html").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """Return how a Content-Security-Policy names a text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
