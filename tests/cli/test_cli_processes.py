"""Interruptions and company: Ctrl-C, kill -9, two commands at once, a reader that goes away."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from running import run, start

TRAIN = ("train", "tiny.toml", "--optim", "adamw:impl=torch", "--format", "json", "--epochs", "30")


def checkpoints(folder: Path) -> list[Path]:
    return list((folder / ".optbench" / "runs").glob("*/checkpoint.pt"))


def started(folder: Path, *args: object) -> "subprocess.Popen[str]":
    """Start a command and return once it has stored the first epoch of a run."""
    process = start(*args, cwd=folder)
    deadline = time.monotonic() + 60
    while not checkpoints(folder):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def undisturbed(folder: Path) -> dict[str, object]:
    elsewhere = folder / "undisturbed"
    return json.loads(run(*TRAIN, "--runs", elsewhere, cwd=folder).stdout)


def same_result(one: dict[str, object], other: dict[str, object]) -> bool:
    keys = ("optimizer", "seed", "status", "metrics", "weights_sha256")
    losses = [[row["train_loss"] for row in document["history"]] for document in (one, other)]
    return all(one[key] == other[key] for key in keys) and losses[0] == losses[1]


def test_python_m_optbench_is_the_command(folder: Path) -> None:
    found = run("--help", cwd=folder)
    assert found.returncode == 0
    assert found.stdout.startswith("Usage: optbench [OPTIONS]")


def test_a_mistake_prints_one_line(folder: Path) -> None:
    found = run("compare", "--optims", "adaplu", cwd=folder)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "error: unknown optimizer 'adaplu'; did you mean 'adaplus'?\n"


def test_kill_9_and_the_same_command_gives_the_undisturbed_result(folder: Path) -> None:
    process = started(folder, *TRAIN)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (checkpoint,) = checkpoints(folder)
    assert not (checkpoint.parent / "result.json").exists()
    again = run(*TRAIN, cwd=folder)
    assert again.returncode == 0, again.stderr
    assert same_result(json.loads(again.stdout), undisturbed(folder))


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_says_what_was_kept_and_how_to_go_on(folder: Path, jobs: int) -> None:
    command = (
        "compare",
        "tiny.toml",
        "--no-cost",
        "--optims",
        "sgdm:impl=torch",
        "--baselines",
        "none",
        "--epochs",
        "300",
    )
    process = started(folder, *command, "--jobs", jobs)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == (
        "interrupted: 0 of 2 runs are stored in .optbench; run the same command again to continue"
    )
    assert "Traceback" not in err
    assert checkpoints(folder)


def test_two_commands_at_once_share_one_run(folder: Path) -> None:
    both = [start(*TRAIN, cwd=folder) for _ in range(2)]
    documents = []
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        documents.append(json.loads(out))
    assert same_result(*documents)
    assert sorted(document["cached"] for document in documents) == [False, True]


def test_a_reader_that_goes_away_is_no_traceback(folder: Path) -> None:
    process = start("show", "adaplus", cwd=folder)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()
