"""DTensor parameters (FSDP2): eager steps them as it steps whole ones."""

import subprocess
import sys
from pathlib import Path

from sharded_training import NAMES

SCRIPT = Path(__file__).with_name("sharded_training.py")


def test_sharded_parameters_follow_whole_ones(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "store")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line.startswith(NAMES))
    assert set(found) == set(NAMES)
    for name, difference in found.items():
        assert float(difference) <= 1e-6, name
