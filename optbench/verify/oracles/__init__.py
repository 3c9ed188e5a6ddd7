"""One oracle per algorithm: `oracle("adamw")(theta, lr=...)` is a group of parameters under AdamW.

To add one, add a module here whose class is decorated with `@register("name")`; there is no list to edit.
`optbench.verify.oracles.xgrad.XGrad` puts weight prediction over any of them.
"""

import importlib
import pkgutil
from typing import Any

from optbench.errors import OptbenchError, nearest
from optbench.verify.oracles._base import Oracle, registry


def _scan() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def names() -> list[str]:
    """Names that have an oracle, sorted."""
    _scan()
    return sorted(registry())


def oracle(name: str) -> type[Oracle]:
    """The oracle class of `name`; raises OptbenchError where there is none."""
    _scan()
    if name not in registry():
        raise OptbenchError(
            f"optimizer '{name}' has no oracle", nearest(name, registry()) or "add one to verify/oracles"
        )
    return registry()[name]


def make(reference: str, theta: Any, **hyper: Any) -> Any:
    """Oracle of `NAME` or of `xgrad+NAME`; `s`, `reading` and `restore` go to the wrapper."""
    from optbench.verify.oracles.xgrad import XGrad

    if not reference.startswith("xgrad+"):
        return oracle(reference)(theta, **hyper)
    own = {key: hyper.pop(key) for key in ("s", "reading", "restore") if key in hyper}
    return XGrad(oracle(reference.removeprefix("xgrad+"))(theta, **hyper), **own)
