"""`optbench profile` from the command line: one real run, mistakes, and processes that fail."""

import json
import os
import sys
from pathlib import Path

import in_processes
import pytest
from click.testing import CliRunner, Result

from optbench.cli import main
from optbench.cli import profile as command
from optbench.errors import OptbenchError
from optbench.measure import _scale_worker
from optbench.measure import profile as profiling
from optbench.measure._fresh import call as fresh
from optbench.measure._messages import ArmFailed

HERE = Path(__file__).parent
TINY = """
title = "a test"
optims = ["xgrad+sgdm:impl=eager"]
[data]
name = "digits"
[model]
name = "digits-cnn"
[training]
epochs = 2
batch_size = 400
seeds = 1
[optimizers.sgdm]
lr = 0.05
provenance = "made up for tests"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(HERE), *sys.path])
    (tmp_path / "tiny.toml").write_text(TINY)


def call(*args: object) -> Result:
    return CliRunner().invoke(main, ["profile", *map(str, args)], catch_exceptions=False)


def test_a_function_runs_in_a_process_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    number, process, threshold = fresh(in_processes.answer, 1)
    assert number == 2
    assert process != os.getpid()
    assert threshold is not None  # glibc is kept from giving memory back, there and not here
    assert "MALLOC_MMAP_THRESHOLD_" not in os.environ
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("function", "status", "message"),
    [(in_processes.fail, "error", "ValueError: it broke"), (in_processes.die, "out_of_memory", "SIGKILL")],
)
def test_a_process_that_fails_says_how(function, status: str, message: str) -> None:
    with pytest.raises(ArmFailed, match=message) as caught:
        fresh(function)
    assert caught.value.status == status


def test_a_users_mistake_in_a_process_stays_one() -> None:
    with pytest.raises(OptbenchError, match="what is wrong; what to do"):
        fresh(in_processes.refuse)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--optims", "adaplu"], ["adaplu", "did you mean 'adaplus'?"]),
        (["digits-cn"], ["digits-cn", "did you mean 'digits-cnn'?"]),
        (["--scale", "0"], ["--scale 0", "1M,10M,100M"]),
        (["--scale", "1X"], ["'1X'", "1M,10M,100M"]),
        (["--scale", "1M,900G"], ["--scale 900,000,000,000", "GiB", "smaller numbers"]),
        (["--plot", "a.svg"], ["a.svg", "--scale"]),
        (["--plot", "a.gif", "--scale", "1k"], ["a.gif", ".svg or .png"]),
        (["--trace", "nowhere/trace.json"], ["nowhere/trace.json", "no folder nowhere"]),
        (["--trace", "."], ["--trace .", "folder", "name a file"]),
        (["--memory-snapshot", "m.pickle"], ["m.pickle", "cpu", "--device cuda"]),
        (["--memory-snapshot", "no/m.pickle", "--device", "cuda"], ["no/m.pickle", "no folder no"]),
        (["--device", "tpu"], ["tpu", "cpu"]),
        (["--batch-size", "0"], ["--batch-size", "0"]),
        (["--cost-budget", "-1"], ["-1"]),
        (["--cost-precision", "300%"], ["300%"]),
        (["--format", "latex"], ["latex", "html"]),
        (["--epochs", "3"], ["--epochs"]),
        (["--optims", "nowhere.to_be.Found"], ["nowhere.to_be.Found"]),
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line_before_anything_is_measured(
    args: list[str], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiling, "measure_arms", lambda *args, **options: pytest.fail("something was measured"))
    done = call("tiny.toml" if args[0].startswith("--") else args.pop(0), *args)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def test_no_permission_to_write() -> None:
    if os.geteuid() == 0:  # root may write anywhere but in the kernel's file systems
        return
    os.chmod(".", 0o500)
    done = call("tiny.toml", "--trace", "trace.json")
    assert done.exit_code == 2
    assert "writing is not permitted" in done.stderr


@pytest.mark.slow
def test_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prediction with its base, and a class by import path that fails; growth, a picture and a trace."""
    monkeypatch.setattr(command, "LAUNCHES", 1)
    monkeypatch.setattr(_scale_worker, "SECONDS", 0.1)
    optims = "xgrad+sgdm:impl=eager,stepping.Failing:lr=0.1"
    files = ("--trace", "trace.json", "--plot", "growth.svg")
    done = call("tiny.toml", "--optims", optims, "--cost-budget", "0.1", "--scale", "2k", *files, "--format", "json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    arms = {arm["optimizer"]: arm for arm in document["arms"]}
    assert list(arms) == [*optims.split(","), "sgdm:impl=eager"]
    over, failing, base = arms.values()
    assert (over["base"], base["role"], base["canonical"][:5]) == ("sgdm:impl=eager", "base", "sgdm:")
    assert "lr=0.05" in base["canonical"]  # the recipe's, for the base as for the prediction
    for arm in (over, base):
        assert arm["status"] == "ok"
        parts = arm["epoch"]["parts"]
        expected = ["data", "forward", "backward", "step", "evaluation"]
        expected[4:4] = ["prediction"] if arm is over else []
        assert list(parts) == expected
        assert all(part["seconds"] > 0 for name, part in parts.items() if name != "prediction")
        assert arm["samples_per_second"] > 0
    size = over["memory"]["parameters"]
    assert over["memory"]["prediction_cache"] == size
    assert over["memory"]["peak"] - base["memory"]["peak"] == size
    assert base["step"]["minimum_bytes"] == 20 * base["parameters"]
    assert (failing["status"], failing["message"]) == ("error", "RuntimeError: no step today")
    assert [point["optimizer"] for point in document["scale"]] == [name for name in arms if "Failing" not in name]
    assert done.stderr.splitlines()[-2:] == ["wrote growth.svg", "wrote trace.json"]
    names = {event.get("name") for event in json.loads(Path("trace.json").read_text())["traceEvents"]}
    assert {"data", "forward", "backward", "step", "evaluation", *arms} - names == {"stepping.Failing:lr=0.1"}
    assert Path("growth.svg").read_text().startswith("<svg")
