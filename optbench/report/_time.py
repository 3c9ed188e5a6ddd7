"""What the arms cost in time, as tables: an iteration by phase, ratios to the baselines, this machine's noise floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from optbench.report._cells import NOTHING, TIME_UNITS, Cell, Column, Section, intervals, seconds, unit_of
from optbench.report._quality import optimizers
from optbench.results import PHASES, Cost
from optbench.stats import ArmSummary, Comparison, Ratio, times

TWIN = "#aa"  # follows the canonical reference of the baseline's twin, which `--aa` measures
PERCENT = 100.0


@dataclass(frozen=True)
class Noise:
    """A baseline timed against itself.

    Attributes:
        baseline: its label.
        ratio: by ``iteration`` and ``step``, its twin's time over its own: 1 but for noise.
        resolution: by the same, the least difference that this machine resolves, as a fraction; None of one launch.
    """

    baseline: str
    ratio: Mapping[str, Ratio]
    resolution: Mapping[str, float | None]


def sections(comparison: Comparison) -> list[Section]:
    """Return the tables of time; none where none was measured."""
    if not any(arm.cost and arm.cost.samples for arm in comparison.arms):
        return []
    first = optimizers(comparison)
    found = [Section("time of a training iteration, and of an epoch", first, tuple(_phases(comparison)))]
    if len(comparison.arms) > 1:
        found += [_against(comparison, baseline) for baseline in comparison.baselines]
    if predicted := _predictions(comparison):
        found.append(predicted)
    if measured := noise(comparison):
        found.append(_noise(measured))
    return found


def phase_seconds(cost: Cost | None) -> dict[str, Ratio]:
    """Return seconds of an iteration by phase, in the phases' order, and of all of it as ``iteration``."""
    found = {phase: times.seconds(cost, phase) for phase in (*PHASES, "iteration")} if cost else {}
    return {phase: value for phase, value in found.items() if value is not None}


def phase_medians(cost: Cost | None) -> dict[str, float]:
    """Return seconds of an iteration by phase as `phase_seconds`, but the medians over all turns of all launches."""
    samples = cost.samples if cost else {}
    turns = {phase: list(chain.from_iterable(samples.get(phase, ()))) for phase in (*PHASES, "iteration")}
    return {phase: median(found) for phase, found in turns.items() if found}


def base_of(arm: ArmSummary, arms: Sequence[ArmSummary]) -> ArmSummary | None:
    """Return the arm that `arm` predicts weights for, where it is ``xgrad+NAME`` and NAME is there with its options.

    A canonical reference names every option, the base's and the wrapper's, so the base's are a subset.
    """
    name, *options = arm.canonical.split(":")
    if not name.startswith("xgrad+"):
        return None
    found = []
    for other in arms:
        other_name, *other_options = other.canonical.split(":")
        if other_name == name.removeprefix("xgrad+") and set(other_options) <= set(options):
            found.append((len(other_options), other))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def prediction(arm: ArmSummary, arms: Sequence[ArmSummary]) -> tuple[ArmSummary, Ratio] | None:
    """Return an XGrad arm's base and what the prediction adds to the base's iteration, as a fraction of it."""
    base = base_of(arm, arms)
    if base is None or arm.cost is None or base.cost is None:
        return None
    share = times.overhead(arm.cost, base.cost)
    return None if share is None else (base, share)


def noise(comparison: Comparison) -> Noise | None:
    """Return what ``--aa`` found, or None where it was not asked for or failed."""
    costs = comparison.measurement.costs if comparison.measurement else {}
    for arm in comparison.arms:
        twin = costs.get(arm.canonical + TWIN)
        if arm.cost is None or twin is None:
            continue
        phases: dict[str, times.Phase] = {"iteration": "iteration", "step": times.OWN}
        found = {name: times.ratio(twin, arm.cost, phase) for name, phase in phases.items()}
        ratios = {name: value for name, value in found.items() if value is not None}
        floors = {name: times.resolution(twin, arm.cost, phases[name]) for name in ratios}
        return Noise(arm.optimizer, ratios, floors) if ratios else None
    return None


def _phases(comparison: Comparison) -> list[Column]:
    """Return a column for each phase, all in one unit, the whole iteration, the epoch, and who ran the step."""
    rows = [phase_medians(arm.cost) for arm in comparison.arms]
    present = [phase for phase in (*PHASES, "iteration") if any(phase in row for row in rows)]
    values = {phase: [row.get(phase) for row in rows] for phase in present}
    unit = unit_of([value for column in values.values() for value in column], TIME_UNITS)
    columns = [seconds(phase, values[phase], unit) for phase in present]
    columns.append(seconds("epoch", [arm.epoch_seconds for arm in comparison.arms]))
    executors = tuple(Cell(arm.executor or NOTHING) for arm in comparison.arms)
    return [*columns, Column(("executor",), executors, "left")]


def _against(comparison: Comparison, baseline: str) -> Section:
    """Return the other arms' overhead over a baseline, and their ratios of whole iterations and of steps."""
    arms = [arm for arm in comparison.arms if arm.optimizer != baseline]
    names = tuple(Cell(arm.optimizer, "" if arm.status == "ok" else "failed") for arm in arms)
    columns = _ratio_columns(
        "overhead %",
        [arm.overhead.get(baseline) for arm in arms],
        [arm.epoch_ratio.get(baseline) for arm in arms],
        [arm.step_ratio.get(baseline) for arm in arms],
    )
    return Section(f"time against {baseline}", Column(("optimizer",), names, "left"), columns)


def _predictions(comparison: Comparison) -> Section | None:
    """Return what XGrad arms add to their bases, where they are arms too."""
    arms = comparison.arms
    found = [(arm, *share) for arm in arms if (share := prediction(arm, arms))]
    if not found:
        return None
    names = tuple(Cell(f"{arm.optimizer} over {base.optimizer}") for arm, base, _ in found)
    pairs = [(arm.cost, base.cost) for arm, base, _ in found if arm.cost and base.cost]
    columns = _ratio_columns(
        "prediction %",
        [share for _, _, share in found],
        [times.ratio(mine, theirs) for mine, theirs in pairs],
        [times.ratio(mine, theirs, times.OWN) for mine, theirs in pairs],
    )
    extra = [growth(arm.peak_memory_bytes, base.peak_memory_bytes) for arm, base, _ in found]
    memory = tuple(Cell(NOTHING if each is None else f"{PERCENT * each:+z.2f}") for each in extra)
    return Section(
        "weight prediction over its base",
        Column(("optimizer",), names, "left"),
        (*columns, Column(("peak memory %",), memory)),
    )


def growth(value: float | None, base: float | None) -> float | None:
    """Return how much larger `value` is than `base`, as a fraction of it; None where that is undefined."""
    return value / base - 1 if value is not None and base else None


def _ratio_columns(
    heading: str, shares: Sequence[Ratio | None], iterations: Sequence[Ratio | None], steps: Sequence[Ratio | None]
) -> tuple[Column, ...]:
    """Return a share of an iteration in percent, and the ratios of whole iterations and of steps."""
    return (
        Column((heading,), intervals(shares, 2, sign="+", factor=PERCENT, neutral=0.0)),
        Column(("iteration, ratio",), intervals(iterations, 3, neutral=1.0)),
        Column(("step, ratio",), intervals(steps, 2, neutral=1.0)),
    )


def _noise(found: Noise) -> Section:
    floors = [found.resolution[name] for name in found.ratio]
    resolved = tuple(Cell(NOTHING if floor is None else f"{PERCENT * floor:.2f}") for floor in floors)
    return Section(
        f"noise floor of this machine: {found.baseline} timed against itself",
        Column(("phase",), tuple(map(Cell, found.ratio)), "left"),
        (
            Column((f"{found.baseline} / {found.baseline}",), intervals(list(found.ratio.values()), 3)),
            Column(("least difference", "resolved, %"), resolved),
        ),
    )
