"""What a session holds in tensors: whose bytes they are, and how many the rules say there must be."""

import resource
import sys
from collections.abc import Collection, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

from optbench.optimizers import info
from optbench.optimizers._aim import SWAP
from optbench.optimizers._executors._program import compute_dtype
from optbench.session import Session

_NO_HOLDER = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)
_GROUPS = ("param_groups", "defaults")  # of an optimizer: parameters and hyper-parameters, no state

Sizes = dict[int, int]  # address of a storage -> its bytes


def storages(value: Any, skip: Collection[int] = ()) -> Sizes:
    """Return the storages of all tensors that can be reached from a value, each once.

    Args:
        value: a tensor, a container, or any object: its attributes are looked through.
        skip: `id`s of objects that are not looked into.
    """
    found: Sizes = {}
    seen, pending = set(skip), [value]
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, torch.Tensor):
            storage = one.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
            pending.append(one.grad if one.is_leaf else None)
        else:
            pending += _held(one)
    return found


def _held(value: Any) -> Iterator[Any]:
    """Yield what an object holds: the items of a container, the attributes of anything but code."""
    if isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, Collection) and not isinstance(value, (str, bytes, range)):
        yield from value
    # a compiled model's attributes lead into the compiler
    if not isinstance(value, _NO_HOLDER) and not type(value).__module__.startswith("torch._dynamo"):
        yield from getattr(value, "__dict__", {}).values()


def state_storages(optimizer: torch.optim.Optimizer) -> Sizes:
    """Return the storages of everything that an optimizer keeps: its state, and tensors in attributes of its own."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    parts = [part for part in (optimizer, getattr(optimizer, "base", None)) if part is not None]
    kept = [{k: v for k, v in vars(part).items() if k not in _GROUPS} for part in parts]
    others = storages(parameters)  # and their gradients
    return {k: v for k, v in storages(kept, set(map(id, parts))).items() if k not in others}


def predicted_state(session: Session) -> int | None:
    """Return the bytes of state that the rule declares; None for a class without a rule of ours.

    For each parameter that has state: its elements times the element-wise slots (in the type that the executor
    computes in), one value for each slot of the whole tensor, XGrad's cache, and counters of one element that are no
    slot (torch's `step` and the like), which are taken as they are.
    """
    reference = session.spec.optimizer
    rule = reference.entry.rule if reference.entry else None
    if rule is None:
        return None
    base, wrapper = reference.split()
    kept_by_torch = base.pop("impl", "auto") == "torch"
    slots = {slot.key: slot for slot in rule.present_slots(base).values()}
    cached = bool(reference.xgrad and info("xgrad").state_bytes(**wrapper))
    total = 0
    for p, state in session.optimizer.state.items():
        item = (p.dtype if kept_by_torch else compute_dtype(p.dtype)).itemsize
        total += sum(item * (1 if slot.per_tensor else p.numel()) for slot in slots.values())
        total += p.numel() * p.element_size() * cached
        counters = [v for k, v in state.items() if k not in (*slots, SWAP) and isinstance(v, torch.Tensor)]
        total += sum(v.element_size() for v in counters if v.numel() == 1)
    return total


def alive_bytes(session: Session) -> int:
    """Return the bytes of all tensors that a session holds, the data set left out."""
    task = getattr(session, "task", None)
    return sum(storages(session, {id(task)}).values())


def resident_bytes() -> int:
    """Return the largest resident set of this process so far (`ru_maxrss`: KiB, but bytes on macOS)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def cache_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Return the bytes of XGrad's cache: theta beside phi."""
    return sum(storages([state.get(SWAP) for state in optimizer.state.values()]).values())
