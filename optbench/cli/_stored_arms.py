"""From stored results to a comparison: which arms and seeds go together, and what `optbench.stats` makes of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.results import Measurement, RunResult
    from optbench.stats import Comparison


@dataclass(frozen=True)
class Wanted:
    """What the options of a report ask for.

    Attributes:
        runs, data_root: as for `compare`.
        settings: what replaces the recipe's; empty takes the recipe's own, or whatever the stored runs share.
        device: where they were trained.
        optims: shell patterns of the arms to take; empty takes all.
        baselines: references; None takes the recipe's.
        seeds: how many seeds from 0 on; None takes those that most arms share.
        margins, targets: as `compare` has them; a target may begin with ``RECIPE=``.
        note: told what was left out.
    """

    runs: Path
    data_root: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    optims: tuple[str, ...] = ()
    baselines: tuple[str, ...] | None = None
    seeds: int | None = None
    margins: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    note: Callable[[str], None] = lambda text: None


def common_seeds(results: "Mapping[str, Mapping[int, RunResult]]", wanted: Wanted) -> "dict[str, dict[int, RunResult]]":
    """Return the arms' runs with the same seeds each, as pairing by seed needs them.

    Of the sets of seeds that arms have, the one is taken that keeps the most runs; arms that lack some of it are left
    out, which is told.

    Args:
        results: by canonical reference and seed.
        wanted: its `seeds` says which are taken.
    """
    sets = [set(own) for own in results.values()]
    candidates = [set(range(wanted.seeds))] if wanted.seeds else sets
    best = max(candidates, key=lambda seeds: (len(seeds) * sum(seeds <= own for own in sets), len(seeds)))
    kept = {name: {seed: own[seed] for seed in sorted(best)} for name, own in results.items() if best <= set(own)}
    for name in results:
        if name not in kept:
            lacking = ", ".join(map(str, sorted(best - set(results[name]))))
            first = next(iter(results[name].values()))
            wanted.note(f"{first.optimizer} is left out: it has no run with seed {lacking}")
    if not kept:
        raise OptbenchError(f"no optimizer has finished runs with {wanted.seeds} seeds", "give fewer --seeds")
    return kept


def compared(
    recipe: str,
    results: "Mapping[str, Mapping[int, RunResult]]",
    roles: Mapping[str, tuple[str, str]],
    wanted: Wanted,
    settings: Mapping[str, object],
    measurement: "Measurement | None" = None,
    machine: Mapping[str, object] | None = None,
) -> "Comparison":
    """Return the comparison of runs by canonical reference and seed.

    Args:
        recipe: its name.
        results: the same seeds for every arm.
        roles: label and role by canonical reference.
        wanted: margins and targets.
        settings: as they were run; they say which task and data.
        measurement: costs, None where none are stored.
        machine: what ran; None takes what all the runs say of it.
    """
    from optbench import tasks
    from optbench.stats import ArmResult, compare, tolerance

    task = tasks.info(str(settings["task"]), str(settings["data"]))
    trained = any(results.values())
    arms = []
    for canonical, own in results.items():
        label, role = roles[canonical]
        runs = tuple(own.values())
        cost = measurement.costs.get(canonical) if measurement else None
        executor = (cost.executor if cost else "") or (runs[0].executor if runs else "")
        arms.append(ArmResult(label, role, executor, runs, replace(cost, cached=True) if cost else None))
    text = _target(wanted.targets, recipe)
    return compare(
        arms,
        task.metrics if trained else (),
        task.primary if trained else "",
        recipe=recipe,
        settings=settings,
        machine=_machine([run for own in results.values() for run in own.values()]) if machine is None else machine,
        margins=tolerance.margins(wanted.margins, task.metrics),
        target=None if text is None or not trained else tolerance.target(text, task.metrics, task.primary),
        measurement=measurement,
    )


def _target(texts: Sequence[str], recipe: str) -> str | None:
    """Return the target for a recipe: its own (``RECIPE=VALUE``), or else the one for all."""
    own = [text.partition("=")[2] for text in texts if text.partition("=")[::2] and text.startswith(f"{recipe}=")]
    everywhere = [text for text in texts if "=" not in text]
    return next(iter([*own[-1:], *everywhere[-1:]]), None)


def _machine(runs: "Sequence[RunResult]") -> dict[str, object]:
    """Return what all the runs say of the machine and the versions they were made with."""
    said = [{**run.environment.get("machine", {}), **run.environment.get("versions", {})} for run in runs]
    return {key: value for key, value in said[0].items() if all(each.get(key) == value for each in said)}
