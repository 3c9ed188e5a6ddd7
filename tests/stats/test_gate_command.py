"""The gate as users give it: files, options that make no sense together, exit status, GitHub's annotations."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from priced import cost, measurement

from optbench import measure
from optbench.cli import main
from optbench.measure import CostSettings
from optbench.plan import Arm
from optbench.results import Measurement

RECIPE = """
title = "a test"
optims = ["sgdm:impl=torch"]
baselines = []
[data]
name = "digits"
[model]
name = "digits-cnn"
[training]
epochs = 1
batch_size = 256
seeds = 2
"""
QUALITY = ("--fail-if", "accuracy:-0.5", "--fail-if", "loss:2%")


class Bench:
    """Stands in for `measure_arms`: the step takes as long as told, and so does the old code's."""

    def __init__(self) -> None:
        self.step, self.old_step, self.asked = 1e-4, 1e-4, 0
        self.reran: list[bool] = []

    def __call__(self, arms: Sequence[Arm], *, settings: CostSettings, rerun: bool, **_: object) -> Measurement:
        self.reran.append(rerun)
        found = [cost(arm.reference.text, self.step, canonical=arm.reference.canonical) for arm in arms]
        if settings.against_path is not None:
            found += [cost("old", self.old_step, canonical=f"{arm.reference.canonical}#old") for arm in arms]
        return measurement(*found)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """An empty folder with a recipe that trains in a moment, and measuring that is made up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    found = Bench()
    monkeypatch.setattr(measure, "measure_arms", found)
    return found


def compare(*args: object) -> Result:
    return CliRunner().invoke(main, ["compare", "tiny.toml", *map(str, args)], catch_exceptions=False)


def test_the_same_code_passes_against_its_own_file(bench: Bench, tmp_path: Path) -> None:
    assert compare("--save", "main").exit_code == 0
    assert (tmp_path / ".optbench" / "saved" / "main.json").exists()
    found = compare("--against", "main", *QUALITY, "--fail-if", "step_time:5%", "--fail-if", "state_bytes:0%")
    assert found.exit_code == 0
    assert "pass  accuracy of sgdm:impl=torch: the same as before in each of 2 seeds\n" in found.stdout
    assert found.stdout.endswith("gate: no regression (4 pass)\n")
    assert bench.reran == [False, True]  # a time is measured anew


def test_a_regression_is_exit_status_1_and_what_nobody_can_tell_3(bench: Bench) -> None:
    compare("--save", "base.json")
    bench.step = 1.2e-4
    slow = compare("--against", "base.json", "--fail-if", "step_time:5%", "--fail-if", "epoch_time:5%")
    assert slow.exit_code == 1
    assert "regression  step time of sgdm:impl=torch: 1.2" in slow.stdout
    fewer = compare("--seeds", "1", "--batch-size", "256", "--against", "base.json", "--optims", "sgd", *QUALITY)
    assert fewer.exit_code == 3
    assert "sgdm:impl=torch is in the saved comparison and was not run now" in fewer.stdout


def test_every_format_has_its_place_for_the_gate(bench: Bench) -> None:
    compare("--save", "main")
    gated = ("--against", "main", *QUALITY)
    document = json.loads(compare(*gated, "--format", "json").stdout)
    assert document["schema"] == "optbench.compare/1"
    assert [decision["status"] for decision in document["gate"]["decisions"]] == ["pass", "pass"]
    assert "\n\n**Gate: no regression (2 pass)**\n\n| result |" in compare(*gated, "--format", "markdown").stdout
    csv = compare(*gated, "--format", "csv", "-q")
    assert "gate" not in csv.stdout
    assert csv.stderr.endswith("gate: no regression (2 pass)\n")


def test_github_gets_annotations_on_stderr(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    compare("--save", "main")
    bench.step = 1.2e-4
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    slow = compare("-q", "--against", "main", "--fail-if", "step_time:5%")
    assert slow.stderr.startswith(
        "::error title=optbench%3A step_time of sgdm%3Aimpl=torch::step time of sgdm:impl=torch:"
    )
    assert "5 %25 more is allowed" in slow.stderr
    assert "::" not in slow.stdout
    fine = compare("-q", "--against", "main", *QUALITY)
    assert fine.stderr == "::notice title=optbench::no regression (2 pass)\n"


def test_old_code_is_held_in_the_same_run(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    gated = ("--cost-only", "--against-path", "old", "--fail-if", "step_time:5%", "--fail-if", "state_bytes:0%")
    assert compare(*gated).exit_code == 0
    bench.old_step = 0.9e-4
    assert compare(*gated).exit_code == 1


def test_margins_and_targets_reach_the_report(bench: Bench) -> None:
    command = ("--optims", "sgdm:impl=torch,sgd", "--baselines", "sgd", "--target", "1%", "--margin", "accuracy:50")
    found = json.loads(compare(*command, "--format", "json").stdout)
    arm = next(arm for arm in found["arms"] if arm["optimizer"] == "sgdm:impl=torch")
    assert arm["metrics"]["accuracy"]["difference"]["sgd"]["margin"] == 50
    assert arm["to_target"]["reached"] == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--fail-if", "accuracy:1"), "--fail-if needs something to hold against; add --against NAME"),
        (("--against", "main"), "--against needs to know what may not get worse"),
        (("--against-path", "."), "--against-path needs to know what may not get worse"),
        (("--against-path", "nowhere", "--fail-if", "step_time:5%"), "there is no folder nowhere"),
        (("--against", "main", "--no-cost", "--fail-if", "step_time:5%"), "--fail-if step_time needs costs"),
        (("--against-path", ".", "--fail-if", "accuracy:1"), "--against-path holds costs only; save the old code's"),
        (("--against", "nothing", "--fail-if", "accuracy:1"), "there is no saved comparison"),
        (("--against", "main", "--fail-if", "acuracy:1"), "did you mean 'accuracy'?"),
        (("--save", "a b"), "'a b' is no name for a saved comparison"),
        (("--against", "main", "--epochs", "7", "--fail-if", "accuracy:1"), "epochs is 1 there, 7 here"),
    ],
)
def test_a_mistake_is_one_line_before_anything_trains(
    bench: Bench, tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    if "main" in args:
        compare("--save", "main", "--seeds", "1")
    trained = len(list((tmp_path / ".optbench").glob("runs/*")))
    found = compare(*args)
    assert found.exit_code == 2
    assert found.stderr.count("\n") == 1
    assert said in found.stderr
    assert len(list((tmp_path / ".optbench").glob("runs/*"))) == trained
