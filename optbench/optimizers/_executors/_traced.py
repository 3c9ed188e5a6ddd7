"""Stand-ins for numbers that are known on the device only: what Python does to them is written down as text.

Where a function asks whether a stand-in is true (`if`, `and`, `or`, `not`, a conditional expression), `Fork` is raised
until the tape has an answer; `_triton_coefficients.py` follows both.
"""

import math
import types
from collections.abc import Callable
from typing import Any

from optbench.optimizers._rule import Rule


class Fork(Exception):
    """The function asked whether a stand-in is true, and nobody has said yet."""

    def __init__(self, condition: str) -> None:
        self.condition = condition


class Tape:
    """The lines written on one path through the function."""

    def __init__(self, answers: tuple[bool, ...]) -> None:
        self.answers, self.asked, self.lines = answers, 0, list[str]()
        self.known: dict[str, Number] = {}
        self.said: dict[str, bool] = {}

    def write(self, text: str, is_condition: bool = False) -> "Number":
        """Name the value of an expression; the same expression has the same name."""
        if text in self.known:
            return self.known[text]
        path = "".join("ny"[answer] for answer in self.answers[: self.asked])
        name = f"x{path}{len(self.known)}"  # no name is used in two branches, so that none needs to be merged
        self.lines.append(f"{name} = {text}")
        self.known[text] = Number(self, name, is_condition)
        return self.known[text]

    def decide(self, condition: str) -> bool:
        """Return the answer of this path, which is asked for once."""
        if condition not in self.said:
            if self.asked == len(self.answers):
                raise Fork(condition)
            self.said[condition] = self.answers[self.asked]
            self.asked += 1
            self.lines.clear()  # they stand before the branch
        return self.said[condition]


def text_of(value: Any) -> str:
    if isinstance(value, Number):
        return value.number()
    return f"tl.full((), {float(value)!r}, tl.float64)"


class Number:
    """Stands for a float64, or for a condition, that is known on the device only."""

    __hash__ = object.__hash__

    def __init__(self, tape: Tape, name: str, is_condition: bool = False) -> None:
        self.tape, self.name, self.is_condition = tape, name, is_condition

    def number(self) -> str:
        return f"{self.name}.to(tl.float64)" if self.is_condition else self.name

    def _with(self, sign: str, other: Any, swap: bool = False, is_condition: bool = False) -> Any:
        if not isinstance(other, (int, float, Number)):
            return NotImplemented
        left, right = (text_of(other), text_of(self)) if swap else (text_of(self), text_of(other))
        return self.tape.write(f"{left} {sign} {right}", is_condition)

    def __bool__(self) -> bool:
        return self.tape.decide(self.name if self.is_condition else f"{self.name} != 0")

    def __add__(self, other: Any) -> Any:
        return self._with("+", other)

    def __radd__(self, other: Any) -> Any:
        return self._with("+", other, swap=True)

    def __sub__(self, other: Any) -> Any:
        return self._with("-", other)

    def __rsub__(self, other: Any) -> Any:
        return self._with("-", other, swap=True)

    def __mul__(self, other: Any) -> Any:
        return self._with("*", other)

    def __rmul__(self, other: Any) -> Any:
        return self._with("*", other, swap=True)

    def __truediv__(self, other: Any) -> Any:
        return self._with("/", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with("/", other, swap=True)

    def __neg__(self) -> Any:
        return 0.0 - self

    def __pow__(self, exponent: Any) -> Any:
        if isinstance(exponent, (int, float)) and abs(exponent) == 0.5:
            root = self.tape.write(f"root({text_of(self)})")
            return root if exponent > 0 else 1.0 / root
        return self.tape.write(f"power({text_of(self)}, {text_of(exponent)})")

    def __rpow__(self, base: Any) -> Any:
        return self.tape.write(f"power({text_of(base)}, {text_of(self)})")

    def __lt__(self, other: Any) -> Any:
        return self._with("<", other, is_condition=True)

    def __le__(self, other: Any) -> Any:
        return self._with("<=", other, is_condition=True)

    def __gt__(self, other: Any) -> Any:
        return self._with(">", other, is_condition=True)

    def __ge__(self, other: Any) -> Any:
        return self._with(">=", other, is_condition=True)

    def __eq__(self, other: object) -> Any:
        return self._with("==", other, is_condition=True)

    def __ne__(self, other: object) -> Any:
        return self._with("!=", other, is_condition=True)


def _recorded(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of numbers that writes a call down when one of them is a stand-in."""

    def call(*values: Any) -> Any:
        known = [v for v in values if isinstance(v, Number)]
        if not known:
            return plain(*values)
        if name == "float":
            return known[0].tape.write(text_of(known[0]))
        return known[0].tape.write(f"{name}({', '.join(map(text_of, values))})")

    return call


_MATH = {
    math.sqrt: _recorded("root", math.sqrt),
    math.exp: _recorded("tl.exp", math.exp),
    math.log: _recorded("tl.log", math.log),
}
_BUILTINS = {
    "float": _recorded("float", float),
    "abs": _recorded("tl.abs", abs),
    "min": _recorded("tl.minimum", min),
    "max": _recorded("tl.maximum", max),
}


class _Lent:
    """A rule class whose functions work on stand-ins: `Adam.coefficients(...)` inside AdamW's."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.cls, name)
        return lifted(value) if isinstance(value, types.FunctionType) else value


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with square roots, `float`, helpers and other rules' functions fit for stand-ins."""
    assert isinstance(function, types.FunctionType)
    scope = {**function.__globals__, **_BUILTINS}
    shim = types.SimpleNamespace(**{f.__name__: g for f, g in _MATH.items()}, pi=math.pi, e=math.e, inf=math.inf)
    for name in function.__code__.co_names:
        value = scope.get(name)
        if value is math:
            scope[name] = shim
        elif isinstance(value, types.BuiltinFunctionType) and value in _MATH:
            scope[name] = _MATH[value]
        elif isinstance(value, type) and issubclass(value, Rule):
            scope[name] = _Lent(value)
        elif isinstance(value, types.FunctionType) and name not in _BUILTINS:
            scope[name] = lifted(value)
    return types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
