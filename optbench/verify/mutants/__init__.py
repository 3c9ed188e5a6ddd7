"""Proof that `optbench verify` can fail: it plants known faults and reports which are caught.

Faults are planted by hand (`_planted_adaptive`, `_planted_further`,
`_planted_engine`) and generated from the rules' syntax trees
(`_generated`). Each is built beside the real code, verified, and reported as caught, missed or equivalent.
"""

from collections.abc import Callable, Iterable, Sequence

from optbench.errors import OptbenchError
from optbench.optimizers import info
from optbench.optimizers import names as all_names
from optbench.verify.mutants._report import MutantReport, Verdict

__all__ = ["MutantReport", "Verdict", "run"]

Progress = Callable[[Verdict, int, int], None]
"""progress(verdict, how many are done, how many there are)"""


def run(
    names: Sequence[str] | None = None, jobs: int = 1, progress: Progress | None = None, every: int = 1
) -> MutantReport:
    """Plant every fault of some optimizers and verify each.

    Args:
        names: optimizers; all that have a rule if None. Faults of weight prediction belong to the optimizer under it.
        jobs: processes side by side.
        progress: told of each verdict as it comes.
        every: verify only each so-manieth generated mutant.

    Raises:
        OptbenchError: for an unknown name, one without a rule, jobs < 1, or an optimizer whose verification fails
            without any fault: then a failure proves nothing.
    """
    from optbench.verify.mutants import _runner

    if jobs < 1:
        raise OptbenchError(f"jobs {jobs}: must be a whole number of at least 1", "give another --jobs")
    wanted = _with_rules(names)
    mutants = [m for m in _runner.planted_by_hand() if m.optimizer in wanted]
    mutants += [m for name in wanted for m in _runner.generated(name)[::every]]
    unsound = _runner.unsound(mutants, jobs)
    if unsound:
        reference, failure = unsound
        hint = "mend that first: run optbench verify"
        raise OptbenchError(f"{reference} fails its verification without any fault: {failure}", hint)
    verdicts: dict[str, Verdict] = {}
    for verdict in _runner.each(mutants, jobs):
        verdicts[verdict.mutant.name] = verdict
        if progress:
            progress(verdict, len(verdicts), len(mutants))
    return MutantReport(tuple(verdicts[m.name] for m in mutants))


def _with_rules(names: Iterable[str] | None) -> list[str]:
    if names is None:
        return [name for name in all_names() if info(name).rule]
    for name in names:
        if info(name).rule is None:
            raise OptbenchError(f"{name} has no rule to plant a fault in", "name an optimizer that has one")
    return list(names)
