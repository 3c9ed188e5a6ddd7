"""The HTML report in a headless Chromium: what a reader sees, presses and points at."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from html_made_up import EVIL, PLAIN, entry, everything, four, large, wild
from PIL import Image, ImageStat
from playwright.sync_api import Browser, Page, sync_playwright

from optbench.report import html

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        message = "no Chromium: apt-get install --no-install-recommends chromium-headless-shell"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the reports that the tests open."""
    folder = tmp_path_factory.mktemp("reports")
    reports = {
        "four": html.build([entry(four())]),
        "wild": html.build([entry([*four(), wild()])]),
        "full": everything(PLAIN),
        "evil": everything(EVIL),
        "large": large(),
    }
    for name, report in reports.items():
        (folder / f"{name}.html").write_text(html.render(report), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in reports}


@pytest.fixture
def open_(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Open a report; at the end, whatever the browser complained of or asked the network for fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(name: str, width: int = 1400, scheme: str = "light", **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith("file:") else complaints.append(asked.url))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(files[name].as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def rows(page: Page) -> list[str]:
    """Return the optimizers of the comparison in the order of its rows."""
    return page.locator(".compare tbody .name").all_inner_texts()


def chart(page: Page, number: int, view: str = "curves"):
    return page.locator(f"[data-view={view}] svg[role=img]").nth(number)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 1400])
@pytest.mark.parametrize("name", ["full", "large"])
def test_it_shows_something_and_fits_the_screen(open_: Open, name: str, width: int, scheme: str) -> None:
    page = open_(name, width, scheme)
    for seen in (picture(page.screenshot()), picture(chart(page, 0).screenshot())):
        brightness = ImageStat.Stat(seen.convert("L"))
        assert (brightness.median[0] > 200) == (scheme == "light")
        assert brightness.stddev[0] > 8
    assert len(seen.getcolors(maxcolors=1 << 20)) > 200  # lines in colour, and not text alone
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for drawn in page.locator(".view .chart svg").all():
        assert drawn.bounding_box()["width"] > 200


def test_every_view_draws(open_: Open) -> None:
    page = open_("full")
    for view, what in {
        "compare": "tbody tr",
        "curves": "path.line",
        "pareto": "circle",
        "time": "rect.part",
        "memory": "rect.part",
        "tuning": "circle",
        "gradients": "svg[role=img] path",
    }.items():
        assert page.locator(f"[data-view={view}] {what}").count() > 2, view


def test_the_toggle_changes_light_and_dark(open_: Open) -> None:
    page = open_("four")
    ground = "getComputedStyle(document.body).backgroundColor"
    line = "getComputedStyle(document.querySelector('path.line')).stroke"
    before = page.evaluate(ground), page.evaluate(line)
    page.focus("#theme")
    page.keyboard.press("Enter")
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    after = page.evaluate(ground), page.evaluate(line)
    assert before[0] == "rgb(255, 255, 255)"
    assert all(a != b for a, b in zip(before, after, strict=True))
    page.click("#theme")
    assert (page.evaluate(ground), page.evaluate(line)) == before


def test_columns_sort_both_ways_and_failures_stay_last(open_: Open) -> None:
    page = open_("four")
    assert rows(page) == ["fast", "adamw", "shaky", "lost"]  # as ranked: failures last
    head = page.locator(".compare th[data-key=accuracy]")
    head.locator("button").click()
    assert rows(page) == ["fast", "adamw", "shaky", "lost"]
    assert page.get_attribute(".compare th[data-key=accuracy]", "aria-sort") == "descending"
    page.keyboard.press("Enter")  # the heading keeps the focus
    assert rows(page) == ["shaky", "adamw", "fast", "lost"]
    assert page.get_attribute(".compare th[data-key=accuracy]", "aria-sort") == "ascending"
    page.click(".compare th[data-key=name] button")
    assert rows(page) == ["adamw", "fast", "lost", "shaky"]
    page.click(".compare th[data-key=overhead] button")
    assert rows(page)[-1] == "fast"  # the slowest step


def test_another_baseline_has_its_own_differences(open_: Open) -> None:
    page = open_("four")
    cell = ".compare tr:has-text('adamw') td:nth-child(4)"
    assert page.inner_text(cell) == "–"
    assert page.inner_text(".compare tr:has-text('fast') td:nth-child(4)").startswith("+5.03 [")
    assert page.locator(".compare tr:has-text('fast') svg.bar").count() == 2
    page.select_option(".compare select", label="fast")
    assert page.inner_text(cell).startswith("−5.03 [")
    assert "worse" in page.inner_text(".compare tr:has-text('adamw') td:nth-child(5)")
    assert "of your choice" in page.inner_text(".compare .note >> nth=-1")
    page.click(".compare .choice button:has-text('cross-entropy')")
    assert page.inner_text(cell).startswith("+0.0503 [")


def test_the_legend_switches_optimizers_on_and_off_everywhere(open_: Open) -> None:
    page = open_("four")
    lines = chart(page, 0).locator("path.line")
    bars = page.locator("[data-view=time] rect.part")
    assert (lines.count(), bars.count()) == (3, 16)
    page.focus(".legend button:has-text('fast')")
    page.keyboard.press("Space")
    assert page.get_attribute(".legend button:has-text('fast')", "aria-pressed") == "false"
    assert (lines.count(), bars.count()) == (2, 12)
    page.click(".legend button:has-text('none')")
    assert (lines.count(), bars.count()) == (0, 0)
    page.click(".legend button:has-text('shaky')")
    assert lines.count() == 1
    page.click(".legend button:has-text('all')")
    page.click(".legend button:has-text('adamw')", modifiers=["Alt"])
    assert (lines.count(), bars.count()) == (1, 4)


def ticks(page: Page, number: int) -> list[float]:
    """Return the numbers at the y axis of a chart."""
    texts = chart(page, number).locator("text[text-anchor=end]").all_text_contents()
    return [float(text.replace("−", "-").replace(",", "")) for text in texts]


def test_diverged_runs_do_not_wreck_the_axes(open_: Open) -> None:
    page = open_("four")
    ghosts = chart(page, 0).locator("path.ghost")
    assert ghosts.count() == 4  # one of shaky, three of lost
    for scale in ("log", "linear"):
        assert 0.001 < max(ticks(page, 0)) < 5, scale  # their losses went to 1e6
        page.locator("[data-view=curves] button.log").first.click()
    page.click("[data-view=curves] button:has-text('everything')")
    assert max(ticks(page, 0)) < 5
    # their crosses are at the edge, inside the picture
    area = chart(page, 0).bounding_box()
    for cross in chart(page, 0).locator("> path").all():
        box = cross.bounding_box()
        assert area["y"] <= box["y"] <= area["y"] + area["height"]
    assert page.locator(".failures li").count() == 4
    page.click(".legend button:has-text('none')")
    page.click(".legend button:has-text('lost')")
    assert max(ticks(page, 0)) >= 1000  # alone, it is shown as it is


def test_an_arm_far_from_the_others_is_left_beyond_the_axis_and_named(open_: Open) -> None:
    page = open_("wild")
    for _ in ("log", "linear"):
        assert max(ticks(page, 0)) < 5
        assert page.inner_text("[data-view=curves] .cut >> nth=0") == "Partly beyond the axis: wild"
        page.locator("[data-view=curves] button.log").first.click()
    page.click("[data-view=curves] button:has-text('everything')")
    assert max(ticks(page, 0)) > 1e8


def test_curves_go_by_epoch_update_and_second(open_: Open) -> None:
    page = open_("four")
    seen = []
    for axis in ("epoch", "update", "second"):
        page.click(f"[data-view=curves] button[data-value={axis}]")
        assert page.get_attribute(f"[data-view=curves] button[data-value={axis}]", "aria-pressed") == "true"
        seen.append(chart(page, 0).locator("path.line").first.get_attribute("d"))
    by_epoch, by_update, by_second = seen
    assert by_epoch.count("L") == by_second.count("L") == 7
    assert by_update.count("L") == 79  # ten losses an epoch
    assert chart(page, 0).locator("path.band").count() == 3  # lost has none
    page.click("[data-view=curves] button[data-value=each]")
    assert chart(page, 0).locator("path.band").count() == 0
    assert chart(page, 0).locator("path.seed").count() == 8


def test_values_show_at_the_pointer_and_by_the_arrow_keys(open_: Open) -> None:
    page = open_("four")
    accuracy = chart(page, 1)
    accuracy.scroll_into_view_if_needed()
    accuracy.hover(position={"x": accuracy.bounding_box()["width"] - 16, "y": 100})
    tip = page.locator("#tip")
    assert tip.locator(".head").inner_text() == "epoch 8"
    names = tip.locator("div span:nth-of-type(1)").all_inner_texts()
    assert names == ["fast", "adamw", "shaky"]  # the best first; what is cut off by the axis too
    assert tip.locator("div span:nth-of-type(2)").first.inner_text() == "95.16 (94.93 to 95.43)"
    page.mouse.move(2, 2)
    assert tip.is_hidden()
    accuracy.focus()
    page.keyboard.press("ArrowLeft")
    assert tip.locator(".head").inner_text() == "epoch 7"
    page.keyboard.press("ArrowLeft")
    assert tip.locator(".head").inner_text() == "epoch 6"
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_the_front_is_marked(open_: Open) -> None:
    page = open_("four")
    assert "on the front: adamw, fast" in chart(page, 0, "pareto").get_attribute("aria-label")
    assert chart(page, 0, "pareto").locator(".front-point").count() == 2
    assert "on the front: adamw, fast" in chart(page, 1, "pareto").get_attribute("aria-label")


def test_the_edge_of_a_search_is_marked(open_: Open) -> None:
    page = open_("full")
    rings = chart(page, 0, "tuning").locator("circle[r='8']").all()
    assert [ring.get_attribute("stroke-dasharray") for ring in rings] == ["3 3", None]
    assert "still lies at the edge of lr" in page.inner_text("[data-view=tuning] .warnings >> nth=0")


def test_hostile_names_are_text(open_: Open) -> None:
    page = open_("evil")
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    assert rows(page)[0].startswith("<script>window.hacked=1</script>")
    page.click(".legend button >> nth=0")
    page.click(".compare th[data-key=name] button >> nth=0")
    chart(page, 0).hover(position={"x": 200, "y": 100})
    assert "<img src=x onerror=window.hacked=1>" in page.inner_text("#tip")
    assert page.evaluate("window.hacked") is None


def test_without_scripts_the_figures_are_there(open_: Open) -> None:
    page = open_("four", java_script_enabled=False)
    assert page.locator("details.tables table").first.is_visible()
    assert page.locator("#theme").is_hidden()
    assert "95.23 ± 0.25" in page.inner_text("details.tables")


def test_a_large_report_answers(open_: Open) -> None:
    page = open_("large")
    assert len(rows(page)) == 20
    lines = chart(page, 0).locator("path.line")
    assert lines.count() == 20
    page.click("[data-view=curves] button[data-value=update]")
    page.click(".legend button >> nth=3")
    assert lines.count() == 19
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_function("document.querySelector('[data-view=curves] svg[role=img]').viewBox.baseVal.width < 700")
