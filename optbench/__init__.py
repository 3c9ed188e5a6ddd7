"""optbench: a testbench for deep-learning optimizers on PyTorch.

    import optbench
    found = optbench.compare("digits-cnn", ["adaplus", "radam"], seeds=3)
    print(found.table())

`compare`, `costs`, `run`, `check`, `list_optimizers` and `list_recipes` are described in `optbench.api`, and the
optimizers are in `optbench.optimizers`. Importing this loads nothing else: all is fetched on first use (PEP 562).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optbench.api import Compared, OptbenchError, check, compare, costs, list_optimizers, list_recipes, run

__version__ = "0.1.0"
__all__ = ["Compared", "OptbenchError", "check", "compare", "costs", "list_optimizers", "list_recipes", "run"]


def __getattr__(name: str) -> Any:
    """Fetch what `optbench.api` offers when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("optbench.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
