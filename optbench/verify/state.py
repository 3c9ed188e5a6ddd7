"""Check 6: the bytes of state that the rule predicts are those that are there, and they do not grow."""

from collections.abc import Iterator
from typing import Any

import torch

from optbench.errors import InvalidValueError
from optbench.optimizers import info, state_bytes
from optbench.optimizers._rule import Rule
from optbench.verify import _cases, _sampling
from optbench.verify._subject import WRAPPER, Effort, Finding, Subject

NAME = "state bytes"
SHAPE = (64, 500)
SMALL = 64
"""Bytes a tensor for what is not an array: its step count and values of the whole tensor."""


def check(subject: Subject, effort: Effort) -> Iterator[Finding]:
    """Yield a finding for every set of slots that the hyper-parameters can ask for."""
    rule = subject.rule
    if rule is None:
        yield _growth(subject)
        return
    for impl in subject.implementations:
        seen: set[tuple[Any, ...]] = set()
        for options in _cases.slots(subject, impl):
            wrapper = tuple((n, options[n]) for n in WRAPPER if n in options)
            predicted = _predicted(subject, options)
            if (predicted, wrapper) in seen or (impl == "cpu" and seen):
                continue  # who runs a rule does not change its slots: one kernel is enough
            seen.add((predicted, wrapper))
            narrow = impl == "eager" and not subject.wrapped
            for dtype in (torch.float32, torch.bfloat16) if narrow else (torch.float32,):
                if (finding := _measured(subject, impl, options, predicted, dtype)) is not None:
                    yield finding


def _predicted(subject: Subject, options: dict[str, Any]) -> int:
    """Return the bytes a parameter that the declarations state."""
    rule = _cases.declared(subject)
    total = rule.state_bytes({**rule.defaults(), **options})
    if subject.wrapped:
        xgrad = info("xgrad").declaration
        total += xgrad.state_bytes({**xgrad.defaults(), **options})
    return total


def _measured(
    subject: Subject, impl: str, options: dict[str, Any], predicted: int, dtype: torch.dtype
) -> Finding | None:
    """Compare with what is there after three steps; None for a variant that torch's class does not have."""
    given = {n: v for n, v in options.items() if not (subject.wrapped and n in WRAPPER)}
    if subject.wrapped:
        given["xgrad"] = {n: options[n] for n in WRAPPER if n in options}
    try:
        measured = _bytes_after(subject, impl, given, dtype, 3)
    except InvalidValueError:
        if impl == "torch":
            return None
        raise
    count = SHAPE[0] * SHAPE[1]
    # factored moments (a declaration without a rule) are rows and columns, not elements
    has_rule = subject.rule is not None and issubclass(subject.rule, Rule)
    bound = SMALL if has_rule else SMALL + 4 * sum(SHAPE)
    difference = abs(measured - predicted * count)
    text = _sampling.describe(subject.rule, options)
    case = f"{impl}, {text}, {str(dtype).removeprefix('torch.')}: {predicted} bytes a parameter"
    message = "" if difference <= bound else f"{measured / count:.3g} bytes a parameter are there"
    return Finding(NAME, case, not message, difference, bound, message)


def _bytes_after(subject: Subject, impl: str, options: dict[str, Any], dtype: torch.dtype, *steps: int) -> Any:
    """Return the bytes of state after so many steps; a list of them for several numbers."""
    p = torch.nn.Parameter(torch.ones(SHAPE, dtype=dtype))
    optimizer = subject.optimizer([p], impl, **options)
    found = []
    for step in range(1, max(steps) + 1):
        p.grad = torch.full_like(p, 0.1)
        optimizer.step()
        if step in steps:
            found.append(state_bytes(optimizer))
    return found[0] if len(steps) == 1 else found


def _growth(subject: Subject) -> Finding:
    """Measure a third-party class, whose slots nobody declares."""
    early, late = _bytes_after(subject, "", {}, torch.float32, 3, 40)
    case = f"{early / (SHAPE[0] * SHAPE[1]):.3g} bytes a parameter measured"
    message = "" if late <= early else f"the state grew from {early} to {late} bytes in 37 steps"
    return Finding(NAME, case, not message, float(max(late - early, 0)), 0.0, message)
