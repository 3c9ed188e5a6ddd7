"""What the commands print, and where; one comparison is trained for all of them."""

import contextlib
import csv
import io
import json
import os
import pty
import re
from pathlib import Path

import pytest
from click.testing import Result
from running import TINY, call, start

import optbench
from optbench import optimizers, recipe, tasks

ARMS = {"adaplus:impl=eager": "arm", "sgdm:lr=1e9:impl=torch": "arm", "adamw": "baseline", "sgdm": "baseline"}
COMPARE = ("compare", "tiny.toml", "--no-cost", "--optims", "adaplus:impl=eager,sgdm:lr=1e9:impl=torch")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with the comparison's runs in it."""
    root = tmp_path_factory.mktemp("store")
    (root / "tiny.toml").write_text(TINY)
    done = call("compare", root / "tiny.toml", *COMPARE[2:], "--runs", root / "runs")
    assert done.exit_code == 0, done.stderr
    return root / "runs"


@pytest.fixture
def compare(store: Path, folder: Path):
    def run(*args: str) -> Result:
        return call(*COMPARE, "--runs", store, *args)

    return run


def strict_json(text: str):
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_version() -> None:
    assert call("--version").stdout == f"optbench {optbench.__version__}\n"


def test_help_lists_every_command_with_a_sentence() -> None:
    text = call("--help").stdout
    for name in ("compare", "list", "show", "train"):
        assert re.search(rf"^  {name} +[A-Z].+\.$", text, re.MULTILINE), name
        found = call(name, "--help")
        assert found.exit_code == 0
        assert re.search(rf"^  optbench {name}", found.stdout, re.MULTILINE)  # an example on a line of its own
        assert "\\b" not in found.stdout


def test_no_command_shows_the_help() -> None:
    found = call()
    assert found.exit_code == 2
    assert "compare" in found.stderr


def test_list_names_everything() -> None:
    text = call("list").stdout
    for name in [*optimizers.names(), "xgrad", *recipe.names(), "digits", "fashion-mnist", "mnist", "lenet"]:
        assert re.search(rf"^  {name} ", text, re.MULTILINE), name


def test_list_takes_a_kind_and_a_pattern() -> None:
    names = [line.split()[0] for line in call("list", "optimizers", "ada*").stdout.splitlines()]
    assert names == optimizers.names("ada*")
    assert {"adaplus", "adam"} <= set(names) | {"adam"}
    both = call("list", "*digits*").stdout
    assert both.startswith("recipes\n  digits-cnn ")
    assert "\n\ndatasets\n  digits " in both


def test_show_an_optimizer_gives_equations_defaults_bounds_paper_and_costs() -> None:
    text = call("show", "adaplus").stdout
    for part in (
        "https://arxiv.org/abs/2309.01966",
        "m_t",
        "0.9/0.999",
        "number >= 0",
        "eps_mode",
        "eager, cpu",
    ):
        assert part in text
    assert re.search(r"state: +8 bytes a parameter", text)
    assert re.search(r"traffic: +28 bytes", text)


def test_show_a_reference_counts_with_its_options() -> None:
    assert re.search(r"state: +8 bytes", call("show", "adaplus").stdout)
    assert re.search(r"state: +12 bytes", call("show", "adaplus:amsgrad=true").stdout)
    both = call("show", "xgrad+adamw:s=2").stdout
    assert both.index("wrapper xgrad") < both.index("optimizer adamw")
    assert re.search(r"^  s +2 ", both, re.MULTILINE)


@pytest.mark.parametrize("name", ["digits-cnn", "digits", "fashion-mnist", "lenet", "xgrad", *optimizers.names()])
def test_everything_can_be_shown(name: str) -> None:
    found = call("show", name)
    assert found.exit_code == 0
    assert name in found.stdout.splitlines()[0]


def test_show_a_recipe_gives_values_and_where_they_come_from() -> None:
    text = call("show", "digits-cnn").stdout
    found = recipe.load("digits-cnn")
    assert re.search(rf"epochs: +{found.epochs}$", text, re.MULTILINE)
    for name, origin in found.provenance.items():
        assert name in text
        assert " ".join(origin.split()) in " ".join(text.split())


def test_table_goes_to_stdout_and_the_rest_to_stderr(compare) -> None:
    found = compare()
    assert found.exit_code == 0
    assert "8 of 8 runs from the store" in found.stderr
    assert found.stdout.startswith("tiny: a test\n")
    assert "\x1b" not in found.output
    for arm in ARMS:
        assert arm in found.stdout
    assert "8 of 8 runs came from the store" in found.stdout
    assert compare("-q").stderr == ""


def test_a_diverged_arm_is_last_and_no_failure(compare) -> None:
    found = compare("--format", "json")
    assert found.exit_code == 0
    last = strict_json(found.stdout)["arms"][-1]
    assert (last["optimizer"], last["status"]) == ("sgdm:lr=1e9:impl=torch", "diverged")
    assert last["metrics"]["accuracy"]["mean"] is None
    assert last["metrics"]["accuracy"]["per_seed"] == [None, None]


def test_json_of_a_comparison_is_of_its_schema(compare) -> None:
    found = strict_json(compare("--format", "json").stdout)
    assert found["schema"] == "optbench.compare/1"
    assert found["recipe"] == "tiny"
    assert found["machine"]["cores"] >= 1
    assert found["primary"] == tasks.info("classification").primary
    assert found["metrics"]["accuracy"] == {"unit": "percent", "direction": "higher"}
    assert found["metrics"]["cross_entropy"] == {"unit": "nats", "direction": "lower"}
    assert found["measurement"] is None
    assert {arm["optimizer"]: arm["role"] for arm in found["arms"]} == ARMS
    for arm in found["arms"]:
        assert set(arm["metrics"]) == {"accuracy", "cross_entropy"}
        for metric in arm["metrics"].values():
            assert set(metric["difference"]) == {"adamw", "sgdm"}
            assert len(metric["per_seed"]) == 2
            if arm["status"] == "ok":
                assert metric["mean"] == pytest.approx(sum(metric["per_seed"]) / 2)
                assert all(d["low"] <= d["value"] <= d["high"] for d in metric["difference"].values())
        assert set(arm["epoch_seconds"]["ratio"]) == {"adamw", "sgdm"}
        assert arm["epoch_seconds"]["median"] is None
    by_name = {arm["optimizer"]: arm for arm in found["arms"]}
    assert by_name["adaplus:impl=eager"]["executor"] == "eager"
    assert by_name["adamw"]["state_bytes"] >= 2 * 4 * 38_282  # two slots of fp32 for each of the model's parameters


def test_csv_and_markdown_hold_the_same_arms(compare) -> None:
    rows = list(csv.DictReader(io.StringIO(compare("--format", "csv").stdout)))
    assert {row["optimizer"]: row["role"] for row in rows} == ARMS
    markdown = compare("--format", "markdown").stdout
    assert markdown.count("\n| adaplus:impl=eager ") == 2  # quality and verdicts
    assert "sgdm:lr=1e9:impl=torch" in markdown


def test_ascii_terminals_get_a_readable_table(store: Path, folder: Path) -> None:
    from click.testing import CliRunner

    from optbench.cli import main

    done = CliRunner(charset="ascii").invoke(main, [*COMPARE, "--runs", str(store)])
    assert done.exit_code == 0
    assert " +- " in done.stdout
    assert "?" not in done.stdout


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_gets_colour_unless_told_otherwise(store: Path, folder: Path, colour: bool) -> None:
    ours, theirs = pty.openpty()
    env = {"TERM": "xterm-256color", **({} if colour else {"NO_COLOR": "1"})}
    process = start(*COMPARE, "--runs", store, "-q", cwd=folder, stdout=theirs, env=env)
    os.close(theirs)
    parts = []
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    text = b"".join(parts)
    assert b"tiny: a test" in text
    assert (b"\x1b[1mtiny: a test\x1b[0m" in text) is colour
    assert (b"\x1b" in text) is colour


def test_one_seed_of_two_is_found_in_the_store(store: Path, folder: Path) -> None:
    found = call("train", "tiny.toml", "--optim", "adamw", "--seed", "1", "--runs", store)
    assert "1 of 1 run from the store" in found.stderr
    assert "from the store" in found.stdout


def test_train_prints_one_run(folder: Path) -> None:
    command = ("train", "tiny.toml", "--optim", "sgdm:impl=torch:lr=0.03", "--seed", "3")
    found = call(*command)
    assert found.exit_code == 0, found.stderr
    assert "tiny: sgdm:impl=torch:lr=0.03, seed 3: ok" in found.stdout
    assert len(re.findall(r"^ +[12] +\d", found.stdout, re.MULTILINE)) == 2
    document = strict_json(call(*command, "--format", "json").stdout)
    assert document["schema"] == "optbench.run/1"
    assert (document["optimizer"], document["seed"]) == ("sgdm:impl=torch:lr=0.03", 3)
    assert (document["status"], document["cached"]) == ("ok", True)
    assert set(document["metrics"]) == {"accuracy", "cross_entropy"}
    assert [row["epoch"] for row in document["history"]] == [1, 2]
    assert set(document["history"][0]) == {"epoch", "train_loss", "lr", "seconds", "validation", "updates", "losses"}
    assert f"accuracy {document['metrics']['accuracy']:.4f}" in found.stdout


def test_rerun_trains_again_to_the_same_figures(folder: Path) -> None:
    command = ("train", "tiny.toml", "--optim", "sgdm:impl=torch", "--format", "json", "--epochs", "1")
    first, again = (strict_json(call(*command, *more).stdout) for more in ([], ["--rerun"]))
    assert (first["cached"], again["cached"]) == (False, False)
    assert first["metrics"] == again["metrics"]
    assert first["weights_sha256"] == again["weights_sha256"]


def test_environment_variables_name_the_folders(folder: Path) -> None:
    command = ("train", "tiny.toml", "--optim", "sgdm:impl=torch", "--epochs", "1")
    assert call(*command, env={"OPTBENCH_RUNS": str(folder / "elsewhere")}).exit_code == 0
    assert (folder / "elsewhere" / "store.json").exists()
    assert not (folder / ".optbench").exists()
    assert call(*command, env={"OPTBENCH_RUNS": "", "OPTBENCH_DATA": ""}).exit_code == 0  # empty is unset
    assert (folder / ".optbench" / "store.json").exists()
    assert (folder / ".optbench" / ".gitignore").read_text() == "*\n"


def test_a_class_of_the_current_folder_is_an_optimizer(folder: Path) -> None:
    (folder / "my_module.py").write_text(
        "import torch\n\n\nclass Mine(torch.optim.SGD):\n    '''Plain SGD by another name.'''\n"
    )
    command = ("train", "tiny.toml", "--format", "json", "--epochs", "1", "--optim")
    mine = strict_json(call(*command, "my_module.Mine:lr=0.1").stdout)
    plain = strict_json(call(*command, "torch.optim.SGD:lr=0.1").stdout)
    assert mine["optimizer"] == "my_module.Mine:lr=0.1"
    assert mine["weights_sha256"] == plain["weights_sha256"]


def test_without_a_baseline_there_is_none(folder: Path) -> None:
    command = ("compare", "tiny.toml", "--no-cost", "--optims", "sgdm:impl=torch", "--epochs", "1", "--seeds", "1")
    document = strict_json(call(*command, "--baselines", "none", "--format", "json").stdout)
    assert [(arm["optimizer"], arm["role"]) for arm in document["arms"]] == [("sgdm:impl=torch", "arm")]
    assert document["arms"][0]["metrics"]["accuracy"]["difference"] == {}
    assert document["arms"][0]["metrics"]["accuracy"]["std"] is None
