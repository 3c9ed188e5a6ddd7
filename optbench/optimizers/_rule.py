"""What a rule declares: hyper-parameters with bounds, state slots, coefficients, and the direction of a step.

A rule is an optimizer's update written once, for one element, in the paper's symbols. The executors run the same
function objects with torch tensors (eager), through Numba (cpu) and through Triton (cuda); see `Rule`.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optbench.errors import InvalidValueError, nearest
from optbench.optimizers._hyperparameters import Hyperparameter, Value

E = Any
"""Annotates one element of a tensor (theta, g, a slot, d) or a whole tensor: what the executor passes."""
C = Any
"""Annotates a coefficient or a per-tensor value: a scalar, the same for every element."""


# --- the functions that a direction may call -----------------------------------------------------------------------
# Here they work on Python floats; each executor rebinds the names to its own versions.

sqrt = math.sqrt


def minimum(a: float, b: float) -> float:
    """Return the smaller of a and b."""
    return a if a < b else b


def maximum(a: float, b: float) -> float:
    """Return the larger of a and b."""
    return a if a > b else b


def where(condition: float, a: float, b: float) -> float:
    """Return a where the condition is true (not zero), else b."""
    return a if condition else b


def sign(a: float) -> float:
    """Return -1, 0 or 1: the sign of a, and 0 for 0."""
    return math.copysign(1.0, a) if a else 0.0


# --- state slots ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slot:
    """A piece of state: one value for each element, or one for each tensor.

    Attributes:
        key: its name in `state_dict`; torch's where torch has the algorithm.
        initial: a number, the name of the hyper-parameter that holds it, or "theta" for a copy of the parameter.
        when: the hyper-parameter that must be true (or not zero) for the slot to exist; empty means always.
        per_tensor: one value for the whole tensor, as NovoGrad's second moment.
    """

    key: str
    initial: float | str = 0.0
    when: str = ""
    per_tensor: bool = False


def zeros(key: str, *, when: str = "") -> Slot:
    """Declare an element-wise slot that starts at 0."""
    return Slot(key, when=when)


def filled(key: str, initial: float | str, *, when: str = "") -> Slot:
    """Declare an element-wise slot that starts at a number, at a hyper-parameter's value, or as a copy of "theta"."""
    return Slot(key, initial, when=when)


def per_tensor(key: str, initial: float | str = 0.0, *, when: str = "") -> Slot:
    """Declare a slot that holds one value for the whole tensor."""
    return Slot(key, initial, when=when, per_tensor=True)


# --- the rule ------------------------------------------------------------------------------------------------------


class Declaration:
    """Name, hyper-parameters and costs of an optimizer; the base of `Rule`.

    A declaration that is not a `Rule` has no executors of its own: torch.optim's class runs it.
    """

    hyperparameters: ClassVar[Mapping[str, Hyperparameter]] = {}
    name: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        own = {k: v for k, v in vars(cls).items() if isinstance(v, Hyperparameter)}
        cls.hyperparameters = {**cls.hyperparameters, **own}

    @classmethod
    def defaults(cls) -> dict[str, Value]:
        """Return every hyper-parameter with its default."""
        return {name: h.default for name, h in cls.hyperparameters.items()}

    @classmethod
    def validate(cls, options: Mapping[str, object]) -> dict[str, Value]:
        """Return the options in their own types.

        Raises:
            InvalidValueError: for an unknown key (with the nearest one) or a value out of bounds.
        """
        for key in options:
            if key not in cls.hyperparameters:
                known = ", ".join(cls.hyperparameters)
                hint = nearest(key, cls.hyperparameters) or f"its keys: {known}"
                raise InvalidValueError(f"{cls.name} has no hyper-parameter '{key}'", hint)
        return {key: cls.hyperparameters[key].validate(value) for key, value in options.items()}

    @classmethod
    def check(cls, options: Mapping[str, Value]) -> None:
        """Raise InvalidValueError when complete options contradict each other; by default they never do."""

    @classmethod
    def state_bytes(cls, options: Mapping[str, Value]) -> int:
        """Return the bytes of state a parameter in fp32, per-tensor values aside."""
        raise NotImplementedError

    @classmethod
    def traffic_bytes(cls, options: Mapping[str, Value]) -> int:
        """Return the least bytes of memory traffic a parameter and step in fp32: each array read or written once."""
        raise NotImplementedError


def decay_and_step(theta: E, d: E, keep: C, scale: C) -> E:
    """Return theta after decoupled decay and the step: what `Rule.apply` is unless a rule says otherwise."""
    return keep * theta - scale * d


class Rule(Declaration):
    """An optimizer's update, written once for one element.

    The functions take what they need by name: `theta`, `g`, the slots, the values of `layer`, the coefficients, and
    hyper-parameters or class attributes that are true or false (an `if` on one of those is decided when the rule is
    compiled, so it costs nothing; there is no other branching). They hold neither numbers nor arithmetic between
    two scalars: `1 - beta2` in fp32 is off by 1e-5 relative, so `coefficients` computes such terms in float64.

    - `coefficients(t, ...)`: once a step, in float64: everything scalar. It takes t (1 at the first step) and
      hyper-parameters (`betas` as beta1, beta2, ...), and returns at least `keep` and `scale`.
    - `reduce(theta, g)`: the terms (at most two) whose sums over the tensor `layer` takes as n1, n2 (optional). If it
      takes d, `direction` runs once beforehand with every per-tensor value at 1 and nothing written.
    - `layer(n1, ..., slots, coefficients)`: once a tensor, in float64: returns the per-tensor values named in
      `layer_values`, then the new per-tensor slots in their order (optional).
    - `direction(theta, g, slots, values, coefficients)`: returns d, then the new element-wise slots in their order.
    - `recover(slots, coefficients)`: d of the last step from the state alone, where that is possible (optional).
    - `apply(theta, d, keep, scale)`: theta after the step; d is the direction for each unit of `scale`. It sees the
      new slots.
    """

    slots: ClassVar[Mapping[str, Slot]] = {}
    layer_values: ClassVar[tuple[str, ...]] = ()
    coefficients: ClassVar[Callable[..., Mapping[str, float]]]
    direction: ClassVar[Callable[..., Any]]
    reduce: ClassVar[Callable[..., Any] | None] = None
    layer: ClassVar[Callable[..., Any] | None] = None
    recover: ClassVar[Callable[..., Any] | None] = None
    apply: ClassVar[Callable[..., Any]] = staticmethod(decay_and_step)
    captured: ClassVar[Mapping[str, str]] = {}
    """What a group keeps of its hyper-parameters at construction: {"base_lr": "lr"}, for `coefficients` to take."""
    lookahead: ClassVar[bool] = False
    """True when theta is itself an extrapolation (Win): weight prediction over it is not defined."""

    @classmethod
    def recoverable(cls, options: Mapping[str, Value]) -> bool:
        """Tell whether `recover` gives the direction of the last step under these hyper-parameters."""
        return cls.recover is not None

    @classmethod
    def present_slots(cls, options: Mapping[str, Value]) -> dict[str, Slot]:
        """Return the slots that exist under these hyper-parameters."""
        return {name: slot for name, slot in cls.slots.items() if not slot.when or options[slot.when]}

    @classmethod
    def coefficients_at(cls, t: int, options: Mapping[str, Value]) -> dict[str, float]:
        """Return the coefficients of step t (1 at the first) in float64."""
        given = spread(options)
        for name, source in cls.captured.items():
            given.setdefault(name, given[source])
        names = inspect_parameters(cls.coefficients)
        return dict(cls.coefficients(**{name: t if name == "t" else given[name] for name in names}))

    @classmethod
    def state_bytes(cls, options: Mapping[str, Value]) -> int:
        """Return 4 bytes for each element-wise slot."""
        return 4 * sum(not slot.per_tensor for slot in cls.present_slots(options).values())

    @classmethod
    def traffic_bytes(cls, options: Mapping[str, Value]) -> int:
        """Read theta, g and the slots, write theta and the slots; a reduction reads what it needs once more."""
        needed = () if cls.reduce is None else inspect_parameters(cls.reduce)
        dry_run = 8 + cls.state_bytes(options)
        reduction = dry_run if "d" in needed else 4 * len(needed)
        return 12 + 2 * cls.state_bytes(options) + reduction


_PARAMETERS: dict[Callable[..., Any], tuple[str, ...]] = {}


def inspect_parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters; remembered, because a step asks for them every time."""
    if function not in _PARAMETERS:
        _PARAMETERS[function] = tuple(inspect.signature(function).parameters)
    return _PARAMETERS[function]


def averages(*betas: float) -> dict[str, float]:
    """Return the coefficients b1, a1, b2, a2, ... of moving averages: each decay rate and what it leaves, 1 - beta."""
    pairs = enumerate(betas, 1)
    return {name: value for i, beta in pairs for name, value in ((f"b{i}", beta), (f"a{i}", 1 - beta))}


def spread(options: Mapping[str, Value]) -> dict[str, Value]:
    """Return the options with `betas` added as beta1, beta2, ... ."""
    flat = dict(options)
    betas = flat.get("betas", ())
    if isinstance(betas, (tuple, list)):
        flat.update({f"beta{i}": beta for i, beta in enumerate(betas, 1)})
    return flat
