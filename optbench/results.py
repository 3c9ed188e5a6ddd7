"""What a run and a measurement leave behind: frozen, torch-free, and the same after a trip through JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from statistics import median
from typing import Any, Literal

Status = Literal["ok", "diverged", "out_of_memory", "error"]
STATUSES = ("ok", "diverged", "out_of_memory", "error")


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
    if document["status"] not in STATUSES:
        raise ValueError("unknown status")
    return dict(document)


@dataclass(frozen=True)
class RunResult:
    """How one optimizer trained with one seed.

    Attributes:
        optimizer: the reference as the user wrote it; `canonical`: in full.
        status: `ok`, `diverged`, `out_of_memory` or `error`; `message` says more when it is not `ok`.
        metrics: test figures by metric name; None where undefined (all of them unless `ok`).
        reported: `final weights` (standard protocol) or `best epoch` (paper protocol): what `metrics` is.
        history: an entry an epoch: `epoch` (from 1), `train_loss`, `lr`, `seconds` (training alone),
            `validation` {metric: value} under the standard protocol, `test` under the paper's.
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
class Cost:
    """What training with one optimizer costs on this machine, measured apart from quality.

    Attributes:
        optimizer: the reference as the user wrote it; `canonical`: in full.
        status: `ok`, or `out_of_memory` / `error` with a `message` and no figures.
        epoch_seconds: a training epoch's time, one figure a round (evaluation excluded).
        timed_iterations: iterations that one round timed; `epoch_iterations`: those of an epoch. Where the
            first is smaller, `epoch_seconds` is the timed part scaled to an epoch.
        warmup_seconds: untimed work before: compilation, first touch of memory, caches.
        peak_memory_bytes: the most bytes alive in an iteration; `memory_method` says how that was found
            (`live tensors` or `CUDA allocator`).
        state_bytes: bytes of the optimizer's state; `executor`: what ran it.
        ratio: epoch time over a baseline's, by the baseline's canonical reference: the median over rounds of
            the ratios of neighbours in time.
        cached: taken from the store and not measured now (not stored).
    """

    optimizer: str
    canonical: str
    status: Status
    message: str
    epoch_seconds: tuple[float, ...]
    timed_iterations: int
    epoch_iterations: int
    warmup_seconds: float | None
    peak_memory_bytes: int | None
    memory_method: str
    state_bytes: int | None
    executor: str
    ratio: Mapping[str, float]
    cached: bool = field(default=False, compare=False)

    @property
    def median_epoch_seconds(self) -> float | None:
        """The median over rounds, None without a figure."""
        return median(self.epoch_seconds) if self.epoch_seconds else None

    @property
    def scaled(self) -> bool:
        """Whether only a part of an epoch was timed and its time scaled up."""
        return self.timed_iterations < self.epoch_iterations

    def to_dict(self) -> dict[str, Any]:
        """Return the cost ready for JSON, without `cached`."""
        document: dict[str, Any] = finite(asdict(self))
        del document["cached"]
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Cost":
        """Return the cost that `to_dict` wrote; ValueError or TypeError when it is something else."""
        given = _given(cls, document)
        given["epoch_seconds"] = tuple(given["epoch_seconds"])
        return cls(**given)
