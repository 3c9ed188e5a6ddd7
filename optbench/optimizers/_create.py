"""Builds optimizers: classes from rules, instances from references."""

import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch.optim import Optimizer

from optbench.errors import InvalidValueError, OptbenchError, nearest
from optbench.optimizers import _torch
from optbench.optimizers._engine import RuleOptimizer
from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._prediction import XGrad
from optbench.optimizers._reference import Reference, parse
from optbench.optimizers._registry import Entry, info


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
        "__module__": "optbench.optimizers",
        "__qualname__": name,
        "__signature__": signature,
        "entry": entry,
    }
    return type(name, (RuleOptimizer,), namespace)


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
    optimizer = (
        _third_party(reference, params, base) if reference.is_import_path else _own(reference.name, params, base)
    )
    return XGrad(optimizer, **wrapper) if reference.xgrad else optimizer  # type: ignore[arg-type]


def _own(name: str, params: Any, options: dict[str, Any]) -> Optimizer:
    entry = info(name)
    impl, capturable = options.pop("impl"), options.pop("capturable", False)
    entry.declaration.check(options)
    if impl == "torch" or entry.rule is None:
        if capturable:
            raise InvalidValueError(f"capturable=True with {name}:impl={impl}", "use impl=cuda, or torch.optim's class")
        return _torch.build(entry, params, options)
    return optimizer_class(entry)(params, impl=impl, capturable=capturable, **options)  # type: ignore[call-arg]


def imported_class(path: str) -> type[Optimizer]:
    """Import a third-party optimizer class; the current folder is searched first.

    Raises:
        OptbenchError: when the path does not import or is not a subclass of torch.optim.Optimizer.
    """
    module_name, _, name = path.rpartition(".")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), name)
    except AttributeError:
        module = sys.modules[module_name]
        hint = nearest(name, dir(module)) or f"check what {module_name} defines"
        raise OptbenchError(f"module '{module_name}' has no optimizer '{name}'", hint) from None
    except ImportError as error:
        hint = "install the package, or run from the folder that holds the module"
        raise OptbenchError(f"cannot import '{path}': {error}", hint) from None
    except Exception as error:  # any code runs at import; its mistake is the user's to see, in one line
        hint = "mend the module; importing it fails"
        raise OptbenchError(f"cannot import '{path}': {type(error).__name__}: {error}", hint) from error
    if not (isinstance(found, type) and issubclass(found, Optimizer)):
        raise OptbenchError(f"'{path}' is not an optimizer", "name a subclass of torch.optim.Optimizer")
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
