"""THE registry of optimizers, and drop-in `torch.optim.Optimizer` classes for every one of them.

    from optbench.optimizers import AdaPlus, XGrad
    optimizer = XGrad(AdaPlus(model.parameters(), lr=1e-3), s=1)

`names`, `info` and `parse` need no torch; the classes (`AdaPlus`, `RAdam`, `NovoGrad`, `AdamW`, ...), `create` and
`XGrad` are built on first use.
"""

from typing import Any

from optbench.optimizers._hyperparameters import Hyperparameter as Hyperparameter
from optbench.optimizers._outside import Plugin as Plugin
from optbench.optimizers._outside import plugins as plugins
from optbench.optimizers._reference import Reference as Reference
from optbench.optimizers._reference import parse as parse
from optbench.optimizers._reference import parse_list as parse_list
from optbench.optimizers._registry import Entry as Entry
from optbench.optimizers._registry import by_class_name as by_class_name
from optbench.optimizers._registry import info as info
from optbench.optimizers._registry import names as names
from optbench.optimizers._registry import wrappers as wrappers

_PUBLIC = (
    "Entry",
    "Hyperparameter",
    "Plugin",
    "Reference",
    "XGrad",
    "create",
    "executor_of",
    "info",
    "names",
    "parse",
    "parse_list",
    "plugins",
    "state_bytes",
    "wrappers",
)

_LAZY = {"XGrad": "_prediction", "create": "_create", "executor_of": "_create", "state_bytes": "_create"}


def __getattr__(name: str) -> Any:
    """Build the Optimizer classes when they are asked for, so that the registry itself needs no torch (PEP 562)."""
    import importlib

    if name == "__all__":  # with the classes, which depend on what is registered
        return __dir__()
    if name in _LAZY:
        value = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    elif name in (classes := by_class_name()):
        value = importlib.import_module(f"{__name__}._create").optimizer_class(classes[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_PUBLIC, *(n for n, e in by_class_name().items() if not e.wrapper)})
