"""What the functions of the Python API make of their arguments."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.api._references import texts
from optbench.errors import OptbenchError, nearest

if TYPE_CHECKING:
    from optbench.cli._cost_options import CostChoice
    from optbench.cli._training import Storage
    from optbench.recipe import Recipe

_OVERRIDES = ("epochs", "batch_size", "accumulation", "precision", "threads", "protocol", "compile", "channels_last")


def chosen(recipe: "str | Path | Recipe", seeds: int | None, overrides: Mapping[str, Any]) -> "Recipe":
    """Return the recipe as it is to be run."""
    from optbench.recipe import Recipe, load

    for key in overrides:
        if key not in _OVERRIDES:
            hint = nearest(key, _OVERRIDES) or f"the settings are {', '.join(_OVERRIDES)}"
            raise OptbenchError(f"unknown setting '{key}'", hint)
    found = recipe if isinstance(recipe, Recipe) else load(recipe)
    return found.override(seeds=seeds, **overrides)


def cost(*, measure: bool, train: bool) -> "CostChoice":
    """Return how costs are measured where nothing else is said."""
    from optbench.cli._cost_options import BUDGET_SECONDS, LAUNCHES, PRECISION, CostChoice

    return CostChoice(measure, train, PRECISION, BUDGET_SECONDS, LAUNCHES, aa=False, synthetic=False)


def storage(runs: str | Path | None, data_root: str | Path | None, rerun: bool) -> "Storage":
    """Return where runs and data are: as given, or as the environment says."""
    from optbench.cli._training import Storage

    folder = Path(runs or os.environ.get("OPTBENCH_RUNS") or ".optbench")
    data = data_root or os.environ.get("OPTBENCH_DATA")
    return Storage(folder, Path(data) if data else None, rerun)


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Let Ctrl-C, or a notebook's button, be what it is everywhere in Python; what was finished is stored."""
    from optbench.cli import Interrupted

    try:
        yield
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None


def call(name: str, given: Mapping[str, Any]) -> str:
    """Return the call as its caller may have written it, for the report: without what is as it always is."""
    usual = {"cost": True, "jobs": 1, "device": "cpu", "rerun": False, "progress": False, "synthetic": False}
    parts = [_show(given["recipe"])]
    for key, value in {**given, **given["overrides"]}.items():
        if key in ("recipe", "overrides", "told") or value is None or usual.get(key) == value:
            continue
        parts.append(f"{key}={texts(value) if key in ('optims', 'baselines') else _show(value)!s}")
    return f"optbench.{name}({', '.join(parts)})"


def _show(value: Any) -> str:
    return repr(getattr(value, "name", str(value)) if not isinstance(value, (bool, int, float, dict)) else value)
