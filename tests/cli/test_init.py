"""`optbench init`: what it writes works at once, and as the README says once SGD is filled in."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from running import call, run

from optbench import recipe
from optbench._recipe_file import DATA, SCHEDULE, TOP, TRAINING
from optbench.optimizers import _registry, names


def pytest_passes(folder: Path, *files: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["MySGD", "my_sgd"])
def test_what_is_written(folder: Path, name: str) -> None:
    done = call("init", "optimizer", name)
    assert done.exit_code == 0
    for line in ("wrote my_sgd.py and test_my_sgd.py; next:", "  python -m pytest test_my_sgd.py"):
        assert line in done.stdout.splitlines()
    cls = "MySGD" if name == "MySGD" else "MySgd"
    assert f"  optbench compare --optims my_sgd.{cls}" in done.stdout.splitlines()
    assert f"class {cls}(Rule):" in (folder / "my_sgd.py").read_text()
    assert "@" not in (folder / "test_my_sgd.py").read_text().replace("@pytest", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my-sgd", "'my-sgd' is no name of a class or a module; how about my_sgd?"),
        ("1st", "'1st' is no name of a class or a module; write it as MySGD or my_sgd"),
        ("../x", "'../x' is no name of a class or a module; how about x?"),
        ("SGDé", "is no name of a class or a module"),
        ("_hidden", "is no name of a class or a module"),
        ("lambda", "'lambda' is a word of Python's; choose another name"),
        ("match", "'match' is a word of Python's"),
        ("AdamW", None),
        ("adamw", "optbench has an optimizer called 'adamw'; choose another name, such as MyAdamw"),
        ("xgrad", "optbench has an optimizer called 'xgrad'"),
        ("random", "Python has a module called 'random', which yours would hide"),
        ("Torch", "an installed package has a module called 'torch', which yours would hide"),
    ],
)
def test_names_that_will_not_do(folder: Path, name: str, message: str | None) -> None:
    before = sorted(folder.iterdir())
    done = call("init", "optimizer", name)
    if message is None:  # adam_w is nobody's
        assert done.exit_code == 0
        return
    assert done.exit_code == 2
    assert message in done.stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("there", ["shelf.py", "test_shelf.py"])
def test_nothing_is_overwritten_or_written_in_part(folder: Path, there: str) -> None:
    (folder / there).write_text("precious")
    before = sorted(folder.iterdir())
    done = call("init", "optimizer", "Shelf")
    assert done.exit_code == 2
    assert f"{there} is there already; choose another name, or another folder with --into" in done.stderr
    assert (folder / there).read_text() == "precious"
    assert sorted(folder.iterdir()) == before


def test_a_module_of_ones_own_elsewhere_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    (folder / "shelf.py").write_text("")
    done = call("init", "optimizer", "shelf", "--into", "sub")
    assert done.exit_code == 0
    assert done.stderr.startswith("note: there is a module 'shelf' in ")
    assert "optbench verify sub.shelf.Shelf --quick" in done.stdout
    assert "python -m pytest sub/test_shelf.py" in done.stdout


def test_what_is_written_works_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registry, "_outside", {})
    assert call("init", "optimizer", "AtOnce", "--into", "shelf").exit_code == 0
    pytest_passes(folder, "shelf/test_at_once.py")
    for file in ("at_once.py", "test_at_once.py"):
        assert max(map(len, (folder / "shelf" / file).read_text().splitlines())) <= 120
    done = call("train", "tiny.toml", "--optim", "xgrad+shelf.at_once.AtOnce:beta=0.8", "--epochs", "1")
    assert done.exit_code == 0, done.stderr
    assert "306,256 bytes of optimizer state, executor cpu" in done.stdout  # m, and XGrad's cache


SGD = (
    ('slots = {"m": zeros("exp_avg")}', "slots = {}"),
    ("return m, m", "return (g,)"),
    ("        m = b * m + a * g\n", ""),
    ("g: E, m: E, b: C, a: C", "g: E"),
)


@pytest.mark.slow
def test_sgd_filled_in_is_verified_and_compared(folder: Path) -> None:
    assert call("init", "optimizer", "MySGD").exit_code == 0
    text = (folder / "my_sgd.py").read_text()
    for old, new in SGD:
        assert old in text
        text = text.replace(old, new)
    (folder / "my_sgd.py").write_text(text)
    done = run("verify", "my_sgd.MySGD", "--quick", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split()[:1] if line[0] == " " else line.split()[1:2] for line in done.stdout.splitlines()[2:6]]
    assert [name for (name,) in rows] == ["executors", "contract", "trains", "state"]
    assert "cannot be imported by its name" not in done.stdout
    options = ("--baselines", "sgd:lr=0.1:impl=cpu", "--no-cost", "--format", "json")
    done = run("compare", "tiny.toml", "--optims", "my_sgd.MySGD", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    arms = {arm["optimizer"]: arm for arm in json.loads(done.stdout)["arms"]}
    for metric, found in arms["my_sgd.MySGD"]["metrics"].items():
        assert found["mean"] == arms["sgd:lr=0.1:impl=cpu"]["metrics"][metric]["mean"]


def test_a_recipe_runs_as_it_stands(folder: Path) -> None:
    done = call("init", "recipe", "shelf")
    assert (done.exit_code, done.stdout) == (0, "wrote shelf.toml; next:\n  optbench compare shelf.toml\n")
    found = recipe.load(folder / "shelf.toml")
    assert set(found.optimizers) <= set(names())
    assert found.title.startswith("shelf: ")
    done = call("train", "shelf.toml", "--optim", "adaplus", "--epochs", "1")
    assert done.exit_code == 0, done.stderr


def test_every_key_of_a_recipe_is_in_it_with_its_default(folder: Path) -> None:
    assert call("init", "recipe", "shelf", "--into", "sub").exit_code == 0
    text = (folder / "sub" / "shelf.toml").read_text()
    for fields in (TOP, DATA, TRAINING):
        for key, field in fields.items():
            assert f"\n{key} = " in text or f"\n# {key} = " in text, key
            if f"\n{key} = " not in text and field.default is not None:
                shown = text.split(f"\n# {key} = ")[1].split("#")[0].strip()
                assert shown.strip('"') == str(field.default).lower(), key
    assert [key for key in SCHEDULE if f"{key} = " not in text] == ["power"]
    uncommented = text.replace("\n# [optimizers.radam.schedule]", "\n[optimizers.radam.schedule]").replace(
        '\n# name = "multistep"\n# milestones = [8, 12]\n# factor', '\nname = "multistep"\nmilestones = [8, 12]\nfactor'
    )
    (folder / "whole.toml").write_text(uncommented)
    assert recipe.load(folder / "whole.toml").schedules["radam"].milestones == (8, 12)


@pytest.mark.parametrize(("name", "message"), [("a b", "will not do"), ("x/y", "will not do"), ("tiny", "is there")])
def test_recipes_that_cannot_be_written(folder: Path, name: str, message: str) -> None:
    done = call("init", "recipe", name)
    assert done.exit_code == 2
    assert message in done.stderr
