"""Runs executor_numerics.py under Triton's interpreter, which has to be chosen before Triton is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_numerics_under_the_interpreter():
    pytest.importorskip("triton", reason="the cuda executor needs Triton")
    here = Path(__file__).parent
    environment = {**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    options = ["-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", str(here / "executor_numerics.py"), *options]
    done = subprocess.run(command, env=environment, cwd=here.parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
