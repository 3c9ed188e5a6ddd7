"""Fixtures for every test: no setting of the user's own machine reaches a test."""

import os

import pytest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take optbench's and the terminal's variables out of the environment."""
    for name in list(os.environ):
        if name.startswith("OPTBENCH_") or name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS"):
            monkeypatch.delenv(name)
