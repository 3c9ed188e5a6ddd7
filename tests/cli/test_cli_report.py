"""`optbench report`, and the files that `compare` writes besides: of runs that are stored, without training."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from priced import cost, measurement
from running import CHECKOUT, TINY, call

from optbench import plan
from optbench import recipe as recipes
from optbench.store import Store

OTHER = TINY.replace("batch_size = 256", "batch_size = 512").replace(
    "[training]", "[training]\ngradient_histograms = 1"
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two recipes and a run directory that holds their runs, and a saved comparison of one."""
    root = tmp_path_factory.mktemp("stored")
    (root / "tiny.toml").write_text(TINY)
    (root / "other.toml").write_text(OTHER)
    for name, save in (("tiny", ["--save", "before"]), ("other", [])):
        done = call("compare", root / f"{name}.toml", "--no-cost", "--runs", root / ".optbench", "-q", *save)
        assert done.exit_code == 0, done.stderr
    return root


@pytest.fixture
def folder(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to write to; recipes and runs are those of `stored`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPTBENCH_RUNS", str(stored / ".optbench"))
    return tmp_path


def report(stored: Path, *args: object) -> Result:
    words = [stored / arg if str(arg).endswith(".toml") else arg for arg in args]
    return call("report", *words)


def arms(done: Result) -> dict[str, dict]:
    assert done.exit_code == 0, done.stderr
    return {arm["optimizer"]: arm for arm in json.loads(done.stdout)["arms"]}


def test_a_recipes_stored_runs_are_what_compare_says_of_them(stored: Path, folder: Path) -> None:
    told = json.loads(report(stored, "tiny.toml", "--format", "json").stdout)
    compared = json.loads(call("compare", stored / "tiny.toml", "--no-cost", "--format", "json", "-q").stdout)
    assert told == compared
    assert set(compared) >= {"arms", "seeds"}


def test_nothing_of_torch_is_loaded(stored: Path, folder: Path) -> None:
    code = f"""
import atexit, sys
from optbench.cli import main
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main(["report", {str(stored / "tiny.toml")!r}, "-q", "-o", "r.html"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(CHECKOUT), "OPTBENCH_RUNS": str(stored / ".optbench"), "PATH": ""},
        check=True,
    )
    assert {"torch", "numba", "matplotlib", "scipy.stats"}.isdisjoint(done.stderr.split())


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        (".html", "<!doctype html>"),
        (".md", "**tiny"),
        (".json", "{"),
        (".csv", "recipe,"),
        (".tex", "% needs"),
        (".txt", "tiny"),
    ],
)
def test_a_files_suffix_says_its_form(stored: Path, folder: Path, suffix: str, start: str) -> None:
    done = report(stored, "tiny.toml", "-o", f"r{suffix}")
    assert (done.exit_code, done.stdout, done.stderr.splitlines()[-1]) == (0, "", f"wrote r{suffix}")
    text = (folder / f"r{suffix}").read_text()
    assert text.lower().startswith(start.lower())
    assert "adaplus" in text


def test_several_recipes_become_one_report(stored: Path, folder: Path) -> None:
    done = report(stored, "tiny.toml", "other.toml", "--format", "json", "--figure", "a.svg", "--figure", "a.png")
    assert [each["recipe"] for each in json.loads(done.stdout)["comparisons"]] == ["tiny", "other"]
    assert (folder / "a.svg").read_text().startswith("<?xml")
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")


def test_optimizers_baselines_and_seeds_can_be_chosen(stored: Path, folder: Path) -> None:
    found = arms(
        report(stored, "tiny.toml", "--optims", "adap*,sgdm", "--baselines", "sgdm", "--seeds", 1, "--format", "json")
    )
    assert {name: arm["role"] for name, arm in found.items()} == {"adaplus": "arm", "sgdm": "baseline"}
    assert all(len(arm["metrics"]["accuracy"]["per_seed"]) == 1 for arm in found.values())


def test_runs_can_be_named_by_the_beginning_of_their_keys(stored: Path, folder: Path) -> None:
    keys = sorted(path.name[:16] for path in (stored / ".optbench" / "runs").iterdir())
    done = report(stored, *keys, "--format", "json")
    both = json.loads(done.stdout)["comparisons"]
    assert sorted(each["recipe"] for each in both) == ["other", "tiny"]
    for each in both:
        assert {arm["optimizer"] for arm in each["arms"]} == {"adaplus", "adamw", "sgdm"}
        assert each["settings"]["epochs"] == 2


def test_a_recipe_of_somebodys_own_can_be_named_without_its_file(stored: Path, folder: Path) -> None:
    named = arms(report(stored, "other", "--baselines", "adamw,sgdm", "--format", "json"))
    filed = arms(report(stored, "other.toml", "--format", "json"))
    assert {name: arm["metrics"] for name, arm in named.items()} == {
        name: arm["metrics"] for name, arm in filed.items()
    }


def test_a_saved_comparison_is_told_with_its_figures_and_verdicts(stored: Path, folder: Path) -> None:
    saved, fresh = (arms(report(stored, word, "--format", "json")) for word in ("before", "tiny.toml"))
    roles = {name: arm["role"] for name, arm in saved.items()}
    assert roles == {"adaplus": "arm", "adamw": "baseline", "sgdm": "baseline"}
    assert {name: arm["metrics"] for name, arm in saved.items()} == {
        name: arm["metrics"] for name, arm in fresh.items()
    }
    done = report(stored, "before", "--figure", "a.png")
    assert (done.exit_code, "no run has a history" in done.stderr) == (2, True)


def test_other_settings_than_the_recipes_are_told_where_there_are_no_others(stored: Path, folder: Path) -> None:
    recipe = folder / "tiny.toml"
    recipe.write_text(TINY.replace("epochs = 2", "epochs = 5"))
    done = call("report", recipe)
    assert done.exit_code == 0
    assert "all stored runs were made with --epochs 2" in done.stderr
    assert "2 epochs" in done.stdout


def test_performance_profiles_over_recipes(stored: Path, folder: Path) -> None:
    words = (
        "tiny.toml",
        "other.toml",
        "--performance-profile",
        "--by",
        "epoch",
        "--target",
        "5%",
        "--target",
        "other=99.9%",
    )
    found = json.loads(report(stored, *words, "--format", "json", "--figure", "p.pdf").stdout)
    assert found["schema"] == "optbench.performance-profile/1"
    assert found["scores"] == {"adaplus": 0.5, "adamw": 0.5, "sgdm": 0.5}
    assert [set(each["ratios"].values()) for each in found["recipes"]] == [{1.0}, {None}]
    assert (folder / "p.pdf").read_bytes().startswith(b"%PDF")


def test_gradients_are_drawn_where_they_were_recorded(stored: Path, folder: Path) -> None:
    assert report(stored, "other.toml", "--figure", "g.svg", "--figure-y", "gradients").exit_code == 0
    assert (folder / "g.svg").exists()
    done = report(stored, "tiny.toml", "--figure", "h.svg", "--figure-y", "gradients")
    assert (done.exit_code, (folder / "h.svg").exists()) == (2, False)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nothing"], "'nothing' names neither a recipe nor anything stored in"),
        (["digits-cnm"], "did you mean 'digits-cnn'?"),
        (["digits-cnn"], "no finished runs of digits-cnn in"),
        (["gone.json"], "there is no saved comparison gone.json"),
        (["00000000"], "00000000"),
        (["tiny.toml", "--epochs", "9"], "have other settings or data than the recipe now has"),
        (["tiny.toml", "--optims", "zz*"], "no finished runs of tiny with zz*"),
        (["tiny.toml", "--seeds", "9"], "no optimizer has finished runs with 9 seeds"),
        (["tiny.toml", "-o", "r.doc"], "its form is not known"),
        (["tiny.toml", "-o", "gone/r.html"], "there is no folder gone"),
        (["tiny.toml", "--figure", "a.gif"], "a figure is .pdf, .svg or .png"),
        (["tiny.toml", "--figure-y", "loss"], "has no effect without --figure"),
        (["tiny.toml", "--figure", "a.svg", "--figure-y", "acuracy"], "did you mean 'accuracy'?"),
        (["tiny.toml", "--performance-profile", "--format", "html"], "has no HTML form"),
        (["tiny.toml", "--target", "loss"], "loss"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line(stored: Path, folder: Path, args: list[str], said: str) -> None:
    done = report(stored, *args, "-q")
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_a_folder_without_runs_is_one_line(folder: Path) -> None:
    done = call("report", "digits-cnn", "--runs", folder / "none")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert not (folder / "none").exists()


def test_compare_writes_report_and_figure_and_prints_as_before(stored: Path, folder: Path) -> None:
    plain = call("compare", stored / "tiny.toml", "--no-cost")
    done = call("compare", stored / "tiny.toml", "--no-cost", "--report", "r.html", "--figure", "c.pdf")
    assert (done.exit_code, done.stdout) == (0, plain.stdout)
    assert done.stderr.splitlines()[-2:] == ["wrote c.pdf", "wrote r.html"]
    html = (folder / "r.html").read_text()
    assert all(word in html for word in ("batch_size = 256", "embedded in optbench", "adaplus"))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--figure", "a.svg", "--cost-only"], "shows training, and nothing is trained"),
        (["--figure", "a.svg", "--figure-y", "acuracy"], "did you mean 'accuracy'?"),
        (["--figure", "a.svg", "--figure-y", "gradients"], "set gradient_histograms"),
        (["--figure", "gone/a.svg"], "there is no folder gone"),
        (["--report", "r.pdf"], "a report is one .html file"),
        (["--report", "."], "a report is one .html file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_file_that_cannot_be_written_is_told_before_anything_trains(folder: Path, args: list[str], said: str) -> None:
    done = call("compare", "digits-cnn", "--runs", folder / "fresh", *args)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert not (folder / "fresh").exists()


def test_costs_that_were_measured_of_these_arms_are_told_too(stored: Path, folder: Path) -> None:
    recipe = recipes.load(stored / "tiny.toml")
    found = plan.build(recipe, recipe.optims)
    store = Store(stored / ".optbench")
    measured = measurement(*(cost(arm.reference.text, canonical=arm.reference.canonical) for arm in found[:2]))
    store.save_measurement("ab" * 32, measured, plan.cost_key(found[:2]))
    store.save_measurement(
        "cd" * 32, measurement(cost("sgdm", canonical=found[2].reference.canonical)), "of another recipe"
    )
    told = arms(report(stored, "tiny.toml", "--format", "json"))
    seconds = {name: arm["epoch_seconds"]["median"] for name, arm in told.items()}
    assert seconds == {
        **{arm.reference.text: measured.costs[arm.reference.canonical].epoch_seconds for arm in found[:2]},
        found[2].reference.text: None,
    }
