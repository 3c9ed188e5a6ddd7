"""The HTML report as a file: one, whole, and safe whatever names it shows. What it does is in test_html_browser."""

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from html_made_up import EVIL, PLAIN, entry, everything, four, large, tuned
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.report import html
from optbench.report.html._render import SCRIPTS, island


class Page(HTMLParser):
    """The tags of a page with their attributes, and the text inside each kind of tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts.setdefault(tag, []).append(data)

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the tags in order with the names of their attributes."""
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]

    def text(self) -> str:
        """Return all text of the body but scripts."""
        return "".join(self.texts["main"])


def data_of(page: Page) -> dict:
    return json.loads(page.texts["script"][0])


@pytest.fixture(scope="module")
def full() -> Page:
    return Page(html.render(everything(PLAIN)))


def test_the_page_is_one_file_that_asks_for_nothing(full: Page) -> None:
    for _, attributes in full.tags:
        for key in ("src", "href", "srcset", "action", "data"):
            assert (attributes.get(key) or "#").startswith(("#", "data:")), attributes
        assert not [key for key in attributes if key.startswith("on") or key == "style"]
    style = "".join(full.texts["style"])
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_runs_its_own_script_and_no_other(full: Page) -> None:
    (policy,) = [a["content"] or "" for tag, a in full.tags if a.get("http-equiv") == "Content-Security-Policy"]
    _, script = full.texts["script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_no_script_makes_markup_of_a_text() -> None:
    for name in SCRIPTS:
        text = files("optbench.report.html").joinpath(name).read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "</script"):
            assert word not in text, f"{name}: {word}"


def test_hostile_names_change_no_tag_and_no_attribute(full: Page) -> None:
    hostile = Page(html.render(everything(EVIL)))
    assert hostile.shape() == full.shape()
    assert hostile.text().count("<script>window.hacked=1</script>") > 40
    assert data_of(hostile)["chapters"][0]["arms"][0]["name"].startswith(EVIL)
    (raw,) = [t for t in hostile.texts["script"] if t.startswith("{")]
    assert "<" not in raw
    assert "49" not in hostile.texts["h1"][0]


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_any_text_comes_out_as_it_went_in(full: Page, text: str) -> None:
    page = Page(html.render(everything(text)))
    assert page.shape() == full.shape()
    assert data_of(page)["chapters"][0]["recipe"] == text


@given(
    st.recursive(st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_the_island_reads_back_and_never_ends_early(found: object) -> None:
    text = island({"found": found})
    assert not set(text) & set("<>&\u2028\u2029")
    again = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    assert again == json.loads(island(again))


def test_headings_views_and_labels(full: Page) -> None:
    titles = ["Comparison", "Learning curves", "Quality against cost", "Time of a training iteration"]
    titles += ["Memory of a training iteration", "Beside the published figures", "Tuning", "Gradients"]
    titles += ["All figures and how to read them", "Where these figures come from"]
    assert full.texts["h3"] == [*titles, *titles]  # two chapters
    names = {attributes["id"]: tag for tag, attributes in full.tags if "id" in attributes}
    assert len(names) == len([1 for _, attributes in full.tags if "id" in attributes])
    labels = [attributes["aria-labelledby"] for _, attributes in full.tags if "aria-labelledby" in attributes]
    assert set(labels) <= set(names)
    levels = [int(tag[1]) for tag, _ in full.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_what_is_not_there_leaves_no_empty_view() -> None:
    arms = [replace(each, cost=None) for each in four()]
    page = Page(html.render(html.build([entry(arms)])))
    for word in ("Time of a", "Memory of a", "Tuning", "Gradients", "Beside the published"):
        assert not any(word in title for title in page.texts["h3"])
    assert "Learning curves" in page.texts["h3"]


def test_costs_alone_make_a_report() -> None:
    found = entry(four()).comparison
    arms = tuple(replace(each, metrics={}, runs=(), statuses={}) for each in found.arms)
    alone = html.Entry(replace(found, metrics={}, primary="", seeds=(), arms=arms))
    page = Page(html.render(html.build([alone])))
    assert "Learning curves" not in page.texts["h3"]
    assert data_of(page)["chapters"][0]["time"]["parts"] == ["data", "forward", "backward", "step"]


def test_figures_and_failures_are_there_without_any_script(full: Page) -> None:
    page = Page(html.render(html.build([entry(four())], command="optbench compare tiny", created="today")))
    text = page.text()
    assert "95.23 ± 0.25" in text
    assert "shaky, seed 1: diverged, with 7 epochs recorded (shaky: the loss is NaN)" in text
    assert "+5.03 [" in text
    assert "fast:full=1" in text
    assert "1 of 3 runs diverged" in text
    assert "Scripts are off" in "".join(page.texts["noscript"])


def test_where_the_figures_come_from_is_told() -> None:
    data = html.Data("digits", "8x8 digits", "UCI", "CC BY", "ab12", {"train": 1200}, "in /data", "MNIST", "images")
    report = html.build([entry(four(), data=data, recipe_text="epochs = 8")], command="optbench compare", created="now")
    page = Page(html.render(report))
    text = page.text()
    for word in (
        "8x8 digits",
        "UCI",
        "CC BY",
        "ab12",
        "train 1,200",
        "in /data",
        "A Processor",
        "torch 2.13.0",
        "0, 1, 2",
    ):
        assert word in text
    assert "epochs = 8" in text
    assert report.stand_ins == ("tiny: digits (8x8 digits) stands in for MNIST.",)
    assert "stands in for MNIST" in text
    footer = "".join(page.texts["footer"])
    assert "optbench compare" in footer
    assert "optbench 1.2.3, now" in " ".join(footer.split())


def test_the_edge_warning_of_tuning_is_a_warning() -> None:
    (chapter,) = html.build([entry(four(), tuning=[tuned("fast", edge=True), tuned("adamw")])]).chapters
    assert chapter.tuning_warnings == ("fast: the best still lies at the edge of lr: give a larger --budget",)
    assert not any("below" in line for line in chapter.tuning_notes)
    first, second = chapter.drawn["tuning"]["arms"]
    assert (first["edges"], second["edges"]) == ({"lr": "upper"}, {})
    assert first["best"] == 2
    assert first["trials"][3] == [[1], None]
    assert first["curve"][3][:2] == [4, 90]


def test_the_same_report_is_the_same_file() -> None:
    assert html.render(everything("a")) == html.render(everything("a"))


def test_a_report_needs_an_entry() -> None:
    with pytest.raises(ValueError, match="at least one"):
        html.build([])


@pytest.fixture(scope="module")
def big() -> html.Report:
    return large()


def test_twenty_arms_five_seeds_and_two_hundred_epochs_stay_under_three_megabytes(big: html.Report) -> None:
    drawn = big.chapters[0].drawn
    assert len(drawn["arms"]) == 20
    assert {len(runs) for runs in drawn["curves"]["arms"]} == {5}
    assert drawn["curves"]["xs"][0] == list(range(1, 201))  # not thinned
    assert len(html.render(big).encode()) < 3_000_000


def walk(found: object) -> Iterator[object]:
    if isinstance(found, dict):
        for value in found.values():
            yield from walk(value)
    elif isinstance(found, (list, tuple)):
        for value in found:
            yield from walk(value)
    else:
        yield found


def test_no_number_has_more_digits_than_can_be_drawn(big: html.Report) -> None:
    numbers = [x for x in walk(big.chapters[0].drawn["curves"]) if isinstance(x, float)]
    assert numbers
    assert all(x == float(f"{x:.5g}") for x in numbers)
