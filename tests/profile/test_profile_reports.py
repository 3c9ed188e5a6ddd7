"""A profile's report in every format, from figures that are made up."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import made_up
import pytest

from optbench.errors import OptbenchError
from optbench.report import profile as report
from optbench.report import profile_plot, profile_svg

SVG = "{http://www.w3.org/2000/svg}"


def row(text: str, name: str) -> list[str]:
    """Return the cells of the first table line that begins with a name."""
    (line, *_) = [line for line in text.splitlines() if line.split()[:1] == [name]]
    return line.split()[1:]


def table(text: str, title: str) -> str:
    return text.partition(f"\n{title}\n")[2].partition("\n\n")[0]


def test_the_table_of_time_has_a_row_a_part_and_shares_that_add_up() -> None:
    text = table(report.render(made_up.predicting()), "time of an epoch")
    assert row(text, "forward") == ["0.500", "24.4", "0.500", "25.0"]
    assert row(text, "prediction") == ["0.050", "2.4", "–", "–"]
    assert row(text, "epoch") == ["2.050", "100.0", "2.000", "100.0"]
    parts = ("data", "forward", "backward", "step", "prediction", "evaluation")
    assert sum(float(row(text, part)[1]) for part in parts) == pytest.approx(100, abs=0.3)
    assert "my.Own" not in text


def test_the_tables_of_work_and_memory() -> None:
    text = report.render(made_up.predicting())
    steps = table(text, "an iteration and its step")
    assert row(steps, "adamw") == ["19.0", "6,737", "3.00", "3", "42.00", "28.00", "1.50x", "12.5", "0.75", "cpu"]
    assert row(steps, "my.Own") == ["–"] * 9 + ["cpu"]
    memory = table(text, "memory of a training iteration")
    cells = ["4.000", "4.000", "1000", "12.00", "8.000", "4.000", "0", "30.00", "backward", "400.0"]
    assert row(memory, "xgrad+adamw") == cells
    growth = table(text, "growth with the number of parameters")
    lines = [line.split() for line in growth.splitlines() if line.startswith("adamw")]
    assert [line[1] for line in lines] == ["1,000,000", "10,000,000", "100,000,000"]
    assert lines[2][2:] == ["280", "ms", "2.80", "0.98", "763", "MiB", "0", "B", "1.49", "GiB"]


def test_what_is_wrong_is_said() -> None:
    text = report.render(made_up.predicting())
    warnings = [line for line in text.splitlines() if line.startswith("warning: ")]
    assert warnings == [
        "warning: the machine was busy while times were measured: another <process>",
        "warning: xgrad+adamw: 12,582,912 bytes of state, where its rule predicts 8,388,608",
        "warning: my.Own: error (RuntimeError: no)",
        "warning: my.Own at 100,000,000 parameters: out of memory (its process was killed)",
    ]
    assert "warning" not in report.render(made_up.profile(made_up.arm("adamw")))


def test_what_did_not_occur_has_no_table_and_no_note() -> None:
    text = report.render(made_up.profile(made_up.broken("a"), synthetic=True))
    assert text.startswith("profile of tiny: a <test> [synthetic data]\n\nwarning: a: error (RuntimeError: no)\n")
    for absent in ("time of", "memory", "roofline", "growth", "prediction"):
        assert absent not in text
    plain = report.render(made_up.profile(made_up.arm("adamw")))
    assert "XGrad's cache" not in plain
    assert "compiled kernels" in plain


def test_a_cuda_device_has_its_own_figures() -> None:
    device = {"requested": 10, "allocated": 512, "reserved": 2048, "process": 4096}
    own = made_up.ledger(rss=None, device=device, method="CUDA allocator", buffers=64)
    text = report.render(made_up.profile(made_up.arm("a", ledger=own, step=made_up.work(device_kernels=3))))
    memory = table(text, "memory of a training iteration")
    assert row(memory, "a")[-4:] == ["10", "512", "2.000", "4.000"]
    assert memory.splitlines()[0].split()[-5:] == ["peak", "requested", "allocated", "reserved", "process"]
    assert "resident" not in text
    assert "launches: kernels that the device runs in a step" in text


def test_json_has_the_schema_and_no_number_that_is_undefined() -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    profile = made_up.predicting()
    nan = replace(profile.arms[0], samples_per_second=float("nan"))
    text = report.render(replace(profile, arms=(nan, *profile.arms[1:])), "json")
    document = json.loads(text, parse_constant=refuse)
    assert document["schema"] == "optbench.profile/1"
    assert (document["recipe"], document["settings"]["batch_size"]) == ("tiny", 128)
    assert document["measurement"]["busy"] == ["another <process>"]
    over, own, base = document["arms"]
    assert [arm["optimizer"] for arm in (over, own, base)] == ["xgrad+adamw", "my.Own", "adamw"]
    assert (over["base"], base["role"], over["samples_per_second"]) == ("adamw", "base", None)
    assert over["epoch"]["seconds"] == pytest.approx(2.05)
    assert over["epoch"]["parts"]["prediction"] == pytest.approx({"seconds": 0.05, "share": 0.05 / 2.05})
    assert sum(part["share"] for part in over["epoch"]["parts"].values()) == pytest.approx(1)
    assert (base["step"]["roofline"], base["step"]["minimum_bytes"]) == (0.75, 28 * 2**20)
    assert (over["memory"]["prediction_cache"], over["memory"]["peaks"]["forward"]) == (4 * 2**20, 29 * 2**20)
    assert (own["status"], own["epoch"], own["memory"]) == ("error", {"seconds": None, "parts": {}}, None)
    assert [point["memory_bytes"] for point in document["scale"]][:2] == [16_000_000, 20_000_000]
    assert document["scale"][-1]["step_seconds"] is None


def test_csv_has_a_line_an_arm_and_a_line_a_point() -> None:
    rows = list(csv.DictReader(io.StringIO(report.render(made_up.predicting(), "csv"))))
    assert [each["row"] for each in rows] == ["arm"] * 3 + ["scale"] * 6
    assert rows[0]["prediction_seconds"] == "0.05"
    assert rows[0]["memory_prediction_cache"] == str(4 * 2**20)
    assert rows[1]["epoch_seconds"] == ""
    assert (rows[3]["parameters"], rows[3]["state_bytes"]) == ("1000000", "8000000")


def test_markdown_has_the_same_tables() -> None:
    text = report.render(made_up.predicting(), "markdown")
    assert text.count("\n\n|") == 4
    assert "| prediction |" in text
    assert "**Warning:**" in text


class Nesting(HTMLParser):
    """Checks that elements close in the order in which they opened, and collects text by element."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attributes: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


def test_html_is_one_page_with_its_pictures() -> None:
    text = report.render(made_up.predicting(), "html")
    parser = Nesting()
    parser.feed(text)
    assert parser.open == []
    assert parser.texts["h1"] == ["profile of tiny: a <test>"]
    assert parser.texts["h2"] == [
        "Time of an epoch",
        "An iteration and its step",
        "Memory of a training iteration",
        "Growth with the number of parameters",
    ]
    assert text.count("<svg") == 2
    for outside in ("src=", "href=", "@import", "url("):
        assert outside not in text
    assert "another &lt;process&gt;" in text


def test_growth_is_drawn_where_it_belongs() -> None:
    root = ElementTree.fromstring(profile_svg.growth(made_up.points()))
    circles = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in root.iter(f"{SVG}circle")]
    assert len(circles) == 2 * (3 + 2)  # two panels; one size of my.Own failed
    (x1, y1), (x2, y2), (x3, y3) = circles[:3]
    # a tenfold size is a step of equal width, and a tenfold time one of equal height
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.11)
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.11)
    assert y1 > y2
    texts = [each.text for each in root.iter(f"{SVG}text")]
    for word in ("step, ms", "memory, MiB", "parameters", "1M", "10M", "100M", "adamw", "my.Own"):
        assert word in texts


def test_one_size_can_be_drawn_too_and_failures_alone_leave_empty_axes() -> None:
    one = profile_svg.growth(made_up.points()[:1])
    assert len(list(ElementTree.fromstring(one).iter(f"{SVG}circle"))) == 2
    none = profile_svg.growth(made_up.points()[-1:])
    assert list(ElementTree.fromstring(none).iter(f"{SVG}circle")) == []


def test_bars_are_as_long_as_their_times() -> None:
    profile = made_up.predicting()
    noisy = replace(profile.arms[0], parts={**profile.arms[0].parts, "prediction": -0.01})
    parts = report.parts_of(profile.arms)
    root = ElementTree.fromstring(profile_svg.epochs((noisy, *profile.arms[1:]), parts))
    widths = [float(r.get("width", "")) for r in root.iter(f"{SVG}rect") if r.get("height") == "20"]
    assert len(widths) == 2 * len(parts)
    forward, backward, prediction = (widths[parts.index(name)] for name in ("forward", "backward", "prediction"))
    assert backward == pytest.approx(2 * forward, abs=0.11)
    assert prediction == 0


def test_a_picture_is_svg_or_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile_plot.check_form(tmp_path / "a.svg")
    profile_plot.write(made_up.points(), tmp_path / "a.svg")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag == f"{SVG}svg"
    with pytest.raises(OptbenchError, match=r"a\.pdf: a picture is \.svg or \.png"):
        profile_plot.check_form(Path("a.pdf"))
    monkeypatch.setattr(profile_plot, "find_spec", lambda name: None)
    with pytest.raises(OptbenchError, match="needs matplotlib") as caught:
        profile_plot.check_form(Path("a.png"))
    assert "optbench[plot]" in caught.value.hint


def test_png_is_written_by_matplotlib(tmp_path: Path) -> None:
    profile_plot.check_form(tmp_path / "a.png")
    profile_plot.write(made_up.points(), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
