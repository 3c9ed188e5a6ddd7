"""The eager executor: a rule's functions called with torch tensors. Any device, dtype and layout; the reference."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

from optbench.optimizers._executors._program import Batch, Program, arguments, compute_dtype, rebind
from optbench.optimizers._rule import inspect_parameters

Tensor = torch.Tensor


def _where(condition: Any, a: Any, b: Any) -> Any:
    if isinstance(condition, Tensor):
        return torch.where(condition != 0, a, b)
    return a if condition else b


def _of_two(function: Any) -> Any:
    def both(a: Any, b: Any) -> Any:
        like = a if isinstance(a, Tensor) else b
        return function(*(x if isinstance(x, Tensor) else torch.full_like(like, x) for x in (a, b)))

    return both


_NAMES = {
    "sqrt": torch.sqrt,
    "sign": torch.sign,
    "where": _where,
    "maximum": _of_two(torch.maximum),
    "minimum": _of_two(torch.minimum),
}


@cache
def _functions(program: Program) -> dict[str, Any]:
    rule = program.rule
    found = {name: getattr(rule, name) for name in ("direction", "apply", "reduce", "layer", "recover")}
    return {name: rebind(f, _NAMES) for name, f in found.items() if f is not None}


def _wide(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Sums over a tensor and per-tensor values are computed in float64 where the device has it."""
    return dtype if device.type == "mps" else torch.float64


class _Element:
    """One tensor of a batch, in the type in which it is computed."""

    def __init__(self, program: Program, batch: Batch, i: int) -> None:
        self.program, self.functions = program, _functions(program)
        self.p = batch.theta[i]
        self.dtype = compute_dtype(self.p.dtype)
        self.g = batch.grads[i].to(self.dtype) if batch.grads else None
        self.slots = {name: batch.slots[name][i] for name in program.present}
        self.absent = {name: 0.0 for name in program.rule.slots if name not in program.present}

    def direction(
        self, theta: Tensor, g: Tensor, slots: Mapping[str, Tensor], k: Mapping[str, float]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return d and the new slots; nothing is written."""
        program, functions = self.program, self.functions
        scope: dict[str, Any] = {**k, **dict(program.flags), **self.absent, **slots, "theta": theta, "g": g}
        new: dict[str, Tensor] = {}
        if "layer" in functions:
            wide = _wide(self.dtype, theta.device)
            terms = self._terms(scope)
            sums = {f"n{i}": term.sum(dtype=wide) for i, term in enumerate(terms, 1)}
            own = {n: slots[n].to(wide) for n in program.layer_slots if n in slots}
            layer = functions["layer"]
            out = layer(*arguments(layer, {**scope, **own, **sums}))
            count = len(program.rule.layer_values)
            scope.update(zip(program.rule.layer_values, (x.to(self.dtype) for x in out[:count]), strict=True))
            new.update(zip(program.layer_slots, out[count:], strict=True))
        d, *rest = functions["direction"](*arguments(functions["direction"], scope))
        new.update(zip(program.element_slots, rest, strict=True))
        return d, {name: value for name, value in new.items() if name in program.present}

    def _terms(self, scope: dict[str, Any]) -> tuple[Tensor, ...]:
        """Return what is summed over the tensor; a sum over d needs a direction first, with per-tensor values at 1."""
        functions = self.functions
        if "reduce" not in functions:
            return ()
        needed = inspect_parameters(functions["reduce"])
        if "d" in needed:
            dry = {**scope, **dict.fromkeys(self.program.rule.layer_values, 1.0)}
            scope = {**scope, "d": functions["direction"](*arguments(functions["direction"], dry))[0]}
        terms: tuple[Tensor, ...] = functions["reduce"](*arguments(functions["reduce"], scope))
        return terms

    def recover(self, k: Mapping[str, float]) -> Tensor:
        """Return d of the last step from the state."""
        recover = self.functions["recover"]
        scope = {**k, **dict(self.program.flags), **self.absent, **self.slots}
        d: Tensor = recover(*arguments(recover, scope))
        return d


def _rehearse(element: _Element, theta: Tensor, slots: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """Run the base ahead on copies: the readings `zero` and `repeat`."""
    assert element.g is not None
    g = element.g if batch.repeat else torch.zeros_like(element.g)
    for k in batch.rehearsals:
        d, slots = element.direction(theta, g, {n: v.to(element.slots[n].dtype) for n, v in slots.items()}, k)
        theta = theta - k["scale"] * d
    return theta


@torch.no_grad()
def advance(program: Program, batch: Batch) -> None:
    """Take one step of every tensor in the batch, in place, and predict the next weights if the batch asks for it."""
    for i, p in enumerate(batch.theta):
        element = _Element(program, batch, i)
        assert element.g is not None
        theta = (p if batch.swap is None else batch.swap[i]).to(element.dtype)
        if batch.last is not None:
            theta = theta + batch.last[1] * element.recover(batch.last[0])
        d, new = element.direction(theta, element.g, element.slots, batch.k)
        apply = element.functions["apply"]
        scope = {**batch.k, **dict(program.flags), **element.absent, **new, "theta": theta, "d": d}
        theta = apply(*arguments(apply, scope))
        for name, value in new.items():
            element.slots[name].copy_(value)
        if batch.swap is not None:
            batch.swap[i].copy_(theta)
        if batch.rehearsals:
            p.copy_(_rehearse(element, theta, element.slots, batch))
        else:
            p.copy_(theta if batch.reach is None else theta - batch.reach * d)


@torch.no_grad()
def aim(program: Program, batch: Batch) -> None:
    """Write phi = theta - reach d for the direction d of the last step, from theta in `swap` and the state."""
    assert batch.swap is not None and batch.reach is not None
    for i, (p, theta) in enumerate(zip(batch.theta, batch.swap, strict=True)):
        element = _Element(program, batch, i)
        p.copy_(theta.to(element.dtype) - batch.reach * element.recover(batch.k))


@torch.no_grad()
def recovered(program: Program, batch: Batch) -> list[Tensor]:
    """Return theta = phi + reach d of a cache-free prediction."""
    assert batch.last is not None
    k, reach = batch.last
    return [
        (p.to(compute_dtype(p.dtype)) + reach * _Element(program, batch, i).recover(k)).to(p.dtype)
        for i, p in enumerate(batch.theta)
    ]
