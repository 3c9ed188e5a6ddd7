"""What a rule of somebody else's must hold to before it runs: every mistake in it is told in one line."""

import inspect
import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NoReturn

from optbench.errors import OptbenchError, nearest
from optbench.optimizers._rule import Rule, spread

_HINT = "see `python -m pydoc optbench.rules`"


@cache
def check_rule(rule: type[Rule], path: str) -> None:
    """Run a rule's functions once over plain numbers, with its defaults.

    Args:
        rule: the rule.
        path: what messages call it.

    Raises:
        OptbenchError: for a function that is missing, takes what there is not, fails, or returns too much or little.
    """
    for name in ("coefficients", "direction"):
        if not callable(getattr(rule, name, None)):
            raise OptbenchError(f"{path} has no function '{name}'", _HINT)
    defaults = rule.defaults()
    for slot in rule.slots.values():
        if slot.when and slot.when not in defaults:
            _refuse(path, f"slot '{slot.key}' depends on '{slot.when}'", slot.when, defaults)
        if isinstance(slot.initial, str) and slot.initial not in ("theta", *defaults):
            _refuse(path, f"slot '{slot.key}' starts at '{slot.initial}'", slot.initial, ("theta", *defaults))
    scope: dict[str, Any] = {n: v for n, v in defaults.items() if isinstance(v, bool)}
    scope |= {n: v for n in dir(rule) if isinstance(v := getattr(rule, n), bool)}
    scope |= _coefficients(rule, path)
    scope |= {"theta": 0.5, "g": 0.25, "d": 0.25}
    scope |= {n: _start(slot.initial, defaults) for n, slot in rule.slots.items()}
    scope |= dict.fromkeys(rule.layer_values, 1.0)
    elements = sum(not slot.per_tensor for slot in rule.slots.values())
    _call(rule, path, "direction", scope, 1 + elements)
    _call(rule, path, "apply", scope, 1)
    if rule.recover is not None:
        _call(rule, path, "recover", scope, 1)
    if rule.reduce is not None:
        _call(rule, path, "reduce", scope, None)
    if rule.layer is not None:
        sums = {"n1": 1.0, "n2": 1.0}
        _call(rule, path, "layer", scope | sums, len(rule.layer_values) + len(rule.slots) - elements)


def _coefficients(rule: type[Rule], path: str) -> Mapping[str, float]:
    """Return the coefficients of the second step, once those of the first have been found good."""
    known = {"t", *spread(rule.defaults()), *rule.captured}
    for name in inspect.signature(rule.coefficients).parameters:
        if name not in known:
            _refuse(path, f"coefficients takes '{name}', which is neither t nor a hyper-parameter", name, known)
    found: Mapping[str, float] = {}
    for t in (1, 2):
        try:
            found = rule.coefficients_at(t, rule.defaults())
        except Exception as error:  # the rule is somebody's own code
            raise _fails(path, "coefficients", error) from error
        for name in ("keep", "scale"):
            if name not in found:
                raise OptbenchError(f"{path}: coefficients returns no '{name}'", "return at least keep and scale")
        for name, value in found.items():
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise OptbenchError(f"{path}: coefficients returns {name}={value!r} at t={t}", "return finite numbers")
    return found


def _call(rule: type[Rule], path: str, name: str, scope: Mapping[str, Any], count: int | None) -> None:
    """Call a function by its parameters' names, and count what it returns (any number for `count` None)."""
    function = getattr(rule, name)
    for parameter in inspect.signature(function).parameters:
        if parameter not in scope:
            what = f"{name} takes '{parameter}', which is no slot, coefficient or switch"
            _refuse(path, what, parameter, scope)
    try:
        found = function(**{n: scope[n] for n in inspect.signature(function).parameters})
    except (ArithmeticError, ValueError):
        return  # x / 0 and sqrt(-1), which tensors have values for
    except Exception as error:  # the rule is somebody's own code
        raise _fails(path, name, error) from error
    if name in ("direction", "reduce", "layer") and not isinstance(found, tuple):
        raise OptbenchError(f"{path}: {name} returns {found!r} and not a tuple", "a comma makes one: return (d,)")
    given = len(found) if isinstance(found, tuple) else 1
    if count is not None and given != count:
        slots = ", ".join(n for n, slot in rule.slots.items() if slot.per_tensor == (name == "layer"))
        wanted = {
            "direction": f"d, then the new {slots}" if slots else "(d,)",
            "layer": "its values, then the slots",
        }
        raise OptbenchError(f"{path}: {name} returns {given} values, not {count}", f"return {wanted.get(name, 'one')}")


def _start(initial: float | str, defaults: Mapping[str, object]) -> object:
    return initial if not isinstance(initial, str) else 0.5 if initial == "theta" else defaults[initial]


def _refuse(path: str, what: str, word: str, known: Iterable[str]) -> NoReturn:
    raise OptbenchError(f"{path}: {what}", nearest(word, known) or f"there are {', '.join(sorted(known))}")


def _fails(path: str, name: str, error: Exception) -> OptbenchError:
    return OptbenchError(f"{path}: {name} fails: {type(error).__name__}: {error}", _HINT)
