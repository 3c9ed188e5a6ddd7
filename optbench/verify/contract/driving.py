"""What drives an optimizer: groups, schedulers, closures, hooks, GradScaler."""

import copy
from collections.abc import Callable
from typing import Any

import torch

from optbench.verify.contract._common import WARM, Case, behaviour, parted, require, take, values


@behaviour("a group's own learning rate counts")
def groups_have_their_own_rate(case: Case) -> None:
    """A tenth of the rate in the second group: the first group moves as before, the second otherwise."""
    finals = []
    for factor in (1.0, 0.1):
        problem = case.problem(missing=False)
        parameters = problem.parameters()
        optimizer = case.build(problem.groups(parameters))
        optimizer.param_groups[1]["lr"] *= factor
        take(optimizer, parameters, problem, range(WARM))
        finals.append(values(parameters))
    there = parted(finals[0][:4], finals[1][:4])
    require(not there, f"the other group's learning rate moved tensor {there}")
    require(bool(parted(finals[0][4:], finals[1][4:])), "the second group's own learning rate made no difference")


@behaviour("a group added later starts at its own first step", promised=True)
def late_groups(case: Case) -> None:
    """As if it had been there without gradients."""
    problem = case.problem()
    parameters, early = case.pair(problem)
    others = problem.parameters()
    late = case.build(others[:4])
    for step in range(3):
        for given, optimizer in ((parameters, early), (others, late)):
            problem.give(given, step, plain=True)
            for p in given[4:]:
                p.grad = None
            optimizer.step()
    late.add_param_group({"params": others[4:], "lr": early.param_groups[1]["lr"]})
    take(early, parameters, problem, range(3, 7))
    take(late, others, problem, range(3, 7))
    there = parted(values(others), values(parameters))
    require(not there, f"tensor {there} parts from one whose group was there from the start")


def schedulers() -> dict[str, Callable[[Any], Any]]:
    """Return one of each kind of torch's schedulers."""
    lr = torch.optim.lr_scheduler

    def one_cycle(optimizer: Any) -> Any:
        cycles = bool({"momentum", "betas"} & set(optimizer.defaults))
        rate = 2 * optimizer.param_groups[0]["lr"]
        return lr.OneCycleLR(optimizer, max_lr=rate, total_steps=14, cycle_momentum=cycles)

    return {
        "LambdaLR": lambda o: lr.LambdaLR(o, lambda t: 1 / (1 + t)),
        "CosineAnnealingLR": lambda o: lr.CosineAnnealingLR(o, T_max=WARM),
        "LinearLR": lambda o: lr.LinearLR(o, start_factor=1e-3, total_iters=11),
        "OneCycleLR": one_cycle,
        "ReduceLROnPlateau": lambda o: lr.ReduceLROnPlateau(o, patience=1, factor=0.5),
    }


@behaviour("torch's schedulers drive it")
def schedulers_drive(case: Case) -> None:
    """The rate that a scheduler sets is the one that the next step uses."""
    problem = case.problem(missing=False)
    parameters, optimizer = case.pair(problem)
    take(optimizer, parameters, problem, range(WARM))
    constant = values(parameters)
    for name, make in schedulers().items():
        parameters, optimizer = case.pair(problem)
        scheduler = make(optimizer)
        for step in range(WARM):
            take(optimizer, parameters, problem, [step])
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        rates = [group["lr"] for group in optimizer.param_groups]
        require(rates == scheduler.get_last_lr(), f"{name} set {scheduler.get_last_lr()}, the groups hold {rates}")
        require(bool(parted(values(parameters), constant)), f"weights are those of a constant rate under {name}")


@behaviour("a closure is called with gradients enabled and its loss returned")
def closures(case: Case) -> None:
    """Even inside no_grad; and the step is the one that the same gradients give without it."""
    p, twin = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
    optimizer, other = case.build([p]), case.build([twin])
    losses: list[torch.Tensor] = []

    def closure() -> torch.Tensor:
        require(torch.is_grad_enabled(), "gradients are not enabled in the closure")
        optimizer.zero_grad()
        losses.append((p**2).sum())
        losses[-1].backward()  # type: ignore[no-untyped-call]
        return losses[-1]

    for step in range(3):
        with torch.no_grad():
            returned = optimizer.step(closure)
        require(any(returned is loss for loss in losses), f"step returned {type(returned).__name__}, not the loss")
        other.zero_grad()
        (twin**2).sum().backward()  # type: ignore[no-untyped-call]
        other.step()
        alike = len(losses) > step + 1 or torch.equal(p.detach(), twin.detach())
        require(alike, f"step {step + 1} differs from the one without a closure")


@behaviour("hooks run once before and once after a step")
def step_hooks(case: Case) -> None:
    """register_step_pre_hook and register_step_post_hook."""
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = case.build([p])
    seen: list[tuple[str, torch.Tensor]] = []
    optimizer.register_step_pre_hook(lambda *_: seen.append(("before", p.detach().clone())))
    optimizer.register_step_post_hook(lambda *_: seen.append(("after", p.detach().clone())))
    for _ in range(WARM):
        p.grad = torch.ones(3)
        optimizer.step()
    require([row[0] for row in seen] == ["before", "after"] * WARM, f"hooks ran as {[row[0] for row in seen]}")
    require(torch.equal(seen[0][1], torch.ones(3)), "the first hook ran after the weights had moved")
    require(not torch.equal(seen[-1][1], torch.ones(3)), "the last hook ran before the weights had moved")


@behaviour("GradScaler scales good steps and skips bad ones")
def grad_scaler(case: Case) -> None:
    """A skipped step leaves weights and state as they were; a scaled one is bitwise the plain one."""
    problem = case.problem(missing=False)
    plain, scaled = case.pair(problem), case.pair(problem)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1000)

    def scaled_step(step: int, bad: bool = False) -> None:
        parameters, optimizer = scaled
        problem.give(parameters, step, plain=True)
        for p in parameters:
            assert p.grad is not None
            p.grad *= scaler.get_scale()
        if bad:
            assert parameters[0].grad is not None
            parameters[0].grad[1, 1] = float("inf")
        scaler.scale(torch.zeros(()))  # the scaler wants to have been used
        scaler.step(optimizer)
        scaler.update()

    for step in range(4):
        scaled_step(step)
    take(plain[1], plain[0], problem, range(4))
    before = copy.deepcopy((values(scaled[0]), scaled[1].state_dict()))
    scaled_step(4, bad=True)
    there = parted((values(scaled[0]), scaled[1].state_dict()), before)
    require(not there, f"a step with an infinite gradient changed {there}")
    scaled_step(5)
    take(plain[1], plain[0], problem, [5])
    there = parted(values(scaled[0]), values(plain[0]))
    require(not there, f"a scaled step differs from the plain one in tensor {there}")
