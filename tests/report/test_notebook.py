"""What a notebook shows: tables, and every name as text."""

from html.parser import HTMLParser

from making import METRICS, arm

from optbench.report import notebook
from optbench.stats import compare

NASTY = "<script>alert(1)</script>&\"'"


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.inside = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells.append(data)


def test_names_are_text_and_figures_are_in_cells() -> None:
    found = compare(
        [arm(NASTY, [90.0, 91.0]), arm("adamw", [80.0, 81.5], "baseline")], METRICS, "accuracy", recipe=NASTY
    )
    reader = Reader()
    reader.feed(notebook.render(found, f"{NASTY} wins."))
    assert "script" not in reader.tags
    assert {"table", "details", "td"} <= reader.tags
    assert NASTY in reader.cells
    assert "90.50 ± 0.71" in reader.cells
