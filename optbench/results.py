"""What a run and a measurement leave behind: frozen, torch-free, and the same after a trip through JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import chain
from statistics import median
from typing import Any, Literal

Status = Literal["ok", "diverged", "out_of_memory", "error"]
STATUSES = ("ok", "diverged", "out_of_memory", "error")

PHASES = ("data", "forward", "backward", "clip", "step", "schedule")
"""The phases of a training iteration in their order; `iteration` is their sum. `schedule` is a schedule's step, and the
weight prediction's new aim after it, where a recipe steps its schedule every iteration."""

GRADIENT_EDGES = tuple(range(-40, 11))
"""Edges of the bins in which gradients are counted, natural logarithms of |g|: e^-40, 4e-18, to e^10, 22,026."""


def finite(value: Any) -> Any:
    """Return `value` with every float that is NaN or infinite, however deep, replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def _given(cls: type, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document's values for the fields of a result class; ValueError when they do not fit."""
    names = {f.name for f in fields(cls)} - {"cached"}
    if not isinstance(document, Mapping) or set(document) != names:
        raise ValueError("not the fields of a " + cls.__name__)
    if "status" in names and document["status"] not in STATUSES:
        raise ValueError("unknown status")
    return dict(document)


@dataclass(frozen=True)
class RunResult:
    """How one optimizer trained with one seed.

    Attributes:
        optimizer: the reference as the user wrote it; `canonical`: in full.
        status: `ok`, `diverged`, `out_of_memory` or `error`; `message` says more when it is not `ok`.
        metrics: test figures by metric name; None where undefined (all of them unless `ok`).
        reported: what `metrics` is: of `final weights`, of the `mean of the last N epochs' weights` or of the `best
            validation epoch` (standard protocol), or each metric's `best epoch` (paper protocol).
        history: an entry an epoch: `epoch` (from 1), `train_loss`, `lr`, `seconds` (training alone), `updates` (at its
            end, since the run began), `losses` (means of the training loss over at most 50 stretches of the epoch:
            [updates at the stretch's end, mean]), `validation` {metric: value} under the standard protocol, `test`
            under the paper's, and where they are recorded `gradients`: [update, counts by `GRADIENT_EDGES`].
        executor: what ran the optimizer (`cpu`, `eager`, `torch`).
        state_bytes: bytes of the optimizer's state; `parameters`: how many numbers are trained.
        seconds: wall time of all epochs, evaluation included.
        weights_sha256: digest of the final weights and buffers, to compare runs bit by bit ('' unless `ok`).
        environment: versions and machine.
        cached: taken from the store and not run now (not stored).
    """

    optimizer: str
    canonical: str
    seed: int
    status: Status
    message: str
    metrics: Mapping[str, float | None]
    reported: str
    history: tuple[Mapping[str, Any], ...]
    executor: str
    state_bytes: int | None
    parameters: int | None
    seconds: float
    weights_sha256: str
    environment: Mapping[str, Any]
    cached: bool = field(default=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the result ready for JSON, without `cached`."""
        document: dict[str, Any] = finite(asdict(self))
        del document["cached"]
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "RunResult":
        """Return the result that `to_dict` wrote; ValueError or TypeError when it is something else."""
        given = _given(cls, document)
        metrics = given["metrics"]
        if not all(value is None or isinstance(value, (int, float)) for value in metrics.values()):
            raise ValueError("metrics must be numbers or null")
        given["history"] = tuple(given["history"])
        return cls(**given)


@dataclass(frozen=True)
class Ledger:
    """The bytes of one arm in a training iteration; the data set and the code are not counted.

    Attributes:
        parameters, buffers, gradients, batch: bytes of each.
        state: bytes of the optimizer's state as measured; `state_predicted`: from the rule's slots, None for a class
            that has no rule of ours.
        prediction_cache: XGrad's cache: a part of `state`, told apart.
        step_transient: the most bytes inside `step()` above those alive when it began.
        peak: the most bytes alive in an iteration; `peak_phase`: the phase that sets it; `peaks`: by phase.
        method: `live tensors` or `CUDA allocator`.
        rss: the process's largest resident set (CPU), None where it says nothing.
        device: `requested`, `allocated`, `reserved` and `process` bytes on a CUDA device; empty on the CPU.
    """

    parameters: int
    buffers: int
    gradients: int
    batch: int
    state: int
    state_predicted: int | None
    prediction_cache: int
    step_transient: int
    peak: int
    peak_phase: str
    peaks: Mapping[str, int]
    method: str
    rss: int | None
    device: Mapping[str, int]

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Ledger":
        """Return the ledger of a document's fields; ValueError or TypeError when it is something else."""
        return cls(**_given(cls, document))


@dataclass(frozen=True)
class Cost:
    """What training with one optimizer costs on this machine, measured apart from quality.

    Attributes:
        optimizer: the reference as the user wrote it; `canonical`: in full, with `#aa` or `#old` after it where the
            arm is a twin of another.
        status: `ok`, or `diverged`, `out_of_memory` or `error` with a `message` and no samples.
        executor: what ran the optimizer.
        samples: seconds per iteration by phase, those of `PHASES` that occur, and `iteration`: (launches, turns).
            Turn j of launch i of all arms of one measurement are neighbours in time.
        iterations: how many one turn timed; `epoch_iterations`: how many an epoch has.
        warmup_seconds: untimed work before: compilation, first touch of memory, caches; the median over launches.
        ledger: bytes, None where they were not measured.
        parameters: how many numbers are trained.
        cached: taken from the store and not measured now (not stored).
    """

    optimizer: str
    canonical: str
    status: Status
    message: str
    executor: str
    samples: Mapping[str, tuple[tuple[float, ...], ...]]
    iterations: int
    epoch_iterations: int
    warmup_seconds: float | None
    ledger: Ledger | None
    parameters: int | None
    cached: bool = field(default=False, compare=False)

    @property
    def epoch_seconds(self) -> float | None:
        """A training epoch's time (evaluation excluded): the median iteration, as often as an epoch has it."""
        turns = list(chain.from_iterable(self.samples.get("iteration", ())))
        return median(turns) * self.epoch_iterations if turns else None

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most bytes alive in an iteration."""
        return self.ledger.peak if self.ledger else None

    @property
    def state_bytes(self) -> int | None:
        """Bytes of the optimizer's state."""
        return self.ledger.state if self.ledger else None

    @property
    def scaled(self) -> bool:
        """Whether a turn timed only a part of an epoch, so that `epoch_seconds` is that part scaled up."""
        return self.iterations < self.epoch_iterations

    def to_dict(self) -> dict[str, Any]:
        """Return the cost ready for JSON, without `cached`."""
        document: dict[str, Any] = finite(asdict(self))
        del document["cached"]
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Cost":
        """Return the cost that `to_dict` wrote; ValueError or TypeError when it is something else."""
        given = _given(cls, document)
        given["samples"] = {
            phase: tuple(tuple(float(second) for second in turns) for turns in launches)
            for phase, launches in given["samples"].items()
        }
        if given["ledger"] is not None:
            given["ledger"] = Ledger.from_dict(given["ledger"])
        return cls(**given)


@dataclass(frozen=True)
class Measurement:
    """What one session of measuring found.

    Attributes:
        costs: by canonical reference.
        launches: fresh sets of worker processes; `turns`: the median number of turns that a launch gave an arm.
        seconds: wall time of the measuring.
        precision: the relative half-width of the intervals that was asked for; `reached`: whether it was reached
            before the budget was spent.
        busy: sentences that say what else ran on the machine; empty on a quiet one.
        synthetic: the data were generated.
        machine: processor, cores, memory, system (and GPU): what times may be compared on.
    """

    costs: Mapping[str, Cost]
    launches: int
    turns: int
    seconds: float
    precision: float | None
    reached: bool
    busy: tuple[str, ...]
    synthetic: bool
    machine: Mapping[str, object]

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement ready for JSON."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "costs"}
        document: dict[str, Any] = finite(own)
        return document | {"costs": {name: cost.to_dict() for name, cost in self.costs.items()}}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Measurement":
        """Return the measurement that `to_dict` wrote; ValueError or TypeError when it is something else."""
        given = _given(cls, document)
        given["costs"] = {name: Cost.from_dict(cost) for name, cost in given["costs"].items()}
        given["busy"] = tuple(given["busy"])
        return cls(**given)
