"""Builds optimizers: classes from rules, instances from references."""

import copyreg
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch.optim import Optimizer

from optbench.errors import InvalidValueError, OptbenchError, nearest
from optbench.optimizers import _torch
from optbench.optimizers._engine import RuleOptimizer
from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._outside import entry_of, imported, plugins
from optbench.optimizers._prediction import XGrad
from optbench.optimizers._reference import Reference, parse
from optbench.optimizers._registry import Entry


class _ByPath(type):
    """The type of Optimizer classes that run a rule outside optbench: they pickle as that rule's import path."""


def _as_path(cls: Any) -> Any:
    return imported_class, (cls.entry.path,)


copyreg.pickle(_ByPath, _as_path)


@cache
def optimizer_class(entry: Entry) -> type[Optimizer]:
    """Return the entry's Optimizer class: a rule's own, or torch's where there is no rule."""
    if entry.rule is None:
        assert entry.torch is not None
        cls: type[Optimizer] = getattr(torch.optim, entry.torch.name)
        return cls
    parameters = [
        inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *(
            inspect.Parameter(h.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=h.default)
            for h in entry.hyperparameters
        ),
        inspect.Parameter("impl", inspect.Parameter.KEYWORD_ONLY, default="auto"),
        inspect.Parameter("maximize", inspect.Parameter.KEYWORD_ONLY, default=False),
        inspect.Parameter("capturable", inspect.Parameter.KEYWORD_ONLY, default=False),
    ]
    signature = inspect.Signature(parameters)

    def __init__(self: RuleOptimizer, *args: Any, **kwargs: Any) -> None:
        unknown = [key for key in kwargs if key not in signature.parameters]
        if unknown:
            entry.declaration.validate({unknown[0]: kwargs[unknown[0]]})
        given = signature.bind(*args, **kwargs).arguments
        own = {name: given.pop(name) for name in ("params", "impl", "maximize", "capturable") if name in given}
        params = own.pop("params")
        RuleOptimizer.__init__(self, params, given, **own)

    name = entry.declaration.__name__
    namespace = {
        "__init__": __init__,
        "__doc__": f"{entry.doc}\n{_arguments_doc(entry)}",
        "__module__": entry.declaration.__module__ if entry.path else "optbench.optimizers",
        "__qualname__": name,
        "__signature__": signature,
        "entry": entry,
    }
    return (_ByPath if entry.path else type)(name, (RuleOptimizer,), namespace)


def _arguments_doc(entry: Entry) -> str:
    rows = [f"        {h.name}: {h.doc} ({h.kind}; default {h.default})." for h in entry.hyperparameters]
    rows = ["    Args:", "        params: parameters, or groups of them.", *rows]
    rows += [
        "        impl: the executor: auto, eager, cpu or cuda.",
        "        maximize: ascend instead of descending.",
        "        capturable: keep t and the coefficients on the device, for CUDA graphs.",
    ]
    return "\n".join([*rows, "", "    Raises:", "        InvalidValueError: for a value out of bounds.", ""])


def create(reference: Reference | str, params: Any, *, capturable: bool = False, **overrides: Any) -> Optimizer:
    """Build the optimizer that a reference names.

    Args:
        reference: `adaplus`, `xgrad+adamw:s=2`, an import path, ... or a `Reference`.
        params: parameters, or groups of them.
        capturable: keep t and the coefficients on the device, for CUDA graphs; then lr may be a tensor there.
        overrides: hyper-parameters that replace those of the reference.

    Raises:
        OptbenchError: for an unknown name or key, a bad value, or an import path that leads to no optimizer.
    """
    if isinstance(reference, str):
        reference = parse(reference)
    if overrides:
        merged = {**dict(reference.options), **overrides}
        reference = Reference(reference.text, reference.name, reference.xgrad, tuple(merged.items()))
    reference = reference.resolve()
    base, wrapper = reference.split()
    if capturable:
        base["capturable"] = True
        base.update({n: v for n, v in overrides.items() if isinstance(v, torch.Tensor)})  # type: ignore[misc]
    plugins()  # two optimizers of one name are told before either runs
    entry = reference.entry
    optimizer = _third_party(reference, params, base) if entry is None else _own(entry, params, base)
    return XGrad(optimizer, **wrapper) if reference.xgrad else optimizer  # type: ignore[arg-type]


def _own(entry: Entry, params: Any, options: dict[str, Any]) -> Optimizer:
    impl, capturable = options.pop("impl"), options.pop("capturable", False)
    entry.declaration.check(options)
    if impl == "torch" or entry.rule is None:
        if capturable:
            raise InvalidValueError(
                f"capturable=True with {entry.name}:impl={impl}", "use impl=cuda, or torch.optim's class"
            )
        return _torch.build(entry, params, options)
    return optimizer_class(entry)(params, impl=impl, capturable=capturable, **options)  # type: ignore[call-arg]


def imported_class(path: str) -> type[Optimizer]:
    """Import an optimizer class by its path; the current folder is searched first. A rule gives the class that runs it.

    Raises:
        OptbenchError: when the path does not import or is neither a rule nor a subclass of torch.optim.Optimizer.
    """
    found = imported(path)
    if (entry := entry_of(path)) is not None:
        return optimizer_class(entry)
    if not (isinstance(found, type) and issubclass(found, Optimizer)):
        raise OptbenchError(f"'{path}' is not an optimizer", "name a rule or a subclass of torch.optim.Optimizer")
    return found


def _third_party(reference: Reference, params: Any, options: Mapping[str, Value]) -> Optimizer:
    cls = imported_class(reference.name)
    signature = inspect.signature(cls)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for key in options:
        if key not in signature.parameters and not takes_any:
            keys = [k for k in signature.parameters if k != "params"]
            raise OptbenchError(
                f"{reference.name} has no keyword '{key}'",
                nearest(key, keys) or f"its keywords: {', '.join(keys)}",
            )
    try:
        return cls(params, **options)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise OptbenchError(f"cannot build '{reference.text}': {error}", "change its keywords") from error


def executor_of(optimizer: Optimizer) -> str:
    """Return what runs an optimizer: `cpu`, `eager`, both if it needed both, or `torch` for a foreign class."""
    base = optimizer.base if isinstance(optimizer, XGrad) else optimizer
    if not isinstance(base, RuleOptimizer):
        return "torch"
    return "+".join(sorted(base.used)) or base.impl


def state_bytes(optimizer: Optimizer) -> int:
    """Return the bytes of every tensor in an optimizer's state, storages counted once."""
    storages: dict[int, int] = {}
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())
