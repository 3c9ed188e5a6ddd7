"""What optbench's own optimizers promise on top of torch's contract."""

from typing import Any

import torch

from optbench.errors import OptbenchError
from optbench.verify.contract._common import Case, behaviour, copy_into, parted, require, take, values


@behaviour("named parameters are accepted", promised=True)
def named_parameters(case: Case) -> None:
    """model.named_parameters() as well as model.parameters(): the same steps."""
    problem = case.problem(missing=False)
    finals: list[list[torch.Tensor]] = []
    for named in (False, True):
        parameters = problem.parameters()
        given: Any = [(f"p{i}", p) for i, p in enumerate(parameters)] if named else parameters
        take(case.build(given), parameters, problem, range(2))
        finals.append(values(parameters))
    there = parted(finals[0], finals[1])
    require(not there, f"tensor {there} moves otherwise under a name")


@behaviour("weights changed from outside are kept", promised=True)
def outside_changes(case: Case) -> None:
    """What was loaded into the model after the optimizer was made is what the first step starts from."""
    problem = case.problem()
    parameters, optimizer = case.pair(problem)
    copy_into(parameters, [p.detach() + 1 for p in parameters])
    others = problem.parameters()
    copy_into(others, [p.detach() + 1 for p in others])
    twin = case.build(problem.groups(others))
    for group in twin.param_groups[1:]:
        group["lr"] = 0.5 * group["lr"]
    take(optimizer, parameters, problem, range(2))
    take(twin, others, problem, range(2))
    there = parted(values(parameters), values(others))
    require(not there, f"tensor {there} was taken from before the change")


@behaviour("maximize ascends", of_rules=True)
def ascends(case: Case) -> None:
    """The same as descending along the opposite gradients."""
    problem = case.problem(missing=False)
    finals: list[list[torch.Tensor]] = []
    for sign, maximize in ((1.0, True), (-1.0, False)):
        parameters = problem.parameters()
        optimizer = case.build(parameters)
        for group in optimizer.param_groups:
            group["maximize"] = maximize
        for step in range(4):
            problem.give(parameters, step, plain=True)
            for p in parameters:
                p.grad = None if p.grad is None else sign * p.grad
            optimizer.step()
        finals.append(values(parameters))
    there = parted(finals[0], finals[1])
    require(not there, f"tensor {there} parts from descending along the opposite gradient")


@behaviour("step() in eval mode is refused", promised=True, wrapped=True)
def refuses_to_step_at_theta(case: Case) -> None:
    """Under weight prediction: gradients would belong to theta."""
    problem = case.problem(missing=False)
    parameters, optimizer = case.pair(problem)
    take(optimizer, parameters, problem, range(2))
    optimizer.eval()
    problem.give(parameters, 2, plain=True)
    try:
        optimizer.step()
    except OptbenchError:
        return
    require(False, "it steps")
