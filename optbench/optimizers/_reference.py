"""How an optimizer is named: ``NAME[:key=value]...``, wrappers in front, or a class by its import path.

Examples: ``adaplus``, ``adamw:lr=3e-4:weight_decay=0.01``, ``xgrad+adamw:s=2``, ``novograd:betas=0.95/0.98``,
``my_package.my_module.MyOptimizer:lr=0.1``. A comma separates references.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from optbench.errors import InvalidValueError, OptbenchError, nearest
from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._outside import entry_of, path_of
from optbench.optimizers._registry import Entry, info, own, wrappers

_NAME = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_]\w*)*\Z")
_KEY = re.compile(r"[A-Za-z_]\w*\Z")
_GRAMMAR = "write NAME[:key=value]..., such as adamw:lr=3e-4 or xgrad+adamw:s=2"


@dataclass(frozen=True)
class Reference:
    """An optimizer with its options.

    Attributes:
        text: as its user wrote it; the label in reports.
        name: the registered name, or an import path.
        xgrad: whether weight prediction wraps it.
        options: (key, value) pairs; those that the user gave, or all of them after `resolve`.
    """

    text: str
    name: str
    xgrad: bool = False
    options: tuple[tuple[str, Value], ...] = ()

    @property
    def is_import_path(self) -> bool:
        """Whether the optimizer is no part of optbench: a class, or a rule, by its import path."""
        return "." in self.name

    @property
    def entry(self) -> Entry | None:
        """What is declared of it: every key and cost. None for a class, which declares nothing.

        Raises:
            OptbenchError: for an import path that does not import (this imports it) or a rule with a mistake in it.
        """
        return entry_of(self.name) if self.is_import_path else info(self.name)

    @property
    def canonical(self) -> str:
        """The reference with its keys sorted: equal text means an equal optimizer. `parse` gives it back."""
        keys = "".join(f":{key}={show_value(value)}" for key, value in sorted(self.options))
        return f"{'xgrad+' if self.xgrad else ''}{self.name}{keys}"

    def split(self) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return the options of the optimizer and those of the wrapper."""
        mine = info("xgrad").declaration.hyperparameters if self.xgrad else {}
        base = {k: v for k, v in self.options if k not in mine}
        return base, {k: v for k, v in self.options if k in mine}

    def resolve(self, defaults: Mapping[str, object] | None = None) -> "Reference":
        """Return the reference with every hyper-parameter present and validated.

        The entry's defaults come first, then `defaults` (a recipe's section for this name), then what the user gave.
        The options of a third-party class stay as given: its own signature holds the rest. An import path is imported
        here, to see whether it is a rule.

        Raises:
            OptbenchError: for an unknown key or a value out of bounds, and as `entry`.
        """
        base, wrapper = self.split()
        if (entry := self.entry) is None:
            base = {**(defaults or {}), **base}  # type: ignore[dict-item]
        else:
            declaration = entry.declaration
            impl = base.pop("impl", (defaults or {}).get("impl", "auto"))
            section = declaration.validate({k: v for k, v in (defaults or {}).items() if k != "impl"})
            base = {
                **declaration.defaults(),
                **section,
                **declaration.validate(base),
                "impl": _impl(self.name, impl),
            }
        if self.xgrad:
            wrapper = {**info("xgrad").declaration.defaults(), **wrapper}
        return replace(self, options=tuple(sorted({**base, **wrapper}.items())))

    def __str__(self) -> str:
        return self.text


def show_value(value: Value) -> str:
    """Write a value so that `parse` reads the same one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "/".join(map(show_value, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def read_value(text: str) -> Value:
    """Read true, false, a number, numbers separated by slashes, or a word."""
    if text in ("true", "false"):
        return text == "true"
    parts = text.split("/")
    try:
        numbers = tuple(int(p) if re.fullmatch(r"[+-]?\d+", p) else float(p) for p in parts)
    except ValueError:
        return text
    return numbers if len(numbers) > 1 else numbers[0]


def _impl(name: str, value: object) -> Value:
    offered = ("auto", *info(name).offered)
    if value not in offered:
        hint = f"{name} has impl={', '.join(offered)}"
        raise InvalidValueError(f"impl={value} is not an implementation of {name}", hint)
    return str(value)


def parse(text: str) -> Reference:
    """Read one reference; keys and values of registered optimizers are validated.

    Raises:
        OptbenchError: when it does not parse, or for an unknown name or key (with the nearest) or a bad value.
    """
    head, *pairs = text.strip().split(":")
    *before, name = head.split("+")
    if not _NAME.match(name):
        raise OptbenchError(f"{text!r} is not an optimizer reference", _GRAMMAR)
    for wrapper in before:
        if wrapper not in wrappers():
            raise OptbenchError(f"unknown wrapper {wrapper!r} in {text!r}", nearest(wrapper, wrappers()) or _GRAMMAR)
    if len(before) > 1:
        raise OptbenchError(f"{text!r} predicts weights twice", f"write {before[0]}+{name}")
    options: dict[str, Value] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (_KEY.match(key) and equals and value):
            raise OptbenchError(f"{pair!r} in {text!r} is not key=value", _GRAMMAR)
        if key in options:
            raise OptbenchError(f"{text!r} gives {key} twice", "leave one out")
        options[key] = read_value(value)
    if "." not in name and name not in own():
        name = path_of(name) or name  # another name of an import path, which any process can import
    return _validated(Reference(text.strip(), name, bool(before), tuple(options.items())))


def _validated(reference: Reference) -> Reference:
    base, wrapper = reference.split()
    if not reference.is_import_path:
        entry = info(reference.name)
        if entry.wrapper:
            hint = f"write {reference.name}+adamw"
            raise OptbenchError(f"'{reference.text}' names no optimizer: {reference.name} wraps one", hint)
        impl = {"impl": _impl(reference.name, base.pop("impl"))} if "impl" in base else {}
        base = {**entry.declaration.validate(base), **impl}
    if reference.xgrad:
        wrapper = info("xgrad").declaration.validate(wrapper)
    validated = {**base, **wrapper}
    return replace(reference, options=tuple((key, validated[key]) for key, _ in reference.options))


def parse_list(text: str) -> list[Reference]:
    """Read references separated by commas.

    Raises:
        OptbenchError: as `parse`, and for an empty item.
    """
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise OptbenchError(f"{text!r} holds an empty optimizer reference", _GRAMMAR)
    return [parse(item) for item in items]
