"""The Python API: what it returns, what it refuses, and that it works from anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import optbench
from optbench import _spawn
from optbench.api._references import texts
from optbench.errors import OptbenchError
from optbench.optimizers import AdaPlus, parse

CHECKOUT = Path(optbench.__file__).parent.parent
RECIPE = """
title = "a test"
optims = ["adaplus"]
[data]
name = "digits"
[model]
name = "digits-cnn"
[training]
epochs = 2
batch_size = 256
seeds = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("api")
    (root / "tiny.toml").write_text(RECIPE)
    return root


@pytest.fixture(scope="module")
def found(folder: Path) -> optbench.Compared:
    arms = [AdaPlus, ("adamw", {"lr": 0.01})]
    return optbench.compare(folder / "tiny.toml", arms, baselines="sgdm", cost=False, runs=folder / "runs", target=5)


def test_importing_optbench_loads_nothing_and_knows_its_functions() -> None:
    code = "import sys, optbench; before = set(sys.modules); print(*before, '|', *dir(optbench)); optbench.compare"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    modules, _, names = done.stdout.partition("|")
    assert {"torch", "numpy", "click", "optbench.api"}.isdisjoint(modules.split())
    assert set(optbench.__all__) <= set(names.split())
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        optbench.compair  # noqa: B018


def test_arms_are_those_named_and_figures_are_by_seed(found: optbench.Compared) -> None:
    assert set(found.optimizers) == {"adaplus", "adamw:lr=0.01", "sgdm"}
    values = found.values()
    assert {name: len(each) for name, each in values.items()} == dict.fromkeys(found.optimizers, 2)
    means = {name: sum(each) / 2 for name, each in values.items()}
    assert found.optimizers == sorted(means, key=lambda name: -means[name])
    assert found.values("cross_entropy") != values
    assert all(len(run.history) == 2 for runs in found.runs.values() for run in runs)
    assert set(found.verdicts["adaplus"]) == {"sgdm"}
    assert found.verdict.startswith("Accuracy at 2 seeds")


def test_text_data_and_files_say_the_same(found: optbench.Compared, tmp_path: Path) -> None:
    document = found.to_dict()
    assert document == json.loads(found.save(tmp_path / "a.json").read_text())
    assert [arm["optimizer"] for arm in document["arms"]] == found.optimizers
    assert document["target"] == {"metric": "accuracy", "value": 5.0}
    assert found.table() == str(found) == found.save(tmp_path / "a.txt").read_text()
    assert found.save(tmp_path / "a.tex").read_text() == found.table("latex")
    html = found.save(tmp_path / "a.html").read_text()
    assert "optbench.compare(" in html
    for form, start in ((".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF")):
        assert found.save(tmp_path / f"a{form}").read_bytes().startswith(start)


def test_a_notebook_shows_tables_and_figures(found: optbench.Compared) -> None:
    bundle = found._repr_mimebundle_()
    assert bundle["text/plain"] == str(found)
    assert "<table>" in bundle["text/html"] == found._repr_html_()
    drawn = found.plot("loss", x="update")
    assert drawn._repr_png_().startswith(b"\x89PNG")
    assert drawn.axes[0].get_ylabel() == "training loss"
    assert repr(found).startswith("<optbench.Compared on tiny: ")


def test_what_is_stored_is_not_trained_again(found: optbench.Compared, folder: Path) -> None:
    runs = {"runs": folder / "runs"}
    again = optbench.compare(folder / "tiny.toml", ["adaplus"], baselines=[], cost=False, **runs)
    assert all(run.cached for runs in again.runs.values() for run in runs)
    one = optbench.run(folder / "tiny.toml", AdaPlus, seed=1, **runs)
    assert (one.cached, one.metrics) == (True, again.runs["adaplus"][1].metrics)


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    optbench.run(folder / "tiny.toml", "sgd", runs=folder / "quiet", epochs=1)
    assert capfd.readouterr() == ("", "")


def test_lists_are_the_registrys() -> None:
    assert "adaplus" in optbench.list_optimizers("ada*")
    assert "radam" not in optbench.list_optimizers("ada*")
    assert "digits-cnn" in optbench.list_recipes()


@pytest.mark.slow
def test_check_says_whether_an_optimizer_is_right() -> None:
    report = optbench.check("sgd", quick=True, jobs=1)
    assert report.passed
    assert [each.optimizer for each in report.optimizers] == ["sgd"]


@pytest.mark.parametrize(
    ("named", "references"),
    [
        ("adaplus,radam", ["adaplus", "radam"]),
        (["adaplus", "adamw:lr=1e-2"], ["adaplus", "adamw:lr=1e-2"]),
        (AdaPlus, ["adaplus"]),
        (("adamw", {"lr": 0.01, "betas": (0.9, 0.99)}), ["adamw:lr=0.01:betas=0.9/0.99"]),
        ((AdaPlus, {"amsgrad": True}), ["adaplus:amsgrad=true"]),
        ((AdaPlus, "radam"), ["adaplus", "radam"]),
        (torch.optim.SGD, ["torch.optim.sgd.SGD"]),
        ([parse("xgrad+adamw:s=2")], ["xgrad+adamw:s=2"]),
        ([], []),
    ],
    ids=str,
)
def test_optimizers_are_references_classes_or_pairs(named: object, references: list[str]) -> None:
    assert texts(named) == references
    assert [parse(text).text for text in references] == references


class Here(torch.optim.SGD):
    """An optimizer that its module does have."""


def test_a_class_that_no_process_can_import_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Local(torch.optim.SGD):
        pass

    with pytest.raises(OptbenchError, match="put it at the top level of a module"):
        texts(Local)
    monkeypatch.setattr(Here, "__module__", "__main__")
    with pytest.raises(OptbenchError, match="in a script or notebook.*put it at the top level of a module"):
        texts(Here)
    monkeypatch.setattr(Here, "__module__", "optbench.errors")
    with pytest.raises(OptbenchError, match="is another class"):
        texts(Here)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"recipe": "digitscnn"}, "did you mean 'digits-cnn'?"),
        ({"optims": ["adaplu"]}, "did you mean 'adaplus'?"),
        ({"optims": 3}, "3 is no optimizer"),
        ({"epoch": 3}, "unknown setting 'epoch'; did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs 0"),
        ({"target": "fast"}, "fast"),
        ({"margin": {"acc": 1}}, "acc"),
        ({"jobs": 0, "seeds": 1}, "jobs 0"),
        ({"device": "abacus"}, "unknown device 'abacus'"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_mistakes_are_errors_of_ours(arguments: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(OptbenchError) as error:
        optbench.compare(**{"cost": False, "runs": tmp_path, "optims": ["sgd"], **arguments})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_results_refuse_what_they_do_not_have(found: optbench.Compared, tmp_path: Path) -> None:
    for wrong in (
        lambda: found.table("html"),
        lambda: found.values("acuracy"),
        lambda: found.plot("acuracy"),
        lambda: found.plot(x="hour"),
        lambda: found.save(tmp_path / "a.doc"),
    ):
        with pytest.raises(OptbenchError):
            wrong()


def test_the_script_is_hidden_only_while_a_process_starts() -> None:
    script = sys.modules["__main__"]
    with _spawn.hidden_main():
        assert sys.modules["__main__"] is not script
        assert getattr(sys.modules["__main__"], "__file__", None) is None
    assert sys.modules["__main__"] is script


SCRIPT = """
import optbench

found = optbench.compare("tiny.toml", ["sgd"], baselines=[], epochs=1, cost=False, jobs=2)
print("trained", len(found.optimizers), sum(not run.cached for runs in found.runs.values() for run in runs))
"""


@pytest.mark.slow
def test_a_script_needs_no_main_guard(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-W", "error", "script.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(CHECKOUT), "PATH": ""}
    )
    assert (done.stderr, done.stdout) == ("", "trained 1 2\n")


@pytest.mark.slow
def test_costs_are_measured_and_nothing_is_trained(folder: Path) -> None:
    found = optbench.costs(
        folder / "tiny.toml", ["sgd"], baselines=[], budget=0.1, launches=1, synthetic=True, runs=folder / "costs"
    )
    (arm,) = found.comparison.arms
    assert (arm.epoch_seconds or 0) > 0
    assert (found.runs, found.verdicts) == ({"sgd": ()}, {})
    with pytest.raises(OptbenchError, match="no run has a history"):
        found.plot("loss")
