"""A profile: where an epoch's time goes, what a step does, what an iteration holds, and how both grow. No torch here.

The timer and the ledger are those of `compare`. What they do not see is looked at afterwards, each arm in a process of
its own: see `phases`, `roofline` and `scale` for what the figures mean and for their limits.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.errors import OptbenchError
from optbench.measure import CostSettings, Report, measure_arms
from optbench.measure._lock import alone
from optbench.measure._messages import ArmFailed
from optbench.measure._profiled import ArmProfile, Profile, StepWork
from optbench.measure.phases import breakdown
from optbench.measure.scale import ScalePoint, check_memory
from optbench.optimizers import Reference, info
from optbench.plan import Arm
from optbench.results import Cost
from optbench.stats.times import OWN, seconds

if TYPE_CHECKING:
    from optbench.measure._inspect import Inspection

Stages = Callable[[str], Report]
"""Given the title of a stage, returns what is told how far it is."""


def base_of(reference: Reference) -> Reference | None:
    """Return what a weight prediction wraps, with the options that it has there; None for a plain optimizer."""
    if not reference.xgrad:
        return None
    own = info("xgrad").declaration.hyperparameters
    head, *pairs = reference.text.split(":")
    text = ":".join([head.partition("+")[2], *(pair for pair in pairs if pair.partition("=")[0] not in own)])
    return Reference(text, reference.name, options=tuple(reference.split()[0].items()))


def profile(
    arms: Sequence[Arm],
    *,
    settings: CostSettings,
    said: tuple[Mapping[str, object], Mapping[str, object]],
    sizes: Sequence[int] = (),
    data_root: Path | None = None,
    stages: Stages = lambda title: lambda done, expected, text: None,
    note: Callable[[str], None] = lambda text: None,
) -> Profile:
    """Measure everything, with nothing else of optbench running.

    Args:
        arms: with the bases of weight predictions among them, as baselines.
        settings: of the timer.
        said: the recipe's settings as they are run, and the machine, for the report.
        sizes: numbers of parameters to measure growth at.
        data_root: folder to look in for data first.
        stages: told what is going on.
        note: told that another process measures and has to be waited for.

    Raises:
        OptbenchError: missing data, no such device, an optimizer that cannot be made, sizes that do not fit.
    """
    from optbench.measure import _inspect
    from optbench.measure._fresh import call
    from optbench.measure._tracks import tracks_of

    spec = arms[0].specs[0]
    if spec.device_type == "cpu":
        check_memory([arm.reference for arm in arms], sizes)
    name = spec.recipe.name

    def wait() -> None:
        note("another process measures costs: waiting for it")

    with alone(wait):
        pass  # `measure_arms` waits too, but tells only its progress where there is no store
    measured = measure_arms(arms, settings=settings, data_root=data_root, progress=stages(f"timing {name}"))
    found: list[ArmProfile] = []
    with alone(wait):
        report = stages("looking at steps")
        for number, (arm, track) in enumerate(zip(arms, tracks_of(arms, settings, data_root), strict=True)):
            report(number, len(arms), arm.reference.text)
            seen: Inspection | ArmFailed | None = None
            if measured.costs[arm.reference.canonical].status == "ok":
                try:
                    seen = call(_inspect.inspect, track.setup)
                except ArmFailed as failure:
                    seen = failure
            found.append(_arm(arm, measured.costs, seen))
        points = _grow([arm for arm, own in zip(arms, found, strict=True) if own.status == "ok"], sizes, stages)
    return Profile(name, said[0], said[1], tuple(found), tuple(points), measured)


def write_file(
    kind: str, path: Path, arms: Sequence[Arm], *, settings: CostSettings, data_root: Path | None = None
) -> None:
    """Write a `trace` of the arms, or a `memory_snapshot`, from a fresh process; see the module `trace`.

    Raises:
        OptbenchError: an arm fails, or the file cannot be written.
    """
    from optbench.measure import trace
    from optbench.measure._fresh import call
    from optbench.measure._tracks import tracks_of

    write = {"trace": trace.write_trace, "memory_snapshot": trace.write_memory_snapshot}[kind]
    try:
        call(write, {track.text: track.setup for track in tracks_of(arms, settings, data_root)}, path)
    except ArmFailed as failure:
        raise OptbenchError(f"{path} was not written: {failure.message}", "leave out the one that fails") from None


def _grow(arms: Sequence[Arm], sizes: Sequence[int], stages: Stages) -> list[ScalePoint]:
    """Measure every size in a fresh process; an arm that cannot train is not among them."""
    if not sizes or not arms:
        return []
    from optbench.measure import _scale_worker
    from optbench.measure._fresh import call

    spec = arms[0].specs[0]
    references = [arm.reference for arm in arms]
    report = stages("growing")
    points: list[ScalePoint] = []
    for number, size in enumerate(sizes):
        report(number, len(sizes), f"{size:,} parameters")
        try:
            points += call(_scale_worker.measure, references, size, spec.device, spec.threads, spec.seed)
        except ArmFailed as failure:
            points += [ScalePoint(each.text, size, failure.status, failure.message) for each in references]
    return points


def _arm(arm: Arm, costs: Mapping[str, Cost], seen: "Inspection | ArmFailed | None") -> ArmProfile:
    """Put together what the timer found and what was seen beside it."""
    cost = costs[arm.reference.canonical]
    base = base_of(arm.reference)
    figures: dict[str, Any] = {}
    status, message = cost.status, cost.message
    if isinstance(seen, ArmFailed):
        status, message = seen.status, seen.message
    elif seen is not None:
        figures = _figures(cost, _usable(costs, base), seen)
    empty: dict[str, Any] = {
        "parts": {},
        "iteration_seconds": None,
        "step_seconds": None,
        "samples_per_second": None,
        "step": None,
    }
    return ArmProfile(
        optimizer=arm.reference.text,
        canonical=cost.canonical,
        role="base" if arm.role == "baseline" else "arm",
        status=status,
        message=message,
        executor=cost.executor,
        parameters=cost.parameters,
        base="" if base is None else base.text,
        iterations=cost.epoch_iterations,
        ledger=cost.ledger,
        **(empty | figures),
    )


def _usable(costs: Mapping[str, Cost], base: Reference | None) -> Cost | None:
    found = None if base is None else costs.get(base.canonical)
    return found if found is not None and found.status == "ok" else None


def _figures(cost: Cost, base: Cost | None, seen: "Inspection") -> dict[str, Any]:
    """Return times, throughput and a step's work."""
    iteration, step = (found.value if (found := seconds(cost, phase)) else None for phase in ("iteration", OWN))
    bandwidth = seen.copy_bytes / seen.copy_seconds
    roofline = None if seen.minimum_bytes is None or not step else seen.minimum_bytes / bandwidth / step
    work = StepWork(
        launches=seen.counts.launches,
        operators=seen.counts.operators,
        kernels=seen.counts.kernels,
        device_kernels=seen.counts.device_kernels,
        moved_bytes=seen.counts.moved_bytes,
        minimum_bytes=seen.minimum_bytes,
        bandwidth=bandwidth,
        roofline=roofline,
    )
    return {
        "parts": breakdown(cost, base, seen.evaluation_seconds),
        "iteration_seconds": iteration,
        "step_seconds": step,
        "samples_per_second": seen.batch / iteration if iteration else None,
        "step": work,
    }
