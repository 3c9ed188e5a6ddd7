"""The cost of several recipes side by side, laid beside what the XGrad paper prints."""

import csv
import io
import json
import re

import pytest
from making import METRICS
from priced import MIB, cost, costs_only, ledger, measurement, with_quality

from optbench.report import render_several
from optbench.results import Cost
from optbench.stats import Comparison

assert METRICS

# arXiv:2305.18240, Table VIII: seconds of an epoch of SGDM and of XGrad on it, CIFAR-10
TABLE_8 = {
    "VGG-16": (12.59, 13.29),
    "ResNet-34": (36.2, 38.25),
    "ResNet-101": (131.73, 139.09),
    "GoogleNet": (94.81, 99.43),
    "DenseNet-121": (82.41, 92.7),
    "Inception-V3": (191.81, 196.42),
    "ViT": (40.34, 41.6),
}
# section V-C: "on average 5.67% longer ... up to 12.48%"; the exact quotient of the largest is 12.4863 %
AVERAGE, MAXIMUM = 5.67, 12.49


def epoch(name: str, canonical: str, seconds: float, step: float, peak: int = 3 * MIB, **changes: object) -> Cost:
    """Return a cost whose epoch of 100 iterations takes so many seconds, `step` of each in the optimizer."""
    iteration = seconds / 100
    times = {"forward": iteration - step, "step": step, "iteration": iteration}
    rows = {phase: ((value,) * 4,) * 3 for phase, value in times.items()}
    return cost(name, canonical=canonical, samples=rows, ledger=ledger(peak=peak), **changes)


def pair(recipe: str, base: float, xgrad: float, **changes: object) -> Comparison:
    return costs_only(
        [
            epoch("sgdm", "sgdm:lr=0.1", base, 1e-3),
            epoch("xgrad+sgdm", "xgrad+sgdm:lr=0.1:s=1", xgrad, 1e-3 + (xgrad - base) / 100, peak=3 * MIB + MIB // 4),
        ],
        recipe=recipe,
        **changes,
    )


@pytest.fixture
def seven() -> list[Comparison]:
    return [pair(model, *seconds) for model, seconds in TABLE_8.items()]


def block(text: str, title: str) -> list[list[str]]:
    """Return the rows of a table, as cells two or more spaces apart."""
    lines = text.partition(f"\n{title}\n")[2].partition("\n\n")[0].splitlines()
    rule = next(i for i, line in enumerate(lines) if line and set(line) <= {"─", " "})
    return [re.split(r" {2,}", line) for line in lines[rule + 1 :]]


def test_epoch_times_are_the_papers_rows_and_columns(seven: list[Comparison]) -> None:
    rows = block(render_several(seven), "time of a training epoch")
    for row, i in zip(rows, (0, 1), strict=True):
        assert row[0] == ("sgdm", "xgrad+sgdm")[i]
        assert [float(cell) for cell in row[1:]] == pytest.approx([both[i] for both in TABLE_8.values()], rel=5e-3)


@pytest.mark.parametrize("which", ["whole iterations", "the optimizers' own phases"])
def test_average_and_maximum_are_what_the_paper_states(seven: list[Comparison], which: str) -> None:
    # every second that XGrad takes longer was put into the step here, so both estimates must say the same
    (row,) = block(render_several(seven), f"epoch time, overhead in %: {which}")
    assert row[0] == "xgrad+sgdm over sgdm"
    assert [float(cell) for cell in row[-2:]] == [AVERAGE, MAXIMUM]
    shown = [float(cell.split()[0]) for cell in row[1:-2]]
    assert shown == pytest.approx([100 * (x / base - 1) for base, x in TABLE_8.values()], abs=0.0051)


def test_memory_overhead_has_an_average_and_a_maximum(seven: list[Comparison]) -> None:
    (row,) = block(render_several(seven), "peak memory, overhead in %")
    assert {float(cell) for cell in row[1:]} == {8.33}


def test_json_of_several_recipes_is_of_its_schema(seven: list[Comparison]) -> None:
    found = json.loads(render_several(seven, "json"))
    assert found["schema"] == "optbench.comparisons/1"
    assert [each["recipe"] for each in found["comparisons"]] == list(TABLE_8)
    assert {each["schema"] for each in found["comparisons"]} == {"optbench.compare/1"}
    (overhead,) = found["overheads"]
    assert (overhead["optimizer"], overhead["base"]) == ("xgrad+sgdm", "sgdm")
    assert set(overhead) == {"optimizer", "base", "own_phases", "iteration", "peak_memory"}
    assert 100 * overhead["iteration"]["average"] == pytest.approx(5.6709, abs=1e-4)
    assert 100 * overhead["iteration"]["maximum"] == pytest.approx(12.4863, abs=1e-4)
    assert overhead["iteration"]["by_recipe"]["ViT"]["value"] == pytest.approx(41.6 / 40.34 - 1)
    assert overhead["peak_memory"]["by_recipe"]["ViT"] == pytest.approx(1 / 12)


def test_csv_holds_every_arm_of_every_recipe(seven: list[Comparison]) -> None:
    rows = list(csv.DictReader(io.StringIO(render_several(seven, "csv"))))
    assert [(row["recipe"], row["optimizer"]) for row in rows] == [
        (model, name) for model in TABLE_8 for name in ("sgdm", "xgrad+sgdm")
    ]
    assert float(rows[-1]["epoch_seconds"]) == pytest.approx(41.6)


def test_markdown_has_every_table(seven: list[Comparison]) -> None:
    text = render_several(seven, "markdown")
    assert text.count("\n| xgrad+sgdm ") == 5
    assert "Epoch time, overhead in %: whole iterations:" in text


def test_without_weight_prediction_the_arms_are_held_against_the_baselines() -> None:
    bases = [epoch("adamw", "adamw:lr=1", 10.0, 1e-3), epoch("sgdm", "sgdm:lr=1", 10.0, 1e-3)]
    found = [costs_only([epoch("new", "new:lr=1", 11.0, 1.1e-2)], bases, recipe=name) for name in ("a", "b")]
    rows = block(render_several(found), "epoch time, overhead in %: whole iterations")
    assert [row[0] for row in rows] == ["new over adamw", "new over sgdm"]
    assert {float(row[-1]) for row in rows} == {10.0}


def test_an_arm_that_one_recipe_lacks_or_could_not_measure_leaves_its_cell_open() -> None:
    whole = pair("a", 10.0, 11.0)
    missing = costs_only([epoch("sgdm", "sgdm:lr=0.1", 10.0, 1e-3)], recipe="b")
    broken = costs_only(
        [
            epoch("sgdm", "sgdm:lr=0.1", 10.0, 1e-3),
            cost("xgrad+sgdm", canonical="xgrad+sgdm:lr=0.1:s=1", status="error", message="no luck", samples={}),
        ],
        recipe="c",
    )
    text = render_several([whole, missing, broken])
    assert block(text, "time of a training epoch")[1][1:] == ["11.0", "–", "error"]
    (row,) = block(text, "epoch time, overhead in %: whole iterations")
    assert row[2:4] == ["–", "–"]
    assert row[-2:] == ["+10.00", "+10.00"]  # of the one recipe that has both
    assert "warning: c: xgrad+sgdm: error (no luck)" in text


def test_synthetic_data_are_told_in_the_title(seven: list[Comparison]) -> None:
    made = pair("a", 10.0, 11.0, measurement=measurement(synthetic=True))
    assert "synthetic data" in render_several([made, made]).splitlines()[0]
    assert "synthetic" not in render_several(seven)


def test_with_quality_one_report_follows_the_other() -> None:
    found = [
        with_quality(pair(name, 10.0, 11.0), {"sgdm": [97.0, 98.0], "xgrad+sgdm": [98.0, 98.5]}) for name in ("a", "b")
    ]
    text = render_several(found)
    assert text.startswith("a: small CNN\n")
    assert text.count("98.25 ± 0.35") == 2
    assert text.index("a: small CNN") < text.index("98.25") < text.index("b: small CNN")


def test_a_recipe_in_a_folder_has_its_name_in_two_lines() -> None:
    text = render_several([pair("xgrad/table7-lenet", 10.0, 11.0), pair("b", 10.0, 11.0)])
    lines = text.splitlines()
    above = next(i for i, line in enumerate(lines) if line.strip() == "xgrad/")
    assert lines[above + 1].split() == ["table7-lenet", "b"]
