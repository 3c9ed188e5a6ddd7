"""The hyper-parameters that an optimizer declares: their defaults, bounds and meanings."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optbench.errors import InvalidValueError

Value = float | int | bool | str | tuple[float, ...]


@dataclass(frozen=True)
class Hyperparameter:
    """A keyword of an optimizer: its default, the bounds of its value and what it means."""

    default: Value
    kind: str
    doc: str
    check: Callable[[Any], Value | None]
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    def validate(self, value: object) -> Value:
        """Return the value in its own type.

        Raises:
            InvalidValueError: when the value is out of bounds or of another type.
        """
        if hasattr(value, "item") and not isinstance(value, (int, float)):
            value = value.item()  # a 0-d tensor or array: torch accepts a tensor as lr
        checked = self.check(value)
        if checked is None:
            raise InvalidValueError(f"{self.name}={_show(value)} is not allowed", f"give a {self.kind}")
        return checked


def _show(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _number(accept: Callable[[float], bool]) -> Callable[[Any], Value | None]:
    def check(value: Any) -> Value | None:
        if isinstance(value, (bool, str)) or not isinstance(value, (int, float)):
            return None
        number = float(value) + 0.0  # -0.0 becomes 0.0: equal values have one canonical text
        return number if math.isfinite(number) and accept(number) else None

    return check


def non_negative(default: float, doc: str) -> Hyperparameter:
    """Declare a number >= 0."""
    return Hyperparameter(default, "number >= 0", doc, _number(lambda x: x >= 0))


def unit(default: float, doc: str) -> Hyperparameter:
    """Declare a number in [0, 1), such as a decay rate of a moving average."""
    return Hyperparameter(default, "number in [0, 1)", doc, _number(lambda x: 0 <= x < 1))


def at_least(least: float, default: float, doc: str) -> Hyperparameter:
    """Declare a number with a lower bound."""
    return Hyperparameter(default, f"number >= {least:g}", doc, _number(lambda x: x >= least))


def non_positive(default: float, doc: str) -> Hyperparameter:
    """Declare a number <= 0."""
    return Hyperparameter(default, "number <= 0", doc, _number(lambda x: x <= 0))


def positive_numbers(*default: float, doc: str) -> Hyperparameter:
    """Declare a tuple of numbers > 0."""
    kind = f"{len(default)}-tuple of numbers > 0, such as {'/'.join(map(str, default))}"
    return Hyperparameter(default, kind, doc, _numbers(len(default), lambda x: x > 0))


def whole(default: int, doc: str) -> Hyperparameter:
    """Declare a whole number >= 0."""

    def check(value: Any) -> Value | None:
        number = _number(lambda x: x >= 0 and x == int(x))(value)
        return None if number is None else int(value)

    return Hyperparameter(default, "whole number >= 0", doc, check)


def learning_rate(default: float) -> Hyperparameter:
    """Declare lr: a number >= 0, because warm-ups begin at 0."""
    return non_negative(default, "learning rate")


def _numbers(count: int, accept: Callable[[float], bool]) -> Callable[[Any], Value | None]:
    number = _number(accept)

    def check(value: Any) -> Value | None:
        if not isinstance(value, (tuple, list)) or len(value) != count:
            return None
        items = [number(x.item() if hasattr(x, "item") else x) for x in value]
        return None if None in items else tuple(items)  # type: ignore[arg-type]

    return check


def decay_rates(*default: float) -> Hyperparameter:
    """Declare betas: numbers in [0, 1), known to the rule as beta1, beta2, ... ."""
    kind = f"{len(default)}-tuple of numbers in [0, 1), such as {'/'.join(map(str, default))}"
    return Hyperparameter(
        default, kind, "decay rates of the moving averages", _numbers(len(default), lambda x: 0 <= x < 1)
    )


def numbers(*default: float, doc: str) -> Hyperparameter:
    """Declare a tuple of numbers >= 0."""
    kind = f"{len(default)}-tuple of numbers >= 0, such as {'/'.join(map(str, default))}"
    return Hyperparameter(default, kind, doc, _numbers(len(default), lambda x: x >= 0))


def flag(default: bool, doc: str) -> Hyperparameter:
    """Declare a switch: true or false."""
    return Hyperparameter(default, "switch: true or false", doc, lambda x: x if isinstance(x, bool) else None)


def choice(*options: str, doc: str) -> Hyperparameter:
    """Declare one word of several; the first is the default."""
    return Hyperparameter(options[0], f"word: {' or '.join(options)}", doc, lambda x: x if x in options else None)
