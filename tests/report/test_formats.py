import csv
import io
import json
import math
import re

import pytest
from making import METRICS, arm, cost

from optbench.report import FORMATS, render
from optbench.stats import Comparison, compare

SETTINGS = {"title": "small CNN", "data": "digits", "epochs": 2, "threads": 1, "protocol": "standard"}
MACHINE = {"processor": "A Processor", "cores": 2, "memory_bytes": 24 * 2**30, "torch": "2.13.0"}


def made(*arms, **changes) -> Comparison:
    return compare(arms, METRICS, "accuracy", recipe="tiny", settings=SETTINGS, machine=MACHINE, **changes)


@pytest.fixture
def three() -> Comparison:
    return made(
        arm("new:lr=0.1", [99.0, 98.0, 99.1], price=cost("new:lr=0.1", (0.05, 0.06, 0.07))),
        arm("adamw", [97.0, 97.5, 97.2], "baseline", cost("adamw", (0.04,), ratio={"adamw:full=1": 1.0})),
        arm("shaky", [99.0, None, 90.0], price=cost("shaky", (0.05,))),
    )


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_every_arm_and_ends_its_last_line(three: Comparison, form: str) -> None:
    text = render(three, form)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    for name in ("new:lr=0.1", "adamw", "shaky", "diverged"):
        assert name in text


def test_table_is_this_text(three: Comparison) -> None:
    quality, cost = render(three).split("\n\n")[1:3]
    assert quality.splitlines() == [
        "                             seeds              accuracy %",
        "optimizer     accuracy %  finished             minus adamw    cross-entropy",
        "──────────  ────────────  ────────  ──────────────────────  ───────────────",
        "new:lr=0.1  98.70 ± 0.61    3 of 3  +1.47 [ -0.62,  +3.55]  0.5000 ± 0.0000",
        "adamw       97.23 ± 0.25    3 of 3                       –  0.5000 ± 0.0000",
        "shaky       94.50 ± 6.36    2 of 3  -2.60 [-61.05, +55.85]  0.5000 ± 0.0000",
    ]
    assert cost.splitlines() == [
        "              epoch     time      peak   memory  optimizer",
        "optimizer      time  / adamw    memory  / adamw      state  executor",
        "──────────  ───────  ───────  ────────  ───────  ─────────  ────────",
        "new:lr=0.1  60.0 ms    1.25x  3.00 MiB    1.00x   1.00 MiB  cpu",
        "adamw       40.0 ms    1.00x  3.00 MiB    1.00x   1.00 MiB  cpu",
        "shaky       50.0 ms    1.25x  3.00 MiB    1.00x   1.00 MiB  cpu",
    ]


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
    wide, narrow = render(three), render(three, width=width)
    cells = re.findall(r"[+-]?\d+\.\d+(?: ± \d+\.\d+| \[[^]]+\]|x| ms| MiB)?", wide.partition("\n\n3 seeds")[0])
    assert len(cells) > 20
    assert all(cell in narrow for cell in cells)
    # a single column may be wider than the terminal: then it stands alone
    tables = narrow.split("\n\n")[1:-1]
    for table in tables:
        lines = table.splitlines()
        columns = len(next(line for line in lines if set(line) <= {"─", " "}).split())
        assert max(map(len, lines)) <= width or columns == 2


def test_colour_only_where_asked_for(three: Comparison) -> None:
    assert "\x1b" not in render(three)
    coloured = render(three, colour=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render(three)
    assert "\x1b[31m" in coloured  # shaky diverged


def test_verdicts_follow_the_metrics_direction() -> None:
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
    assert set(new["metrics"]["accuracy"]["difference"]["adamw"]) == {"value", "low", "high"}
    assert (new["epoch_seconds"]["median"], new["epoch_seconds"]["ratio"]) == (0.06, {"adamw": 1.25})
    assert (new["peak_memory_bytes"], new["state_bytes"]) == (3 * 2**20, 2**20)
    assert by_name["shaky"]["metrics"]["accuracy"]["per_seed"] == [99.0, None, 90.0]


def test_json_of_one_seed_has_nulls() -> None:
    found = json.loads(render(made(arm("new", [math.nan]), arm("adamw", [98.0], "baseline")), "json"))
    accuracy = {a["optimizer"]: a["metrics"]["accuracy"] for a in found["arms"]}
    assert accuracy["new"]["mean"] is None
    assert accuracy["new"]["difference"]["adamw"] == {"value": None, "low": None, "high": None}
    assert accuracy["adamw"]["std"] is None


def test_csv_reads_back_and_leaves_undefined_numbers_empty(three: Comparison) -> None:
    rows = {row["optimizer"]: row for row in csv.DictReader(io.StringIO(render(three, "csv")))}
    assert list(rows) == ["new:lr=0.1", "adamw", "shaky"]
    assert float(rows["new:lr=0.1"]["accuracy_mean"]) == pytest.approx(98.7)
    assert float(rows["new:lr=0.1"]["accuracy_minus_adamw"]) == pytest.approx(98.7 - 97.7 / 3 - 97.0 * 2 / 3, abs=1)
    assert rows["new:lr=0.1"]["epoch_ratio_adamw"] == "1.25"
    assert (rows["shaky"]["accuracy_seeds"], rows["shaky"]["status"]) == ("2", "diverged")
    gone = render(made(arm("gone", [None, None])), "csv")
    assert next(csv.DictReader(io.StringIO(gone)))["accuracy_mean"] == ""


def test_markdown_tables_have_one_width_and_escape_underscores() -> None:
    found = made(arm("my_pkg.Mine", [99.0, 98.0]), arm("adamw", [97.0, 97.0], "baseline"))
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
    ("sizes", "shown"),
    [
        ((10, 2000), ("0.01 KiB", "1.95 KiB")),
        ((10, 20), ("10 B", "20 B")),
        ((2**30, 2**20), ("1.00 GiB", "0.00 GiB")),
    ],
)
def test_a_column_has_one_unit(sizes: tuple[int, int], shown: tuple[str, str]) -> None:
    arms = [arm(f"a{i}", [9.0], price=cost(f"a{i}", peak_memory_bytes=size)) for i, size in enumerate(sizes)]
    text = render(made(*arms))
    assert all(word in text for word in shown)


def test_without_costs_or_baselines_the_table_still_stands() -> None:
    text = render(made(arm("a", [1.0, 2.0])))
    assert "minus" not in text
    assert "–" in text
