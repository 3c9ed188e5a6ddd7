"""A rule with its switches settled, and what an executor is asked to do with it."""

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import torch

from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._rule import Rule, Slot, inspect_parameters

COMPUTE_DTYPE = {torch.float16: torch.float32, torch.bfloat16: torch.float32}
"""The type in which a step is computed and its state kept, where that is not the parameter's own."""


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the type of the state and of the arithmetic for parameters of a type."""
    return COMPUTE_DTYPE.get(dtype, dtype)


def laid_out_alike(p: torch.Tensor, q: torch.Tensor) -> bool:
    """Tell whether q's elements lie in memory as those of p, which has its shape; or q is a single value."""
    return q.stride() == p.stride() or q.dim() == 0 or (q.is_contiguous() and p.is_contiguous())


@dataclass(frozen=True)
class Program:
    """A rule under given switches: hashable, so that an executor compiles it once.

    Attributes:
        rule: the rule.
        flags: every hyper-parameter and class attribute that is true or false.
        present: the names of the slots that exist.
    """

    rule: type[Rule]
    flags: tuple[tuple[str, bool], ...]
    present: tuple[str, ...]

    @classmethod
    def of(cls, rule: type[Rule], options: Mapping[str, Value]) -> "Program":
        """Settle a rule's switches from its hyper-parameters; the same ones give the same program."""
        switches = [(n, options[n]) for n, h in rule.hyperparameters.items() if isinstance(h.default, bool)]
        conditions = [(slot.when, bool(options[slot.when])) for slot in rule.slots.values() if slot.when]
        return _settled(rule, tuple(switches), tuple(conditions))  # type: ignore[arg-type]  # a class is hashable

    @cached_property
    def element_slots(self) -> tuple[str, ...]:
        """All element-wise slots in declared order, those that do not exist included."""
        return tuple(n for n, slot in self.rule.slots.items() if not slot.per_tensor)

    @cached_property
    def layer_slots(self) -> tuple[str, ...]:
        """All per-tensor slots in declared order, those that do not exist included."""
        return tuple(n for n, slot in self.rule.slots.items() if slot.per_tensor)

    @property
    def slots(self) -> dict[str, Slot]:
        """The slots that exist."""
        return {n: self.rule.slots[n] for n in self.present}


@cache
def _settled(
    rule: type[Rule], switches: tuple[tuple[str, bool], ...], conditions: tuple[tuple[str, bool], ...]
) -> Program:
    """Return the program of a rule's switches and of whether its slots' conditions hold."""
    attributes = {n: getattr(rule, n) for n in dir(rule) if not n.startswith("_")}
    flags = {**{n: v for n, v in attributes.items() if isinstance(v, bool)}, **dict(switches)}
    return Program(rule, tuple(sorted(flags.items())), tuple(rule.present_slots(dict(conditions))))


@dataclass
class Clock:
    """A step whose t and coefficients live on the device, for CUDA graphs and for steps that may be skipped there.

    Attributes:
        steps: t before the step of each tensor, 0-d tensors in fp32; the executor advances them.
        options: the hyper-parameters; a tensor among them is read on the device.
        s: steps predicted ahead.
        found_inf: of a GradScaler: nothing happens when it is not 0.
        grad_scale: of a GradScaler: what the gradients have been multiplied by.
    """

    steps: list[torch.Tensor]
    options: Mapping[str, Any]
    s: float = 0.0
    found_inf: torch.Tensor | None = None
    grad_scale: torch.Tensor | None = None


@dataclass
class Batch:
    """Tensors of one kind (dtype, device, t, hyper-parameters) that take a step together.

    Attributes:
        theta: the parameters; they hold phi while weights are predicted.
        grads: their gradients.
        slots: the state, by the rule's names; per-tensor slots are 0-d tensors.
        k: the coefficients of this step, in float64.
        swap: theta kept beside phi, when it is kept.
        reach: s times `scale`: phi = theta - reach d; None without prediction.
        last: (coefficients, reach) of the last prediction, from which a cache-free step recovers theta.
        rehearsals: the coefficients of the further steps that the readings `zero` and `repeat` run ahead.
        repeat: whether those steps see the last gradient, or 0.
        clock: what stands for `k` when the coefficients are computed on the device; the cuda executor alone has it.
    """

    theta: list[torch.Tensor]
    grads: list[torch.Tensor]
    slots: dict[str, list[torch.Tensor]]
    k: Mapping[str, float]
    swap: list[torch.Tensor] | None = None
    reach: float | None = None
    last: tuple[Mapping[str, float], float] | None = None
    rehearsals: list[Mapping[str, float]] = field(default_factory=list)
    repeat: bool = False
    clock: Clock | None = None


def rebind(
    function: Callable[..., Any],
    names: Mapping[str, Any],
    wrap: Callable[[Callable[..., Any]], Any] = lambda f: f,
) -> Any:
    """Return the function's code with other globals: `sqrt` becomes torch's or Numba's.

    Helper functions of the rule's module are rebound and wrapped (compiled) in their turn.
    """
    assert isinstance(function, types.FunctionType)
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        if name in names:
            scope[name] = names[name]
        elif isinstance(scope.get(name), types.FunctionType):
            scope[name] = rebind(scope[name], names, wrap)
    twin = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
    twin.__module__ = function.__module__
    return wrap(twin)


def arguments(function: Callable[..., Any], scope: Mapping[str, Any]) -> Iterable[Any]:
    """Return the values that a rule's function asks for by its parameters' names."""
    return [scope[name] for name in inspect_parameters(function)]
