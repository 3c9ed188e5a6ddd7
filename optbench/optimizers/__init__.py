"""THE registry of optimizers, and drop-in `torch.optim.Optimizer` classes for every one of them.

    from optbench.optimizers import AdaPlus, XGrad
    optimizer = XGrad(AdaPlus(model.parameters(), lr=1e-3), s=1)

`names`, `info` and `parse` need no torch; the classes (`AdaPlus`, `RAdam`, `NovoGrad`, `AdamW`, ...), `create` and
`XGrad` are built on first use.
"""

from typing import Any

from optbench.optimizers._hyperparameters import Hyperparameter
from optbench.optimizers._reference import Reference, parse, parse_list
from optbench.optimizers._registry import Entry, by_class_name, info, names, wrappers

__all__ = [
    "Entry",
    "Hyperparameter",
    "Reference",
    "XGrad",
    "create",
    "executor_of",
    "info",
    "names",
    "parse",
    "parse_list",
    "state_bytes",
    "wrappers",
]

_LAZY = {"XGrad": "_prediction", "create": "_create", "executor_of": "_create", "state_bytes": "_create"}


def __getattr__(name: str) -> Any:
    """Build the Optimizer classes when they are asked for, so that the registry itself needs no torch (PEP 562)."""
    import importlib

    if name in _LAZY:
        value = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    elif name in (classes := by_class_name()):
        value = importlib.import_module(f"{__name__}._create").optimizer_class(classes[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(n for n, e in by_class_name().items() if not e.wrapper)})
