"""How a step's time and memory grow with the number of parameters, on a plain set of them.

So many fp32 parameters in `LAYERS` layers of one square matrix and one vector, with gradients drawn once. Every size
has a fresh process in which all arms are alive and step in turn, there and back, beside a copy (see `roofline`); the
median over rounds is reported. Arms of one size share a process, so that ratios near 1 say little: `compare` measures
those. Gradients are shared by the arms, and drawn again where an optimizer has written to them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from optbench import optimizers
from optbench.environment import machine
from optbench.errors import OptbenchError
from optbench.optimizers import Reference
from optbench.results import Status

LAYERS = 20
_SUFFIX = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_UNKNOWN_STATE = 12  # bytes a parameter that a class without a declaration is taken to keep


@dataclass(frozen=True)
class ScalePoint:
    """One optimizer's step at one size.

    Attributes:
        optimizer: the reference as the user wrote it.
        parameters: how many, in fp32.
        status: `ok`, or why there are no figures, with a `message`.
        step_seconds: median; `rounds`: over so many.
        state_bytes: after the warm-up; `transient_bytes`: the step's peak above what was alive when it began.
        roofline: time of a copy of the rule's minimum bytes over the step's; None for a class without a declaration.
    """

    optimizer: str
    parameters: int
    status: Status = "ok"
    message: str = ""
    step_seconds: float | None = None
    rounds: int = 0
    state_bytes: int | None = None
    transient_bytes: int | None = None
    roofline: float | None = None

    @property
    def memory_bytes(self) -> int | None:
        """Parameters, gradients, state and transient together."""
        if self.state_bytes is None or self.transient_bytes is None:
            return None
        return 8 * self.parameters + self.state_bytes + self.transient_bytes


def parse_sizes(text: str) -> tuple[int, ...]:
    """Return the numbers of parameters that `1M,10M,100M` means, ascending; k, M and G are powers of a thousand.

    Raises:
        OptbenchError: for anything but whole numbers of at least 1.
    """
    sizes = set()
    for item in text.split(","):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", item.strip().lower())
        size = float(match[1]) * _SUFFIX[match[2]] if match else 0.0
        if size < 1 or size != int(size):
            raise OptbenchError(f"--scale {text}: {item.strip()!r} is no number of parameters", "write 1M,10M,100M")
        sizes.add(int(size))
    return tuple(sorted(sizes))


def needed_bytes(references: Sequence[Reference], size: int) -> int:
    """Return about how many bytes a point takes: everything that is alive, and temporaries of four copies."""
    shared = 4 * size + 16 * size
    return shared + sum(size * (4 + _state(reference)) for reference in references)


def _state(reference: Reference) -> int:
    """Return the bytes of state a parameter."""
    base, wrapper = reference.resolve().split()
    base.pop("impl", None)
    own = _UNKNOWN_STATE if reference.is_import_path else optimizers.info(reference.name).state_bytes(**base)
    return own + (optimizers.info("xgrad").state_bytes(**wrapper) if reference.xgrad else 0)


def check_memory(references: Sequence[Reference], sizes: Sequence[int]) -> None:
    """Refuse sizes that do not fit this machine's memory, before anything is measured.

    Raises:
        OptbenchError: with the first size that does not fit.
    """
    free = _free_bytes()
    for size in sizes:
        if free and (need := needed_bytes(references, size)) > free:
            what = f"--scale {size:,}: {len(references)} optimizers need about {need / 2**30:.1f} GiB"
            raise OptbenchError(f"{what}, {free / 2**30:.1f} are free", "give smaller numbers or fewer optimizers")


def _free_bytes() -> int:
    """Return the memory that can still be had, or all of it where the system does not say (0: unknown)."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            found = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return int(machine()["memory_bytes"])
