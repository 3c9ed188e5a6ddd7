"""Hyper-parameters to try: every keyword of an optimizer off its default alone, every combination, random draws.

All of it is derived from the declared hyper-parameters, so that a new optimizer is tried in full without a list.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from optbench.errors import InvalidValueError
from optbench.optimizers._hyperparameters import Hyperparameter, Value
from optbench.optimizers._rule import Declaration

DECAY = 0.1
"""Weight decay of the cases that do not draw one: large enough that a misplaced decay shows at once."""

MOST_COMBINATIONS = 16

Options = dict[str, Any]


def base(rule: type[Declaration]) -> Options:
    """Return the defaults with a learning rate and a weight decay that can be seen."""
    options: Options = {"lr": visible_rate(rule)}
    if "weight_decay" in rule.hyperparameters:
        options["weight_decay"] = DECAY
    if "warm_steps" in rule.hyperparameters:
        options["warm_steps"] = 4
    return options


def visible_rate(rule: type[Declaration]) -> float:
    """Return 20 times the default learning rate, at most 0.05 (or the default, where that is larger)."""
    default = rule.hyperparameters["lr"].default
    assert isinstance(default, float)
    return max(default, min(20 * default, 0.05))


def words(h: Hyperparameter) -> tuple[Value, ...]:
    """Return the other values of a switch or a word; none for a number."""
    if isinstance(h.default, bool):
        return (not h.default,)
    if isinstance(h.default, str):
        return tuple(word for word in h.kind.removeprefix("word: ").split(" or ") if word != h.default)
    return ()


def variants(rule: type[Declaration]) -> list[Options]:
    """Return the default, then for each keyword (lr aside) options that change it, alone where that is allowed."""
    start = base(rule)
    found = [start]
    for name, h in rule.hyperparameters.items():
        if name in ("lr", "warm_steps", "weight_decay"):
            continue
        for value in words(h) or (_moved(h),):
            found += [valid for valid in (_completed(rule, {**start, name: value}),) if valid]
    return found


def combinations(rule: type[Declaration]) -> list[Options]:
    """Return every combination of two or more switches and words off their defaults, as many as are allowed."""
    start = base(rule)
    choices = {n: words(h) for n, h in rule.hyperparameters.items() if words(h)}
    found = []
    for count in range(2, len(choices) + 1):
        for chosen in itertools.combinations(choices, count):
            for values in itertools.product(*(choices[n] for n in chosen)):
                found += [v for v in (_completed(rule, {**start, **dict(zip(chosen, values, strict=True))}),) if v]
    return found[:MOST_COMBINATIONS]


def samples(rule: type[Declaration], count: int, seed: int) -> Iterator[Options]:
    """Yield random options, every keyword drawn."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        for _attempt in range(100):
            drawn = {n: _drawn(h, random) for n, h in rule.hyperparameters.items()}
            if allowed(rule, drawn):
                yield drawn
                break


def _moved(h: Hyperparameter) -> Value:
    """Return a number, or numbers, off the default: the same one every time."""
    if isinstance(h.default, tuple):
        return tuple(_number(h, v, 0.3 + 0.2 * i) for i, v in enumerate(h.default))
    assert isinstance(h.default, (int, float))
    return _number(h, h.default, 0.4)


def _number(h: Hyperparameter, default: float, share: float) -> float:
    """Return a number as far along its range as `share` says, in [0, 1)."""
    if "[0, 1)" in h.kind:  # a decay rate: 1 minus it goes from 0.02 to 0.6
        return 1 - 0.02 * math.pow(30, share)
    if h.name == "momentum":
        return 0.3 + 0.65 * share
    if "eps" in h.name:  # from 1e-6 to 1e-2
        return math.pow(10, -6 + 4 * share)
    if ">= 4" in h.kind or ">= 1" in h.kind:
        return float(h.kind.rpartition(" ")[2]) * (1 + 0.4 * share)
    if "whole" in h.kind:
        return int(1 + 8 * share)
    if default == 0:
        return 0.05 + 0.8 * share  # momentum, a decay, an initial value
    return default * math.pow(4, 2 * share - 1)


def _drawn(h: Hyperparameter, random: np.random.Generator) -> Value:
    if others := words(h):
        return (h.default, *others)[random.integers(len(others) + 1)]
    if h.name == "lr":
        assert isinstance(h.default, float)
        return min(h.default * 10 ** random.uniform(-0.5, 1.5), max(h.default, 0.1))
    if h.name == "weight_decay":
        return float(random.uniform(0.01, 0.3)) * int(random.uniform() < 0.8)
    share = float(random.uniform())
    if isinstance(h.default, tuple):
        return tuple(_number(h, v, float(random.uniform())) for v in h.default)
    assert isinstance(h.default, (int, float))
    if "eps" in h.name and share < 0.3:
        return h.default
    return _number(h, h.default, share)


def allowed(rule: type[Declaration], options: Options) -> bool:
    """Tell whether the options do not contradict each other."""
    try:
        rule.check(rule.validate({**rule.defaults(), **options}))
    except InvalidValueError:
        return False
    return True


def _completed(rule: type[Declaration], options: Options) -> Options | None:
    """Return the options, with a momentum where they need one; None where they cannot be had at all."""
    helped = {**options, "momentum": 0.8} if "momentum" in rule.hyperparameters else options
    return next((o for o in (options, helped) if allowed(rule, o)), None)


def describe(rule: type[Declaration] | None, options: Options) -> str:
    """Return what differs from the defaults (lr, decay and warm-up aside unless nothing else does), as a reference."""
    from optbench.optimizers._reference import show_value

    defaults = rule.defaults() if rule else {}
    told = {n: v for n, v in options.items() if defaults.get(n) != v}
    apart = {n: v for n, v in told.items() if n not in ("lr", "weight_decay", "warm_steps")}
    return " ".join(f"{n}={show_value(_short(v))}" for n, v in apart.items()) or "defaults"


def _short(value: Any) -> Any:
    """Round what was drawn to four digits, for reading."""
    if isinstance(value, tuple):
        return tuple(_short(v) for v in value)
    if isinstance(value, float) and value and math.isfinite(value):
        return round(value, 3 - math.floor(math.log10(abs(value))))
    return value
