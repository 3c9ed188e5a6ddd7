"""State exchanged with torch.optim's own class, both ways."""

from collections.abc import Iterator
from typing import Any

import torch

from optbench.errors import InvalidValueError
from optbench.optimizers import info
from optbench.optimizers._torch import torch_options
from optbench.verify._problem import array, distance
from optbench.verify.contract._common import (
    Case,
    NotApplicable,
    behaviour,
    copy_into,
    require,
    take,
    through_file,
)
from optbench.verify.oracle_check import BOUND, LOOSER


def _settings(case: Case) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield hyper-parameters, and the same for torch's class: the usual ones, then those of each further slot."""
    entry = info(case.subject.name)
    assert entry.rule is not None
    defaults = entry.declaration.defaults()
    usual: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1, "momentum": 0.9}
    switches = [slot.when for slot in entry.rule.slots.values() if isinstance(defaults.get(slot.when), bool)]
    for more in ({}, *({switch: True} for switch in switches)):
        shared = {n: v for n, v in {**usual, **more}.items() if n in defaults}
        try:
            yield shared, torch_options(entry, {**defaults, **shared, **case.subject.fixed})
        except InvalidValueError as error:
            raise NotApplicable(error.message) from None


def _exchange(case: Case, from_torch: bool) -> tuple[float, float]:
    bound = LOOSER.get((case.subject.name, "torch"), (BOUND, ""))[0]
    return max(_exchanged(case, from_torch, *settings, bound) for settings in _settings(case)), bound


def _exchanged(case: Case, from_torch: bool, shared: dict[str, Any], theirs_too: dict[str, Any], bound: float) -> float:
    """Return the largest difference between the weights after a state has gone over."""
    torch_class = info(case.subject.name).torch
    assert torch_class is not None
    problem = case.problem(torch.float64, missing=False, empty=False)
    mine, theirs = problem.parameters(), problem.parameters()
    ours: Any = case.subject.optimizer(problem.groups(mine), case.impl, **shared)
    other: Any = getattr(torch.optim, torch_class.name)(problem.groups(theirs), **theirs_too)
    pairs = [(mine, ours), (theirs, other)]
    (parameters, optimizer), (others, target) = reversed(pairs) if from_torch else pairs
    take(optimizer, parameters, problem, range(4))
    copy_into(others, parameters)
    target.load_state_dict(through_file(optimizer.state_dict()))
    worst = 0.0
    for step in range(4, 8):
        take(optimizer, parameters, problem, [step])
        take(target, others, problem, [step])
        worst = max(worst, distance([array(p) for p in parameters], [array(p) for p in others]))
        require(worst <= bound, f"weights differ by {worst:.1e} at step {step + 1}, {step - 3} after the exchange")
    return worst


@behaviour("a state of torch.optim's own class loads and continues", in_torch=True)
def from_torch(case: Case) -> tuple[float, float]:
    """A checkpoint made with torch.optim goes on here."""
    return _exchange(case, True)


@behaviour("torch.optim's own class loads the state and continues", in_torch=True)
def to_torch(case: Case) -> tuple[float, float]:
    """A checkpoint made here goes on with torch.optim."""
    return _exchange(case, False)
