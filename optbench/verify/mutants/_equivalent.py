"""Tells a mutant that nothing can catch, because it computes the same, from one that the checks missed."""

from typing import Any

import numpy as np
import torch

from optbench.errors import InvalidValueError
from optbench.optimizers import info
from optbench.optimizers._executors import eager
from optbench.optimizers._executors._program import Batch, Program
from optbench.optimizers._hyperparameters import Hyperparameter, Value
from optbench.optimizers._rule import Rule
from optbench.verify._sampling import words
from optbench.verify.mutants._build import faulty_entry
from optbench.verify.mutants._mutant import Mutant

TRIES = 400
ELEMENTS = 12
ZEROS = 0.2
"""The share of values of a tensor's own state that are drawn as 0, and about that of its elements."""
SAME = 1e-15
"""Relative: a few units in the last place, what another order of the same operations may differ by."""

JUSTIFIED: dict[tuple[str, str], str] = {
    ("adam-2k", "constant perturbed: 0.0 -> 0.01 in 0.0 if warm else lr"): "m is 0 while it is warm, so d is 0 too",
    (
        "novograd",
        "constant perturbed: 0.0 -> 0.01 in 0.0 if t == 1 else beta2",
    ): "v is 0 before the first step, so its factor has no effect",
    (
        "novograd",
        "constant perturbed: t -> t + 1 in 0.0 if t == 1 else beta2",
    ): "v is 0 before the first step, so its factor has no effect",
    (
        "adabound",
        "constant perturbed: 1e+30 -> 1.01e+30 in final * (1 + 1 / (gamma * t)) if gamma else 1e+30",
    ): "a bound beyond every rate is none",
    (
        "yogi",
        "operator exchanged: a2 * sign(v - g * g) -> a2 / sign(v - g * g) in v - a2 * sign(v - g * g) * g * g",
    ): "the same for a sign of 1 or -1; it is 0 only where v equals g^2 to the last bit",
}
"""(optimizer, description) of mutants that the random inputs part but no user can, with the reason."""

Tensor = torch.Tensor


def reason(mutant: Mutant) -> str:
    """Return why a mutant cannot be caught, or an empty string where it could be."""
    if known := JUSTIFIED.get((mutant.reference, mutant.description)):
        return known
    rule, faulty = info(mutant.optimizer).rule, faulty_entry(mutant).rule
    assert rule is not None and faulty is not None
    random = np.random.default_rng(0)
    for _ in range(TRIES):
        options, t, given = _options(rule, random), _time(random), int(random.integers(2**31))
        if not _same(_outputs(rule, options, t, given), _outputs(faulty, options, t, given)):
            return ""
    return f"the same step on {TRIES} random states and settings of {ELEMENTS} elements"


def _time(random: np.random.Generator) -> int:
    return int(random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 20, 100, 3000]))


def _options(rule: type[Rule], random: np.random.Generator) -> dict[str, Any]:
    """Draw every hyper-parameter: its bounds, its default, and anything in between."""
    while True:
        options: dict[str, Value] = {n: _value(h, random) for n, h in rule.hyperparameters.items()}
        try:
            rule.check(rule.validate(options))
        except InvalidValueError:
            continue
        return {**options, **{own: _value(rule.hyperparameters[n], random) for own, n in rule.captured.items()}}


def _value(h: Hyperparameter, random: np.random.Generator) -> Value:
    if others := words(h):
        return (h.default, *others)[random.integers(len(others) + 1)]
    if isinstance(h.default, tuple):
        return tuple(_number(h, default, random) for default in h.default)
    return _number(h, h.default, random)


def _number(h: Hyperparameter, default: Any, random: np.random.Generator) -> float:
    while True:
        kinds = (0.0, default, random.uniform(), 10 ** random.uniform(-4, 1), float(random.integers(1, 9)))
        value = float(kinds[random.integers(len(kinds))])
        checked = h.check((value,) * len(h.default) if isinstance(h.default, tuple) else value)
        if checked is not None:
            return value


def _outputs(rule: type[Rule], options: dict[str, Any], t: int, seed: int) -> list[Tensor] | str:
    """Return theta, phi, every slot and the recovered direction after one step; or the name of what was raised."""
    random = np.random.default_rng(seed)
    program = Program.of(rule, options)
    theta, g = _drawn(random), _drawn(random)
    signed = bool(random.integers(2))
    slots = {}
    for name, slot in program.slots.items():
        single = random.uniform(0, 1) * (random.uniform() > ZEROS)
        value = torch.tensor(single, dtype=torch.float64) if slot.per_tensor else _drawn(random)
        slots[name] = [value if signed else value.abs()]
    try:
        k = rule.coefficients_at(t, options)
        batch = Batch([theta.clone()], [g], slots, k, swap=[theta], reach=1.7 * k["scale"])
        eager.advance(program, batch)
        out = [*batch.theta, theta, *(tensor for (tensor,) in slots.values())]
        if rule.recoverable(options):
            out += eager.recovered(program, Batch([g], [], slots, k, last=(k, 0.7)))
    except (ArithmeticError, ValueError, TypeError, NameError, KeyError) as error:
        return type(error).__name__
    return out


def _drawn(random: np.random.Generator) -> Tensor:
    values = random.standard_normal(ELEMENTS) * 10 ** random.uniform(-3, 1)
    return torch.tensor(values * (random.uniform(size=ELEMENTS) > random.choice([0.0, 0.3, 1.0], p=[0.5, 0.4, 0.1])))


def _same(left: list[Tensor] | str, right: list[Tensor] | str) -> bool:
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    return all(torch.allclose(a, b, rtol=SAME, atol=0.0, equal_nan=True) for a, b in zip(left, right, strict=True))
