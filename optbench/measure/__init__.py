"""What training costs: time in `timing`, bytes in `memory`. Never measured while a run trains.

Costs that are in the store are found without torch, so that a report from stored runs starts at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from optbench.errors import OptbenchError
from optbench.plan import Arm, RunSpec, cost_key
from optbench.results import Cost
from optbench.store import Store

SAMPLE_SECONDS = 0.4  # a sample is an epoch, or about this much of a longer one
TOTAL_SECONDS = 8.0  # what all rounds together should take

Report = Callable[[int, int], None]


def measure_arms(
    arms: Sequence[Arm],
    *,
    store: Store | None = None,
    data_root: Path | None = None,
    progress: Report | None = None,
    rerun: bool = False,
) -> dict[str, Cost]:
    """Return what each arm costs, by canonical reference.

    Args:
        arms: their first spec says what to run.
        store: where costs measured before, of the same arms on the same machine, are taken from and kept.
        data_root: folder to look in for data first.
        progress: called with the rounds done and those to do.
        rerun: measure again even when the store has the costs.

    Raises:
        OptbenchError: missing data, no such device, a store that cannot be written.
    """
    if not arms:
        raise OptbenchError("nothing to measure", "name at least one optimizer")
    if store is None:
        return _measure_now(arms, data_root, progress)
    key = cost_key(arms, settings_key(arms[0].specs[0]))
    costs = None if rerun else store.costs(key)
    if costs is None:
        # whoever waited for another process to measure the same arms takes what that one found
        with store.costs_lock(lambda: store.note("another process measures costs: waiting for it")):
            costs = None if rerun else store.costs(key)
            if costs is None:
                fresh = _measure_now(arms, data_root, progress)
                if all(cost.status == "ok" for cost in fresh.values()):
                    store.save_costs(key, fresh)
                return fresh
    texts = {arm.reference.canonical: arm.reference.text for arm in arms}
    return {name: replace(costs[name], cached=True, optimizer=text) for name, text in texts.items()}


def _measure_now(arms: Sequence[Arm], data_root: Path | None, progress: Report | None) -> dict[str, Cost]:
    from optbench.measure.timing import measure_now

    return measure_now(arms, data_root, progress)


def settings_key(spec: RunSpec) -> dict[str, object]:
    """Return what of the measurement itself changes its figures, for the store's key."""
    device = "cpu"
    if spec.device_type == "cuda":
        import torch

        device = torch.cuda.get_device_name(spec.device)
    return {"device": device, "sample_seconds": SAMPLE_SECONDS, "total_seconds": TOTAL_SECONDS}
