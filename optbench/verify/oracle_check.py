"""Check 1: every implementation follows the float64 transcription of the paper, torch.optim's class included.

The oracles share no code with the rules; torch.optim's own class is one of the implementations, so that it is held
against the same oracle. Each case is a trajectory over awkward tensors in two groups with gradients missing and a
learning rate that changes at every step.
"""

from collections.abc import Iterator
from typing import Any

from optbench.errors import InvalidValueError
from optbench.verify import _cases, _sampling
from optbench.verify._beside import Beside, problem_for
from optbench.verify._problem import Problem
from optbench.verify._subject import Effort, Finding, Subject

NAME = "oracle"
BOUND = 1e-12
"""In units of the largest weight on the way, at least 1."""
LOOSER = {("nadam", "torch"): (1e-9, "torch keeps the product of the mu in float32")}


def check(subject: Subject, effort: Effort) -> Iterator[Finding]:
    """Yield a finding for every implementation and setting of the hyper-parameters."""
    if subject.oracle is None or subject.rule is None:
        yield Finding.not_run(NAME, "trajectory", "a third-party class has no oracle; name its algorithm with --as")
        return
    for impl in subject.implementations:
        absent = 0
        for number, (options, scale) in enumerate(_cases.trajectories(subject, impl, effort)):
            problem = problem_for(subject, seed=subject.seed(effort, impl, number), steps=effort.steps, scale=scale)
            if (finding := _case(subject, impl, options, problem)) is not None:
                yield finding
            else:
                absent += 1
        if absent:
            yield Finding.not_run(NAME, f"torch, {absent} variants", f"torch.optim.{subject.torch} has none of them")


def _case(subject: Subject, impl: str, options: dict[str, Any], problem: Problem) -> Finding | None:
    """Return what one trajectory found; None for a variant that torch's class does not have."""
    bound, why = LOOSER.get((subject.name, impl), (BOUND, ""))
    bound *= 1 + options.get("s", 0.0)  # phi goes s times as far again
    scale = f", gradients x {problem.scale:g}" if problem.scale != 1 else ""
    case = f"{impl}, {_sampling.describe(subject.rule, options)}, {problem.steps} steps{scale}"
    restores = options.get("restore", True)  # the oracle cannot follow a schedule without theta
    try:
        pair = Beside(subject, impl, options, problem, scheduled=restores)
    except InvalidValueError:
        if impl == "torch":
            return None
        raise
    worst, where = 0.0, ""
    for step in pair.run():
        difference, quantity = pair.states_differ(step)
        if difference > worst:
            worst = difference
        if difference > bound:
            where = f"{quantity} differs by {difference:.1e} after step {step}" + (f" ({why})" if why else "")
            break
    return Finding(NAME, case, not where, worst, bound, where)
