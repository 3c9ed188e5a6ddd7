"""State: saved, loaded, copied, pickled, and no larger than it was."""

import copy
import pickle
from typing import Any

import torch

from optbench.verify.contract._common import (
    Broken,
    Case,
    NotApplicable,
    Parameters,
    behaviour,
    copy_into,
    parted,
    require,
    take,
    through_file,
    values,
)


def _go_on(case: Case, dtype: torch.dtype, before: int) -> None:
    """Save after some steps, load into another one, and require both to go on bitwise alike."""
    problem = case.problem(dtype)
    parameters, optimizer = case.pair(problem)
    take(optimizer, parameters, problem, range(before))
    saved = through_file({"model": values(parameters), "optimizer": optimizer.state_dict()})
    others, twin = case.pair(problem)
    copy_into(others, saved["model"])
    twin.load_state_dict(saved["optimizer"])
    there = parted(twin.state_dict(), optimizer.state_dict())
    require(not there, f"the loaded state differs in {there}")
    _require_alike(case, problem, (parameters, optimizer), (others, twin), range(before, before + 4))


def _require_alike(case: Case, problem: Any, one: Any, other: Any, steps: range) -> None:
    for step in steps:
        for parameters, optimizer in (one, other):
            take(optimizer, parameters, problem, [step])
        there = parted(values(one[0]), values(other[0]))
        require(not there, f"weights part at step {step + 1}, tensor {there}")
    there = parted(one[1].state_dict(), other[1].state_dict())
    require(not there, f"states part by step {steps[-1] + 1} in {there}")


@behaviour("a saved state continues bitwise")
def saved_state_continues(case: Case) -> None:
    """Through torch.save and torch.load(weights_only=True)."""
    _go_on(case, torch.float32, 5)


@behaviour("a state saved before the first step loads")
def fresh_state_loads(case: Case) -> None:
    """An optimizer that has not stepped has a state too, an empty one."""
    _go_on(case, torch.float32, 0)


@behaviour("a saved state of bfloat16 parameters continues bitwise", of_rules=True)
def bfloat16_state_continues(case: Case) -> None:
    """The state is fp32; torch's own loading casts it to the parameter's type."""
    _go_on(case, torch.bfloat16, 5)


def _copy_goes_on(case: Case, duplicate: Any) -> None:
    problem = case.problem()
    original = case.pair(problem)
    take(original[1], original[0], problem, range(3))
    for p in original[0]:
        p.grad = None
    copied: tuple[Parameters, Any] = duplicate(original)
    require(type(copied[1]) is type(original[1]), f"the copy is a {type(copied[1]).__name__}")
    _require_alike(case, problem, original, copied, range(3, 7))


@behaviour("a deep copy continues bitwise")
def deepcopy_continues(case: Case) -> None:
    """Of the parameters and the optimizer together."""
    _copy_goes_on(case, copy.deepcopy)


@behaviour("a pickle continues bitwise")
def pickle_continues(case: Case) -> None:
    """Of the parameters and the optimizer together."""
    optimizer = case.build(case.problem().parameters())
    for cls in {type(optimizer), type(getattr(optimizer, "base", optimizer))}:
        try:
            found = pickle.loads(pickle.dumps(cls))
        except (pickle.PicklingError, AttributeError, ImportError):
            found = None
        if found is not cls:
            raise NotApplicable(f"{cls.__name__} cannot be imported by its name")
    _copy_goes_on(case, lambda pair: pickle.loads(pickle.dumps(pair)))


def _shape(value: Any) -> Any:
    """Return what of a state must not change: keys, shapes, types, lengths."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), value.dtype, value.device
    if isinstance(value, dict):
        return {key: _shape(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shape(v) for v in value]
    return type(value).__name__ if not isinstance(value, (int, float)) else "number"


@behaviour("the state keeps its size, types and device over 50 steps")
def state_does_not_grow(case: Case) -> None:
    """Nothing is added after the first few steps, not even to a group."""
    problem = case.problem()
    parameters, optimizer = case.pair(problem)
    take(optimizer, parameters, problem, range(8))
    before = _shape(optimizer.state_dict())
    for step in range(50):
        take(optimizer, parameters, problem, [step % problem.steps])
    there = parted(_shape(optimizer.state_dict()), before)
    require(not there, f"the state changed in {there}")


@behaviour("weights keep their type, device and memory")
def weights_stay_in_place(case: Case) -> None:
    """A step writes in place: no other storage, no other type, still leaves that require gradients."""
    for dtype in (torch.float32, torch.float64):
        problem = case.problem(dtype)
        parameters, optimizer = case.pair(problem)

        def facts(parameters: Parameters = parameters) -> list[Any]:
            return [(p.dtype, p.device, tuple(p.shape), p.data_ptr(), p.requires_grad, p.is_leaf) for p in parameters]

        before = facts()
        take(optimizer, parameters, problem, range(6))
        there = parted(facts(), before)
        if there:
            raise Broken(f"{str(dtype).removeprefix('torch.')} weights changed in {there}")
