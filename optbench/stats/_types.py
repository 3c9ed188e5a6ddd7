"""What statistics take and give: frozen, torch-free, and complete, so that a report needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from optbench.results import Cost, Measurement, RunResult
from optbench.stats.times import Ratio

VERDICTS = ("better", "worse", "equivalent", "not distinguishable")


class Metric(Protocol):
    """What statistics need to know of a task's metric; `optbench.tasks.Metric` is one."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def direction(self) -> str: ...  # "higher" or "lower" is better
    @property
    def title(self) -> str: ...


@dataclass(frozen=True)
class ArmResult:
    """One optimizer of a comparison as it came from training and measuring: its runs by seed, and its cost.

    Attributes:
        label: the reference as the user wrote it; names the arm in every report.
        role: ``arm``, ``baseline`` or ``reference``.
        executor: what ran the optimizer's step: ``cpu``, ``eager``, ``torch``, ...
        runs: one result a seed; none where only the cost was measured.
        cost: time and memory, or None where none could be measured.
    """

    label: str
    role: str
    executor: str
    runs: tuple[RunResult, ...]
    cost: Cost | None = None

    @property
    def canonical(self) -> str:
        """The reference with every hyper-parameter; the label where nothing was run."""
        return next((part.canonical for part in (*self.runs, self.cost) if part), self.label)

    @property
    def epoch_seconds(self) -> float | None:
        """Seconds of a training epoch."""
        return self.cost.epoch_seconds if self.cost else None

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most bytes alive in a training iteration."""
        return self.cost.peak_memory_bytes if self.cost else None

    @property
    def state_bytes(self) -> int | None:
        """Bytes of the optimizer's state: as measured with the cost, or else as a run reported them."""
        if self.cost and self.cost.state_bytes is not None:
            return self.cost.state_bytes
        return next((run.state_bytes for run in self.runs if run.state_bytes is not None), None)


@dataclass(frozen=True)
class Difference:
    """Arm minus baseline, paired by seed, and what can be concluded from it.

    Attributes:
        value: the mean over the `seeds` seeds that both finished; None without one.
        low, high: its 95 % t interval; None with fewer than two seeds, or where nothing ever varied.
        bootstrap_low, bootstrap_high: the bootstrap's 95 % interval; None with fewer than `BOOTSTRAP_SEEDS` seeds.
        p: two-sided p-value of a difference of 0; `p_holm`: corrected over the family, which decides.
        margin: differences smaller than this count as none; None where the user gave no margin.
        verdict: one of `VERDICTS`, or empty where there is no interval and so no verdict.
        seeds_needed: for a verdict that is ``not distinguishable``: how many seeds would show a difference of
            `needed_for` with 80 % power; None where no number would (`needed_for` is 0) or it is past counting.
    """

    value: float | None
    low: float | None
    high: float | None
    seeds: int
    bootstrap_low: float | None = None
    bootstrap_high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    margin: float | None = None
    verdict: str = ""
    seeds_needed: int | None = None
    needed_for: float | None = None


@dataclass(frozen=True)
class Summary:
    """One metric of one arm: `mean` and `std` (ddof 1) over the seeds that finished.

    `per_seed` is in the order of `Comparison.seeds`, None where the run did not finish.
    """

    mean: float | None
    std: float | None
    per_seed: tuple[float | None, ...]
    difference: Mapping[str, Difference]  # by the baseline's label

    @property
    def seeds(self) -> int:
        """Number of seeds behind the mean."""
        return sum(value is not None for value in self.per_seed)


@dataclass(frozen=True)
class ToTarget:
    """How soon an arm reaches the target: epochs and training seconds, a seed that never does counted as infinite.

    Attributes:
        reached: how many of all `seeds` seeds reach it.
        epochs, seconds: the median over all seeds; None where it is a miss, because too many miss.
        per_seed: epochs, in the order of `Comparison.seeds`; None is a miss.
    """

    reached: int
    seeds: int
    epochs: float | None
    seconds: float | None
    per_seed: tuple[int | None, ...]


@dataclass(frozen=True)
class ArmSummary:
    """One row of a comparison. Times in seconds, sizes in bytes; None where undefined."""

    optimizer: str
    role: str
    status: str  # the worst of its runs and of its cost measurement
    executor: str
    metrics: Mapping[str, Summary]
    epoch_seconds: float | None  # of training, evaluation excluded
    epoch_ratio: Mapping[str, Ratio | None]  # of whole iterations, by the baseline's label; None to itself
    warmup_seconds: float | None  # compilation and first touch of memory, not in epoch_seconds
    timed_part: float | None  # share of an epoch that a turn timed; below 1 epoch_seconds is scaled up
    peak_memory_bytes: int | None
    memory_ratio: Mapping[str, float | None]
    state_bytes: int | None
    statuses: Mapping[str, int] = field(default_factory=dict)  # how many runs ended with which status
    messages: tuple[str, ...] = ()  # why runs failed, each reason once
    cached: int = 0  # runs that came from the store
    canonical: str = ""
    seed_statuses: tuple[str, ...] = ()  # in the order of Comparison.seeds
    cost: Cost | None = None
    step_ratio: Mapping[str, Ratio | None] = field(default_factory=dict)  # of the optimizer's own phases
    overhead: Mapping[str, Ratio | None] = field(default_factory=dict)  # as a fraction of an iteration
    to_target: ToTarget | None = None
    runs: tuple[RunResult, ...] = ()  # in the order of Comparison.seeds, histories included; none where nothing trained


@dataclass(frozen=True)
class Comparison:
    """All that a report needs; arms are ranked by the primary metric, arms with a failed run last."""

    recipe: str
    settings: Mapping[str, object]
    machine: Mapping[str, object]
    primary: str
    metrics: Mapping[str, Metric]
    baselines: tuple[str, ...]
    seeds: tuple[int, ...]
    arms: tuple[ArmSummary, ...]
    family: str = ""  # what Holm corrects over, in words; empty where nothing is corrected
    margins: Mapping[str, str] = field(default_factory=dict)  # by metric, as the user gave them
    target: tuple[str, float] | None = None  # (metric, value)
    measurement: Measurement | None = None
