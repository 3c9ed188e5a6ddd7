"""What a measuring worker is told and what it answers: plain values that old and new code read alike. No torch."""

from dataclasses import dataclass
from pathlib import Path

from optbench.recipe import Recipe
from optbench.results import Status


@dataclass(frozen=True)
class Setup:
    """One arm, as a worker builds it.

    Attributes:
        optimizer: a reference that `optbench.optimizers.parse` reads: text, because an old checkout's `Reference`
            need not have the fields of this one.
        synthetic: train on generated data.
        checkout: where the optimizer's code must come from; None for this optbench and the installed packages.
    """

    recipe: Recipe
    optimizer: str
    seed: int
    device: str
    precision: str
    threads: int
    data_checksum: str
    data_root: Path | None
    synthetic: bool
    checkout: Path | None


@dataclass(frozen=True)
class Facts:
    """What a worker knows once it is warm.

    Attributes:
        epoch_iterations: iterations of an epoch.
        warmup_seconds: from the session's making to the last untimed step.
        executor: what runs the optimizer; `parameters`: how many numbers are trained.
    """

    epoch_iterations: int
    warmup_seconds: float
    executor: str
    parameters: int


class ArmFailed(Exception):
    """An arm that cannot be measured, with its status; the other arms go on."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status: Status = status
        self.message = message
