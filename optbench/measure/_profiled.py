"""What a profile finds: frozen and torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass

from optbench.measure.scale import ScalePoint
from optbench.results import Ledger, Measurement, Status


@dataclass(frozen=True)
class StepWork:
    """What one step asks of the machine.

    Attributes:
        launches: `device_kernels`, or on the CPU `operators` and `kernels` together.
        operators: calls into torch's dispatcher that read or write data.
        kernels: compiled kernels of the executors `cpu` and `cuda`.
        device_kernels: kernels that a CUDA device ran, of either kind; None on the CPU.
        moved_bytes: what the arguments of all of them say is read and written.
        minimum_bytes: what the rule must move; None for a class without a declaration.
        bandwidth: bytes a second of a copy that moves `minimum_bytes` (`moved_bytes` where there is none).
        roofline: the time of that copy over the step's; None without a minimum.
    """

    launches: int
    operators: int
    kernels: int
    device_kernels: int | None
    moved_bytes: int
    minimum_bytes: int | None
    bandwidth: float
    roofline: float | None


@dataclass(frozen=True)
class ArmProfile:
    """One optimizer.

    Attributes:
        optimizer: the reference as the user wrote it; `canonical`: in full.
        role: `base` where a weight prediction is over it, whether it was named or not; else `arm`.
        status: `ok`, or why there are no figures, with a `message`.
        base: the optimizer whose weights are predicted, '' for none.
        parts: seconds of an epoch by part (`phases.breakdown`); their sum is `epoch_seconds`.
        iteration_seconds, step_seconds: medians; the step with its prediction and its schedule.
        iterations: of an epoch; `samples_per_second`: in training, of full batches, evaluation left out.
    """

    optimizer: str
    canonical: str
    role: str
    status: Status
    message: str
    executor: str
    parameters: int | None
    base: str
    parts: Mapping[str, float]
    iteration_seconds: float | None
    step_seconds: float | None
    iterations: int
    samples_per_second: float | None
    step: StepWork | None
    ledger: Ledger | None

    @property
    def epoch_seconds(self) -> float | None:
        """An epoch with its evaluation."""
        return sum(self.parts.values()) if self.parts else None


@dataclass(frozen=True)
class Profile:
    """What `optbench profile` found.

    Attributes:
        arms: in the order named, bases after them; `scale`: by size, then in the order of the arms.
        measurement: the timer's facts: launches, turns, precision, what else ran.
    """

    recipe: str
    settings: Mapping[str, object]
    machine: Mapping[str, object]
    arms: tuple[ArmProfile, ...]
    scale: tuple[ScalePoint, ...]
    measurement: Measurement
