"""The package's architecture: which part may import which, and what must start without torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import optbench

PACKAGE = Path(optbench.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

FACTS = {"errors", "_discover", "_fields", "_files", "environment", "results"}
REGISTRIES = {"optimizers", "datasets", "models", "tasks"}
RUNNING = {"plan", "recipe", "store", "progress", "checkpoint", "session", "failures"}
# A part is a file or folder at the top of the package; here is what each may import beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "_discover": {"errors"},
    "_fields": {"errors"},
    "_files": {"errors"},
    "failures": {"errors", "results"},
    "digests": {"errors", "optimizers"},
    "environment": set(),
    "results": {"errors"},
    "optimizers": {"errors"},
    "datasets": {"errors", "_discover", "_fields", "_files"},
    "models": {"errors", "_discover"},
    "tasks": {"errors", "_discover", "_fields", "models", "datasets"},
    "schedules": set(),
    "_ranges": set(),
    "published": {"errors"},
    "variance": {"errors", "published"},
    "_recipe_sections": FACTS | {"_ranges", "optimizers", "published"},
    "_recipe_file": FACTS | REGISTRIES | {"_recipe_sections", "schedules"},
    "recipe": FACTS | REGISTRIES | {"_ranges", "_recipe_file", "_recipe_sections", "schedules"},
    "_features": FACTS | {"schedules"},
    "_weights": set(),
    "overlay": FACTS | {"optimizers", "published", "stats"},
    "tune": FACTS | {"_ranges", "_recipe_file", "optimizers", "plan", "recipe", "schedules"},
    "plan": FACTS | {"digests", "recipe", "optimizers", "datasets"},
    "store": FACTS | {"plan", "recipe"},
    "runs": FACTS | {"digests", "store"},
    "rules": {"optimizers"},
    "progress": FACTS | {"plan"},
    "checkpoint": FACTS | {"store"},
    "_session_task": FACTS | {"recipe", "tasks", "datasets"},
    "session": FACTS | {"_features", "_session_task", "_weights", "plan", "optimizers", "datasets", "tasks"},
    "train": FACTS | RUNNING | {"optimizers", "tasks"},
    "parallel": FACTS | RUNNING | {"_spawn", "train"},
    "measure": FACTS | RUNNING | {"_spawn", "train", "optimizers", "tasks", "datasets", "stats"},
    "verify": FACTS | {"_spawn", "optimizers", "tasks", "plan", "recipe", "session"},
    "stats": {"errors", "results", "store", "plan", "recipe"},
    "saved": {"errors", "_files", "results", "stats"},
    "gate": {"errors", "results", "saved", "stats"},
    "report": {"errors", "_files", "results", "stats", "gate", "overlay", "tune"},
    "cli": FACTS
    | REGISTRIES
    | RUNNING
    | {"train", "parallel", "measure", "verify", "stats", "overlay", "published", "tune", "report", "saved", "gate"}
    | {"runs", "variance"},
    "_spawn": set(),
    "api": {
        "errors",
        "cli",
        "optimizers",
        "overlay",
        "recipe",
        "report",
        "results",
        "stats",
        "store",
        "verify",
        "_files",
    },
    "__main__": {"cli"},
    "__init__": {"api"},
}
# These never import torch, not even inside a function.
NEVER_TORCH = {
    "errors",
    "_discover",
    "_fields",
    "_files",
    "digests",
    "environment",
    "results",
    "_ranges",
    "_recipe_file",
    "_recipe_sections",
    "overlay",
    "published",
    "variance",
    "recipe",
    "schedules",
    "tune",
    "plan",
}
NEVER_TORCH |= {"store", "runs", "rules", "progress", "stats", "saved", "gate", "report", "__init__", "__main__"}
# These may at their top; everything else may inside functions only, so that `list` and `show` start at once.
TORCH_AT_TOP = {
    "_features",
    "_weights",
    "_session_task",
    "checkpoint",
    "failures",
    "session",
    "train",
    "parallel",
    "measure",
    "verify",
}
TORCH_FREE_OPTIMIZERS = {"__init__.py", "_outside.py", "_registry.py", "_rule.py", "_reference.py"}


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield every module that a file imports, its line, and whether it does so when it is itself imported."""
    pending: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text()), True)]
    while pending:
        node, at_top = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += [(child, at_top) for child in node.orelse]
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, at_top) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name, node.lineno, at_top) for name in names)
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        pending += [(child, at_top and not inside) for child in ast.iter_child_nodes(node)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    own = part(path)
    assert own in MAY_IMPORT, f"say in MAY_IMPORT what {own} may import"
    for name, line, _ in imports(path):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == "optbench" and other and not other.startswith("__version"):
            allowed = other == own or other in MAY_IMPORT[own]
            assert allowed, f"{path}:{line}: {own} must not import {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_is_imported_only_where_it_is_needed(path: Path) -> None:
    own = part(path)
    private = path.name.startswith("_") and path.name not in TORCH_FREE_OPTIMIZERS
    runs_rules = own == "optimizers" and (private or path.parent.name == "_executors")
    layers = own == "models" and private  # what the families, which are public and torch-free, are built of
    at_top = runs_rules or layers or (own in TORCH_AT_TOP and path.name != "__init__.py")
    for name, line, top in imports(path):
        if name.partition(".")[0] in ("torch", "triton"):
            assert own not in NEVER_TORCH, f"{path}:{line}: {own} must not import torch"
            assert at_top or not top, f"{path}:{line}: import torch inside the function that needs it"


def test_the_rules_name_no_part_that_is_gone() -> None:
    assert set(MAY_IMPORT) == {part(path) for path in FILES}


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("from optbench.cli import main; main(['--help'])", {"torch", "numpy", "scipy", "rich", "numba"}),
        ("from optbench.cli import main; main(['list'])", {"torch", "scipy", "rich", "numba"}),
        ("from optbench.cli import main; main(['show', 'adaplus'])", {"torch", "scipy", "rich", "numba"}),
        ("from optbench.cli import main; main(['show', 'digits-cnn'])", {"torch", "scipy", "rich", "numba"}),
        ("import optbench.report.table, optbench.store, optbench.plan", {"torch", "scipy.stats", "numba"}),
    ],
)
def test_what_must_start_at_once_loads_nothing_heavy(code: str, unwanted: set[str]) -> None:
    script = f"import sys, atexit\natexit.register(lambda: print(*sys.modules, file=sys.stderr))\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert unwanted.isdisjoint(done.stderr.split())
