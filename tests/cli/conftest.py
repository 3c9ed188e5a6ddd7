import sys
from pathlib import Path

import pytest
from running import TINY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a test: empty but for a recipe that trains in a moment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # the command line adds the folder to it
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path
