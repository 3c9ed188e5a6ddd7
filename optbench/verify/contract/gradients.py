"""Gradients: read and nothing else; missing, accumulated, zero, tiny and huge."""

import copy

import torch

from optbench.verify.contract._common import WARM, Case, behaviour, parted, require, take, values


@behaviour("gradients are left untouched")
def gradients_are_read_only(case: Case) -> None:
    """Neither their values nor their memory change: they may be logged, clipped or accumulated after a step."""
    problem = case.problem()
    parameters, optimizer = case.pair(problem)
    for step in range(4):
        problem.give(parameters, step, plain=True)
        before = [None if p.grad is None else (p.grad.data_ptr(), p.grad.clone()) for p in parameters]
        optimizer.step()
        after = [None if p.grad is None else (p.grad.data_ptr(), p.grad) for p in parameters]
        there = parted(after, before)
        require(not there, f"the gradient of tensor {there} changed in step {step + 1}")


@behaviour("a parameter without a gradient stands still")
def missing_gradients(case: Case) -> None:
    """Frozen or unused: no decay, no momentum, no step."""
    frozen = torch.nn.Parameter(torch.ones(5), requires_grad=False)
    unused, once, used = (torch.nn.Parameter(torch.ones(5)) for _ in range(3))
    optimizer = case.build([frozen, unused, once, used])
    for step in range(WARM):
        once.grad = torch.full((5,), 0.3) if step < WARM - 2 else None
        used.grad = torch.full((5,), 0.3)
        if step == WARM - 1:
            switch = getattr(optimizer, "eval", None)  # under weight prediction theta is what stands still
            if callable(switch):
                switch()
            before = values([frozen, unused, once])
            if callable(switch):
                optimizer.train()
        optimizer.step()
    there = parted(values([frozen, unused, once]), before)
    require(not there, f"parameter {there} moved without a gradient")
    require(not torch.equal(used.detach(), torch.ones(5)), "a parameter with a gradient did not move")


@behaviour("a step without any gradient does nothing")
def no_gradient_at_all(case: Case) -> None:
    """Before the first backward pass."""
    problem = case.problem()
    parameters, optimizer = case.pair(problem)
    before = values(parameters)
    optimizer.step()
    there = parted(values(parameters), before)
    require(not there, f"tensor {there} moved")


@behaviour("accumulated gradients act as their sum")
def accumulation(case: Case) -> tuple[float, float]:
    """Four backward passes of a quarter of the batch, or one of all: one step, up to rounding."""
    torch_state = torch.get_rng_state()
    finals = []
    for parts in (1, 4):
        torch.manual_seed(case.effort.seed)
        model = torch.nn.Linear(6, 2, dtype=torch.float64)
        inputs = torch.randn(8, 6, dtype=torch.float64)
        optimizer = case.build(model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            for part in inputs.chunk(parts):
                (model(part) ** 2).sum().backward()
            optimizer.step()
        finals.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.set_rng_state(torch_state)
    worst, bound = float((finals[0] - finals[1]).abs().max()), 1e-9
    require(worst <= bound, f"weights differ by {worst:.1e} after 3 steps")
    return worst, bound


@behaviour("zero_grad touches gradients only")
def zero_grad(case: Case) -> None:
    """With set_to_none and without."""
    for to_none in (True, False):
        problem = case.problem()
        parameters, optimizer = case.pair(problem)
        take(optimizer, parameters, problem, range(4))
        before = copy.deepcopy((values(parameters), optimizer.state_dict()))
        optimizer.zero_grad(set_to_none=to_none)
        left = [p.grad for p in parameters if p.grad is not None and (to_none or bool(p.grad.any()))]
        require(not left, f"gradients are left with set_to_none={to_none}")
        there = parted((values(parameters), optimizer.state_dict()), before)
        require(not there, f"set_to_none={to_none} changed {there}")


@behaviour("weights stay finite on zero, tiny and huge gradients")
def extreme_gradients(case: Case) -> None:
    """0, 1e-30 (whose square is 0 in fp32) and 1e15 (whose square is near fp32's end)."""
    for size in (0.0, 1e-30, 1e15):
        p = torch.nn.Parameter(torch.ones(4))
        optimizer = case.build([p])
        for step in range(6):
            p.grad = torch.full((4,), size)
            optimizer.step()
            require(bool(torch.isfinite(p).all()), f"not finite after step {step + 1} with gradients of {size:g}")
