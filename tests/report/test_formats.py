import csv
import io
import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import METRICS, arm
from priced import MACHINE, MIB, SETTINGS, cost, ledger, measurement

from optbench.report import FORMATS, render
from optbench.stats import ArmResult, Comparison, compare


def made(*arms: ArmResult, **changes) -> Comparison:
    costs = [each.cost for each in arms if each.cost]
    values = {"recipe": "tiny", "settings": SETTINGS, "machine": MACHINE}
    values["measurement"] = measurement(*costs) if costs else None
    return compare(arms, METRICS, "accuracy", **(values | changes))


@pytest.fixture
def three() -> Comparison:
    return made(
        arm("new:lr=0.1", [99.0, 98.0, 99.1], price=cost("new:lr=0.1", 4e-4)),
        arm("adamw", [97.0, 97.5, 97.2], "baseline", cost("adamw", 2e-4)),
        arm("shaky", [99.0, None, 90.0], price=cost("shaky", 2e-4)),
    )


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_every_arm_and_ends_its_last_line(three: Comparison, form: str) -> None:
    text = render(three, form)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    for name in ("new:lr=0.1", "adamw", "shaky", "diverged"):
        assert name in text


def test_the_table_of_quality_is_this_text(three: Comparison) -> None:
    assert render(three).split("\n\n")[1].splitlines() == [
        "                             seeds              accuracy %",
        "optimizer     accuracy %  finished             minus adamw    cross-entropy",
        "──────────  ────────────  ────────  ──────────────────────  ───────────────",
        "new:lr=0.1  98.70 ± 0.61    3 of 3  +1.47 [ -0.62,  +3.55]  0.5000 ± 0.0000",
        "adamw       97.23 ± 0.25    3 of 3                       –  0.5000 ± 0.0000",
        "shaky       94.50 ± 6.36    2 of 3  -2.60 [-61.05, +55.85]  0.5000 ± 0.0000",
    ]


def test_verdicts_have_a_table_with_a_column_for_each_metric_and_baseline(three: Comparison) -> None:
    title, metrics, baselines, _, *lines = render(three).split("\n\n")[2].splitlines()
    assert title == "verdict at 3 seeds"
    assert metrics.split("  ")[-1] == "cross-entropy"
    assert baselines.count("against adamw") == 2
    verdicts = {line.split()[0]: line for line in lines}
    assert "not distinguishable (" in verdicts["new:lr=0.1"]
    assert verdicts["adamw"].split() == ["adamw", "–", "–"]


def test_a_target_has_a_table() -> None:
    history = [{"epoch": e, "seconds": 0.5, "test": {"accuracy": 50.0 * e, "cross_entropy": 1.0}} for e in (1, 2)]
    runs = tuple(replace(run, history=tuple(history)) for run in arm("new", [99.0, 99.0]).runs)
    text = render(made(ArmResult("new", "arm", "cpu", runs), target=("accuracy", 97.0)))
    title, *_, line = text.split("\n\n")[2].splitlines()
    assert title == "training until accuracy % reaches 97"
    assert re.split(" {2,}", line) == ["new", "2 of 2", "2", "1 s"]


def test_table_tells_what_was_compared_and_what_went_wrong(three: Comparison) -> None:
    text = render(three)
    assert "3 seeds (0 to 2): mean ± standard deviation; differences paired by seed with their 95 % interval" in text
    assert "data digits, 2 epochs, 1 thread, protocol standard" in text
    assert "A Processor, 2 cores, 24 GiB, torch 2.13.0" in text
    assert "accuracy %: higher is better; cross-entropy: lower is better" in text
    assert "shaky: 1 of 3 runs diverged, its figures are over the other 2 (the loss is NaN at epoch 3)" in text


def test_one_seed_says_that_there_is_no_interval() -> None:
    text = render(made(arm("new", [99.0]), arm("adamw", [98.0], "baseline")))
    assert "no spread and no interval with one seed" in text
    assert "+1.00" in text
    assert "[" not in text


@pytest.mark.parametrize("width", [30, 60, 80, 100, 200])
def test_a_narrow_terminal_breaks_no_number_and_loses_no_column(three: Comparison, width: int) -> None:
    def tables(text: str) -> str:
        return text.partition("\nwarning: ")[0]

    wide, narrow = tables(render(three)), tables(render(three, width=width))
    cells = re.findall(r"[+-]?\d+\.\d+(?: ± \d+\.\d+| \[[^]]+\]|x)?", wide)
    assert len(cells) > 40
    assert all(narrow.count(cell) >= wide.count(cell) for cell in cells)
    # a single column may be wider than the terminal: then it stands alone
    for table in narrow.strip().split("\n\n")[1:]:
        lines = table.splitlines()
        rule = next(i for i, line in enumerate(lines) if set(line) <= {"─", " "})
        assert max(map(len, lines[rule:])) <= width or len(lines[rule].split()) == 2


def test_colour_only_where_asked_for(three: Comparison) -> None:
    assert "\x1b" not in render(three)
    coloured = render(three, colour=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render(three)
    assert "\x1b[31mshaky\x1b[0m" in coloured  # diverged
    assert "\x1b[31m+6.23 [" in coloured  # takes longer than the baseline


def test_colours_follow_the_verdict() -> None:
    better = made(arm("new", [99.0, 99.1, 99.2]), arm("adamw", [97.0, 97.1, 97.3], "baseline"))
    worse = made(arm("new", [90.0, 90.1, 90.2]), arm("adamw", [97.0, 97.1, 97.3], "baseline"))
    assert "\x1b[32m+1.97 [" in render(better, colour=True)
    assert "\x1b[31m-7.03 [" in render(worse, colour=True)


def test_json_has_the_schemas_keys_and_only_finite_numbers(three: Comparison) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    found = json.loads(render(three, "json"), parse_constant=refuse)
    assert found["schema"] == "optbench.compare/1"
    assert (found["recipe"], found["primary"], found["machine"]) == ("tiny", "accuracy", MACHINE)
    assert found["metrics"] == {
        "accuracy": {"unit": "percent", "direction": "higher"},
        "cross_entropy": {"unit": "nats", "direction": "lower"},
    }
    by_name = {a["optimizer"]: a for a in found["arms"]}
    new = by_name["new:lr=0.1"]
    assert (new["role"], new["status"], new["executor"]) == ("arm", "ok", "cpu")
    assert new["metrics"]["accuracy"]["per_seed"] == [99.0, 98.0, 99.1]
    assert new["metrics"]["accuracy"]["mean"] == pytest.approx(98.7)
    assert set(new["metrics"]["accuracy"]["difference"]) == {"adamw"}
    assert {"value", "low", "high", "verdict"} <= set(new["metrics"]["accuracy"]["difference"]["adamw"])
    assert by_name["shaky"]["metrics"]["accuracy"]["per_seed"] == [99.0, None, 90.0]


def test_json_has_the_costs(three: Comparison) -> None:
    found = json.loads(render(three, "json"))
    new, adamw = (next(a for a in found["arms"] if a["optimizer"] == name) for name in ("new:lr=0.1", "adamw"))
    # 100 iterations of 3.41 ms, in the median launch 1 % more
    assert new["epoch_seconds"]["median"] == pytest.approx(0.341 * 1.01)
    assert new["epoch_seconds"]["ratio"]["adamw"] == pytest.approx(3.41 / 3.21)
    assert adamw["epoch_seconds"]["ratio"] == {"adamw": 1.0}
    assert new["step_ratio"]["adamw"]["value"] == pytest.approx(2.0)
    assert new["overhead"]["adamw"]["value"] == pytest.approx(0.2 / 3.21)
    assert new["iteration_ratio"]["adamw"]["launches"] == 3
    assert adamw["overhead"] == {"adamw": None}
    assert list(new["phases"]) == ["data", "forward", "backward", "step", "iteration"]
    assert new["phases"]["step"]["low"] < new["phases"]["step"]["value"] < new["phases"]["step"]["high"]
    assert (new["peak_memory_bytes"], new["state_bytes"]) == (3 * MIB, 300 * 2**10)
    assert new["memory"]["peaks"] == ledger().peaks
    assert new["prediction"] is None
    assert (found["measurement"]["launches"], found["measurement"]["synthetic"]) == (3, False)
    assert found["noise_floor"] is None


def test_json_without_costs_has_nulls() -> None:
    found = json.loads(render(made(arm("new", [99.0, 98.0]), arm("adamw", [98.0, 97.0], "baseline")), "json"))
    assert found["measurement"] is None
    new = found["arms"][0]
    assert new["epoch_seconds"]["median"] is None
    assert (new["memory"], new["peak_memory_bytes"], new["phases"]) == (None, None, {})
    assert new["state_bytes"] == 2048  # the runs know it


def test_json_of_one_seed_has_nulls() -> None:
    found = json.loads(render(made(arm("new", [math.nan]), arm("adamw", [98.0], "baseline")), "json"))
    accuracy = {a["optimizer"]: a["metrics"]["accuracy"] for a in found["arms"]}
    assert accuracy["new"]["mean"] is None
    assert {accuracy["new"]["difference"]["adamw"][key] for key in ("value", "low", "high", "verdict")} == {None}
    assert accuracy["adamw"]["std"] is None


def test_csv_reads_back_and_leaves_undefined_numbers_empty(three: Comparison) -> None:
    rows = {row["optimizer"]: row for row in csv.DictReader(io.StringIO(render(three, "csv")))}
    assert list(rows) == ["new:lr=0.1", "adamw", "shaky"]
    assert float(rows["new:lr=0.1"]["accuracy_mean"]) == pytest.approx(98.7)
    assert float(rows["new:lr=0.1"]["accuracy_minus_adamw"]) == pytest.approx(98.7 - 97.7 / 3 - 97.0 * 2 / 3, abs=1)
    assert float(rows["new:lr=0.1"]["epoch_ratio_adamw"]) == pytest.approx(3.41 / 3.21)
    assert float(rows["new:lr=0.1"]["step_seconds"]) == pytest.approx(4e-4, rel=0.02)
    assert rows["adamw"]["epoch_ratio_adamw"] == "1.0"
    assert rows["new:lr=0.1"]["accuracy_minus_adamw_verdict"] == "not distinguishable"
    assert (rows["shaky"]["accuracy_seeds"], rows["shaky"]["status"]) == ("2", "diverged")
    gone = render(made(arm("gone", [None, None])), "csv")
    assert next(csv.DictReader(io.StringIO(gone)))["accuracy_mean"] == ""


def test_markdown_tables_have_one_width_and_escape_underscores() -> None:
    found = made(arm("my_pkg.Mine", [99.0, 98.0]), arm("adamw", [97.0, 97.5], "baseline"))
    tables = [
        [line for line in block.splitlines() if line.startswith("|")]
        for block in render(found, "markdown").split("\n\n")
    ]
    tables = [table for table in tables if table]
    assert len(tables) == 2
    for table in tables:
        assert {line.count("|") for line in table} == {table[0].count("|")}
        assert "my\\_pkg.Mine" in "".join(table)


@pytest.mark.parametrize(
    ("sizes", "unit", "shown"),
    [
        ((10, 2000), "KiB", ("0.010", "1.953")),
        ((10, 20), "B", ("10", "20")),
        ((2**30, 2**20), "GiB", ("1.000", "0.001")),
    ],
)
def test_a_column_has_one_unit(sizes: tuple[int, int], unit: str, shown: tuple[str, str]) -> None:
    arms = [arm(f"a{i}", [9.0], price=cost(f"a{i}", ledger=ledger(peak=size))) for i, size in enumerate(sizes)]
    heads, units, _, *lines = render(made(*arms)).partition("\nmemory of a training iteration\n")[2].splitlines()[:5]
    place = heads.split().index("peak")
    assert units.split()[1 + place] == unit
    assert tuple(line.split()[1 + place] for line in lines) == shown


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="|"), min_size=1, max_size=20)


@given(
    st.dictionaries(NAMES, st.lists(st.floats(0, 100), min_size=2, max_size=2), min_size=2, max_size=5),
    st.integers(20, 120),
)
def test_any_names_and_figures_make_tables_whose_lines_are_whole(
    accuracies: dict[str, list[float]], width: int
) -> None:
    (base, *others) = accuracies
    found = made(*(arm(name, accuracies[name]) for name in others), arm(base, accuracies[base], "baseline"))
    for form in FORMATS:
        assert all(name in render(found, form) for name in accuracies if name.isalnum())
    text = render(found, width=width)
    assert text == text.replace("\x1b", "")
    for name in accuracies:
        assert any(line.startswith(name) for line in text.splitlines())


def test_without_costs_or_baselines_the_table_still_stands() -> None:
    text = render(made(arm("a", [1.0, 2.0])))
    assert "1.50 ± 0.71" in text
    for word in ("minus", "verdict", "time", "memory"):
        assert word not in text


def test_settings_are_told_where_they_are_not_the_usual() -> None:
    usual = {"augmentation": "none", "normalisation": "train", "accumulation": 1, "clip_norm": None, "compile": False}
    assert "data digits, 2 epochs, 1 thread, protocol standard\n" in render(
        made(arm("a", [1.0]), settings=SETTINGS | usual)
    )
    odd = {"augmentation": "crop-flip", "accumulation": 4, "clip_norm": 0.5, "compile": True}
    text = render(made(arm("a", [1.0]), settings=SETTINGS | odd))
    for word in ("augmentation crop-flip", "in 4 micro-batches", "gradients clipped to 0.5", "compiled"):
        assert word in text
