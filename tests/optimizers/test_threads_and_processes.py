"""The cpu executor gives the same bits in a child, in a thread and for any number of threads."""

import subprocess
import sys
from pathlib import Path

from optimizer_cases import ENVIRONMENT

SCRIPT = Path(__file__).with_name("cpu_executor_everywhere.py")


def test_fork_thread_spawn_and_thread_counts_give_the_same_bits():
    """In an interpreter of its own: forking pytest would warn, and a crash would end it."""
    command = [sys.executable, "-W", "error", str(SCRIPT)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["parent", "fork", "threads", "spawn", "counts", "after"]
