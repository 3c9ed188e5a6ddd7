"""Fixtures for every test: no setting of the user's own machine reaches a test."""

import os

import pytest

LONGEST = ("tests/test_readme.py", "tests/training/test_every_recipe.py", "tests/verify/test_mutants.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: what begins last is what everybody waits for."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take optbench's and the terminal's variables out of the environment."""
    for name in list(os.environ):
        if name.startswith("OPTBENCH_") or name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS"):
            monkeypatch.delenv(name)
