"""Code of another checkout in a worker: its optimizers, driven by this optbench's models, data and loop. No torch.

DIR/optbench/optimizers     replaces `optbench.optimizers`, and nothing else of optbench
DIR, DIR/src                come first on the import path, for classes named by import path
"""

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from optbench.errors import OptbenchError

OPTIMIZERS = "optbench.optimizers"


def roots(checkout: Path) -> list[str]:
    """Return the folders of a checkout that packages may lie in; a `src` folder comes first."""
    return [str(folder) for folder in (checkout / "src", checkout) if folder.is_dir()]


def provides(checkout: Path, name: str) -> bool:
    """Tell whether a checkout has the code of an optimizer: a registered name, or an import path."""
    if "." not in name:
        return _own(checkout) is not None
    return PathFinder.find_spec(name.partition(".")[0], roots(checkout)) is not None


def use(checkout: Path) -> None:
    """Make this process import optimizers from a checkout; `optbench.optimizers` must not be imported yet."""
    assert OPTIMIZERS not in sys.modules
    # optbench puts the current folder first on the path for classes named by import path, unless it is there already
    sys.path[:0] = [*roots(checkout), os.getcwd()]
    if (package := _own(checkout)) is not None:
        sys.meta_path.insert(0, _Finder(package))


def check_origin(checkout: Path, name: str) -> None:
    """Raise OptbenchError if an optimizer that is imported by now did not come from the checkout."""
    module = OPTIMIZERS if "." not in name else name.rpartition(".")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or not Path(file).resolve().is_relative_to(checkout.resolve()):
        raise OptbenchError(f"'{name}' was imported from {file}, not from {checkout}", "name the folder that holds it")


def _own(checkout: Path) -> Path | None:
    """Return the checkout's `optbench/optimizers`, None if it has none."""
    folders = (Path(root) / "optbench" / "optimizers" for root in roots(checkout))
    return next((folder for folder in folders if (folder / "__init__.py").is_file()), None)


class _Finder:
    """Finds `optbench.optimizers` in a checkout; its submodules follow, through the package's own path."""

    def __init__(self, package: Path) -> None:
        self._package = package

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the checkout's package, None for every other module."""
        if name != OPTIMIZERS:
            return None
        initial = self._package / "__init__.py"
        return importlib.util.spec_from_file_location(name, initial, submodule_search_locations=[str(self._package)])
