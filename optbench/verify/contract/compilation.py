"""No compilation once training is under way."""

import contextlib
import sys
from collections.abc import Iterator

from optbench.verify.contract._common import Case, behaviour, require, take


class _Count:
    """How many times something was compiled inside `compilations`."""

    def __init__(self) -> None:
        self.numba = self.dynamo = 0


@contextlib.contextmanager
def compilations() -> Iterator[_Count]:
    """Count what Numba and torch.compile compile while inside; neither is imported for it."""
    count = _Count()
    dynamo = sys.modules.get("torch._dynamo.utils")
    before = dynamo.counters["stats"]["unique_graphs"] if dynamo else 0
    with contextlib.ExitStack() as stack:
        recorder = None
        if "numba" in sys.modules:
            from numba.core import event

            recorder = stack.enter_context(event.install_recorder("numba:run_pass"))
        yield count
        if recorder is not None:
            count.numba = len(recorder.buffer)
    if dynamo := sys.modules.get("torch._dynamo.utils"):
        count.dynamo = dynamo.counters["stats"]["unique_graphs"] - before


@behaviour("nothing is compiled again over 50 steps with a schedule")
def no_recompilation(case: Case) -> None:
    """A learning rate that changes at every step, betas and t are arguments of a kernel, not part of it."""
    problem = case.problem()
    parameters, optimizer = case.pair(problem)
    rates = [group["lr"] for group in optimizer.param_groups]
    take(optimizer, parameters, problem, range(problem.steps))
    with compilations() as count:
        for step in range(50):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * (1 - step / 60)
            take(optimizer, parameters, problem, [step % problem.steps])
    require(not count.numba, "Numba compiled during the 50 steps")
    require(not count.dynamo, f"torch.compile compiled {count.dynamo} times during the 50 steps")
