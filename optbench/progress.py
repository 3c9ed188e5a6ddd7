"""How training tells what it does, to whoever shows it."""

from typing import Any, Protocol

from optbench.plan import RunSpec
from optbench.results import RunResult


class Progress(Protocol):
    """What is told while runs go on. Of a run found in the store, only its end is (`result.cached`)."""

    def run_started(self, spec: RunSpec) -> None:
        """The run begins, or goes on from a checkpoint."""

    def epoch(self, spec: RunSpec, epoch: int, epochs: int, row: dict[str, Any]) -> None:
        """One of `epochs` is done; `row` is its entry of the history."""

    def within(self, spec: RunSpec, epoch: int, epochs: int, part: float) -> None:
        """Of an epoch (from 1) this part, 0 to 1, has been trained; told every few seconds."""

    def run_finished(self, spec: RunSpec, result: RunResult) -> None:
        """The run's result is there."""


class Silent:
    """A `Progress` that tells nobody."""

    def run_started(self, spec: RunSpec) -> None:
        """Tell nobody."""

    def epoch(self, spec: RunSpec, epoch: int, epochs: int, row: dict[str, Any]) -> None:
        """Tell nobody."""

    def within(self, spec: RunSpec, epoch: int, epochs: int, part: float) -> None:
        """Tell nobody."""

    def run_finished(self, spec: RunSpec, result: RunResult) -> None:
        """Tell nobody."""
