"""What training costs: time and bytes of every arm, each in processes of its own, while nothing else of optbench runs.

Costs that are in the store are found without torch, so that a report from stored runs starts at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.errors import OptbenchError

if TYPE_CHECKING:  # not otherwise: a worker that imports this package may take `optbench.optimizers` from elsewhere
    from optbench.plan import Arm, RunSpec
    from optbench.results import Measurement
    from optbench.store import Store

__all__ = ["CostSettings", "Report", "measure_arms", "settings_key"]

Report = Callable[[float, float, str], None]
"""Told while arms are measured: seconds spent, seconds expected in all, what is going on."""


@dataclass(frozen=True)
class CostSettings:
    """How costs are measured.

    Attributes:
        precision: the half-width of the ratios' 95 % intervals, relative, at which measuring ends.
        budget: seconds after which it ends in any case, once `launches` are done.
        launches: fresh sets of worker processes, at least.
        synthetic: train on generated data of the recipe's shape.
        against_path: a checkout whose optimizers are timed beside these, as arms named `...#old`.
        aa: time the first baseline a second time, as an arm named `...#aa`.
        memory: take the ledgers.
    """

    precision: float = 0.02
    budget: float = 35.0
    launches: int = 5
    synthetic: bool = False
    against_path: Path | None = None
    aa: bool = False
    memory: bool = True


def measure_arms(
    arms: Sequence["Arm"],
    *,
    settings: CostSettings | None = None,
    store: "Store | None" = None,
    data_root: Path | None = None,
    progress: Report | None = None,
    rerun: bool = False,
) -> "Measurement":
    """Return what each arm costs.

    Args:
        arms: their first spec says what to run.
        settings: None means the defaults.
        store: where a measurement of the same arms on the same machine is taken from and kept. One against another
            checkout is never: what that code is, nobody can tell from its name.
        data_root: folder to look in for data first.
        progress: told how far it is.
        rerun: measure again even when the store has it.

    Raises:
        OptbenchError: settings that will not do, missing data, no such device, a store that cannot be written.
    """
    settings = settings or CostSettings()
    _check(arms, settings)
    if store is None or settings.against_path is not None:
        return _measure_now(arms, settings, data_root, progress, store)
    from optbench.plan import cost_key

    key = cost_key(arms, settings_key(arms[0].specs[0], settings))
    found = None if rerun else store.measurement(key)
    if found is None:
        # whoever waited for another process to measure the same arms takes what that one found
        with store.costs_lock(lambda: store.note("another process measures costs: waiting for it")):
            found = None if rerun else store.measurement(key)
            if found is None:
                fresh = _measure_now(arms, settings, data_root, progress, store)
                if all(cost.status == "ok" for cost in fresh.costs.values()):
                    store.save_measurement(key, fresh, cost_key(arms))
                return fresh
    texts = {arm.reference.canonical: arm.reference.text for arm in arms}
    costs = {
        name: replace(cost, cached=True, optimizer=texts.get(name.partition("#")[0], cost.optimizer))
        for name, cost in found.costs.items()
    }
    return replace(found, costs=costs)


def settings_key(spec: "RunSpec", settings: CostSettings) -> Mapping[str, object]:
    """Return what of the measurement itself changes its figures, for the store's key."""
    device = "cpu"
    if spec.device_type == "cuda":
        import torch

        device = torch.cuda.get_device_name(spec.device)
    return {key: value for key, value in asdict(settings).items() if key != "against_path"} | {"device": device}


def _check(arms: Sequence["Arm"], settings: CostSettings) -> None:
    if not arms:
        raise OptbenchError("nothing to measure", "name at least one optimizer")
    if not settings.precision > 0:
        raise OptbenchError(f"precision {settings.precision}: must be above 0", "2 % is usual")
    if not settings.budget >= 0:
        raise OptbenchError(
            f"budget {settings.budget}: must be at least 0 seconds", f"{CostSettings.budget:g} is usual"
        )
    if settings.launches < 1:
        raise OptbenchError(f"{settings.launches} launches: must be at least 1", "5 is usual")


def _measure_now(
    arms: Sequence["Arm"],
    settings: CostSettings,
    data_root: Path | None,
    progress: Report | None,
    store: "Store | None",
) -> "Measurement":
    from optbench.measure._lock import alone
    from optbench.measure._rounds import measure_now

    def waiting() -> None:
        text = "another process measures costs: waiting for it"
        if store is not None:
            store.note(text)
        if progress is not None:
            progress(0.0, settings.budget, text)

    with alone(waiting):
        return measure_now(arms, settings, data_root, progress)
