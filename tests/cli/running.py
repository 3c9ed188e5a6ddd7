"""Ways to run the command line in tests: in this process, or as a user would."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

import optbench
from optbench.cli import main

CHECKOUT = Path(optbench.__file__).parent.parent

TINY = """
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
[optimizers.sgdm]
lr = 0.05
provenance = "made up for tests"
"""


def call(*args: object, env: dict[str, str] | None = None) -> Result:
    """Run optbench in this process; stdout and stderr are kept apart."""
    return CliRunner().invoke(main, list(map(str, args)), env=env, catch_exceptions=False)


def start(*args: object, cwd: Path, **more: Any) -> "subprocess.Popen[str]":
    """Start optbench as a process of its own in a folder."""
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), **more.pop("env", {})}
    command = [sys.executable, "-m", "optbench", *map(str, args)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(command, cwd=cwd, env=env, text=True, preexec_fn=_hear_ctrl_c, **pipes)


def _hear_ctrl_c() -> None:
    """Undo what a shell does to its background jobs, and so to all that they start: ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(*args: object, cwd: Path, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run optbench as a process of its own in a folder, to its end."""
    process = start(*args, cwd=cwd, **more)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
