"""What `compare` asks of the measuring and shows of it; but for one slow test, the measurement is made up."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from priced import cost, measurement, samples
from running import TINY, call

from optbench import measure
from optbench.cli import main
from optbench.measure import CostSettings
from optbench.plan import Arm
from optbench.results import Measurement


class Bench:
    """Stands in for `measure_arms`; what it was asked is in `asked`. Every arm costs the same but for its step."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], CostSettings, bool]] = []

    def __call__(self, arms: Sequence[Arm], *, settings, store, data_root, progress, rerun) -> Measurement:
        self.asked.append(([arm.reference.text for arm in arms], settings, rerun))
        progress(1.0, settings.budget, "launch 1 of 5")
        found = [
            cost(arm.reference.text, (i + 1) * 1e-4, canonical=arm.reference.canonical) for i, arm in enumerate(arms)
        ]
        if settings.aa:
            base = next(arm.reference for arm in arms if arm.role == "baseline")
            found.append(cost(base.text, canonical=base.canonical + "#aa", samples=samples(2e-4)))
        return measurement(*found, synthetic=settings.synthetic, precision=settings.precision)


@pytest.fixture
def bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    found = Bench()
    monkeypatch.setattr(measure, "measure_arms", found)
    return found


def ok(*args: object) -> Result:
    found = call(*args)
    assert found.exit_code == 0, found.stderr
    return found


def trained(folder: Path) -> list[Path]:
    return list((folder / ".optbench" / "runs").glob("*"))


def test_costs_are_measured_once_for_all_arms_with_the_defaults(bench: Bench) -> None:
    text = ok("compare", "tiny.toml", "--epochs", "1", "--seeds", "1", "--optims", "sgdm:impl=torch").stdout
    assert bench.asked == [(["sgdm:impl=torch", "adamw", "sgdm"], CostSettings(), False)]
    for title in ("time of a training iteration", "time against adamw", "memory of a training iteration"):
        assert title in text
    assert "accuracy %" in text


def test_options_reach_the_measuring(bench: Bench) -> None:
    command = ("compare", "tiny.toml", "--cost-only", "--cost-precision", "0.5%", "--cost-budget", "7.5", "--aa")
    found = ok(*command, "--rerun", "--format", "json")
    ((_, settings, rerun),) = bench.asked
    assert settings == CostSettings(precision=0.005, budget=7.5, aa=True)
    assert rerun
    floor = json.loads(found.stdout)["noise_floor"]
    assert floor["baseline"] == "adamw"
    assert floor["step"]["value"] == pytest.approx(1.0)  # the twin's steps take as long as adamw's, the second arm


def test_cost_only_trains_nothing_and_shows_no_accuracy(bench: Bench, folder: Path) -> None:
    found = ok("compare", "tiny.toml", "--cost-only")
    assert "accuracy" not in found.stdout
    assert "step" in found.stdout
    assert not trained(folder)
    document = json.loads(ok("compare", "tiny.toml", "--cost-only", "--format", "json").stdout)
    assert (document["seeds"], document["metrics"], document["primary"]) == ([], {}, None)
    assert [arm["optimizer"] for arm in document["arms"]] == ["adaplus", "adamw", "sgdm"]


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_synthetic_costs_say_so_in_every_form_and_show_no_accuracy(bench: Bench, folder: Path, form: str) -> None:
    (folder / "tiny.toml").write_text(TINY.replace('"digits"', '"mnist"').replace('"digits-cnn"', '"lenet"'))
    text = ok("compare", "tiny.toml", "--synthetic", "--format", form, "-q").stdout
    assert bench.asked[0][1].synthetic
    assert "synthetic" in text
    assert "accuracy" not in text
    assert not trained(folder)


def test_units_survive_an_ascii_terminal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*args: object, **more: object) -> Measurement:
        found = bench(*args, **more)  # type: ignore[arg-type]
        scaled = {
            name: replace(each, samples=dict.fromkeys(each.samples, ((1e-05,) * 4,) * 3))
            for name, each in found.costs.items()
        }
        return replace(found, costs=scaled)

    monkeypatch.setattr(measure, "measure_arms", short)
    done = CliRunner(charset="ascii").invoke(main, ["compare", "tiny.toml", "--cost-only", "-q"])
    assert done.exit_code == 0
    assert " us " in done.stdout
    assert "?" not in done.stdout


def test_no_cost_measures_nothing(bench: Bench) -> None:
    command = ("compare", "tiny.toml", "--epochs", "1", "--seeds", "2", "--optims", "sgdm:impl=torch")
    text = ok(*command, "--baselines", "none", "--no-cost").stdout
    assert not bench.asked
    assert "±" in text
    assert "iteration" not in text


def test_several_recipes_share_tables_of_cost(bench: Bench, folder: Path) -> None:
    (folder / "other.toml").write_text(TINY.replace('"adaplus"', '"adam"'))
    command = ("compare", "tiny.toml,other.toml", "--cost-only", "--optims", "adam,xgrad+adam", "--baselines", "none")
    found = ok(*command)
    assert found.stdout.startswith("cost on 2 recipes\n")
    assert re.search(r"^optimizer +tiny +other|^ +tiny +other$", found.stdout, re.MULTILINE)
    assert "xgrad+adam over adam" in found.stdout
    assert [names for names, _, _ in bench.asked] == [["adam", "xgrad+adam"]] * 2
    document = json.loads(ok(*command, "--format", "json").stdout)
    assert document["schema"] == "optbench.comparisons/1"
    assert [each["recipe"] for each in document["comparisons"]] == ["tiny", "other"]
    assert document["overheads"][0]["own_phases"]["average"] == pytest.approx(1e-4 / 3.11e-3)


def test_several_recipes_with_training_are_reported_one_after_the_other(bench: Bench, folder: Path) -> None:
    (folder / "other.toml").write_text(TINY)
    command = ("compare", "tiny.toml,other.toml,tiny.toml", "--no-cost", "--epochs", "1", "--seeds", "1")
    found = ok(*command, "--optims", "sgdm:impl=torch", "--baselines", "none")
    assert [line for line in found.stdout.splitlines() if line.endswith(": a test")] == [
        "tiny: a test",
        "other: a test",
    ]


def test_a_mistake_in_a_later_recipe_is_told_before_anything_is_measured(bench: Bench) -> None:
    found = call("compare", "tiny.toml,gone.toml", "--cost-only")
    assert found.exit_code == 2
    assert "gone.toml" in found.stderr
    assert not bench.asked


def test_progress_of_measuring_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optbench.cli._display._EVERY_SECONDS", 0.0)
    found = ok("compare", "tiny.toml", "--cost-only")
    assert re.search(
        r"^measuring the cost of tiny: \d+ %, about \d+ s left \(launch 1 of 5\)$", found.stderr, re.MULTILINE
    )
    assert ok("compare", "tiny.toml", "--cost-only", "-q").stderr == ""


def test_ctrl_c_while_measuring_says_what_was_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> Measurement:
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "measure_arms", interrupted)
    found = call("compare", "tiny.toml", "--cost-only", "-q")
    assert found.exit_code == 130
    assert found.stdout == ""
    assert found.stderr.startswith("interrupted: the measurement was not finished and is not kept")


@pytest.mark.slow
def test_costs_of_one_arm_as_a_user_measures_them(folder: Path) -> None:
    command = ("compare", "tiny.toml", "--cost-only", "--optims", "sgdm", "--baselines", "none", "--format", "json")
    found = ok(*command, "--cost-budget", "1", "--cost-launches", "2")
    document = json.loads(found.stdout)
    (arm,) = document["arms"]
    assert (arm["status"], arm["executor"]) == ("ok", "cpu")
    assert {"forward", "backward", "step", "iteration"} <= set(arm["phases"])
    assert document["measurement"]["launches"] >= 2
    assert arm["memory"]["state"] == arm["memory"]["state_predicted"] == arm["state_bytes"]
    assert arm["memory"]["parameters"] == 4 * arm["parameters"]
    again = json.loads(ok(*command, "--cost-budget", "1", "--cost-launches", "2").stdout)
    assert again["measurement"]["cached"]
    assert again["arms"][0]["phases"] == arm["phases"]
