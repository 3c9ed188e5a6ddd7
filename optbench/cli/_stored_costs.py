"""Stored costs of arms: what `compare` measured of some of them together, whatever it was told about measuring."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbench.plan import Arm
    from optbench.results import Measurement
    from optbench.store import Store

TWIN = "#"  # follows the canonical reference of an arm that is timed a second time


def find(arms: "Sequence[Arm]", store: "Store") -> "Measurement | None":
    """Return the stored measurement that covers most of the arms, the newest of those; None where there is none.

    Only one of these arms counts: of this recipe, with this source, on this machine.
    """
    from optbench import runs
    from optbench.plan import cost_key

    by_name = {arm.reference.canonical: arm for arm in arms}
    best: Measurement | None = None
    covered = 0
    for stored in reversed(runs.costs(store)):
        names = [name for name in (stored.measurement.costs if stored.measurement else ()) if TWIN not in name]
        if len(names) <= covered or not set(names) <= set(by_name):
            continue
        if store.measured_arms(stored.key) == cost_key([by_name[name] for name in names]):
            best, covered = stored.measurement, len(names)
    return best
