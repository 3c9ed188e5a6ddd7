"""Digests of the code behind a figure: optbench's own source, and a third-party optimizer's. No torch is imported."""

import functools
import hashlib
import inspect
import sys
from pathlib import Path

from optbench.optimizers import Reference

# Left out of the source digest: what only presents, judges or documents figures. A better sentence in a
# report must not throw away hours of runs; anything that touches a trained weight must.
PRESENTS = (
    "cli",
    "report",
    "verify",
    "published",
    "overlay",
    "tune",
    "stats",
    "gate",
    "saved.py",
    "runs",
    "api",
    "variance",
    "__main__.py",
)
# Measuring cannot change a trained weight either, but it does change costs.
MEASURES = ("measure",)


@functools.cache
def source_digest(left_out: tuple[str, ...]) -> str:
    """Return the SHA-256 over the names and contents of optbench's own `.py` files.

    Args:
        left_out: files and folders, by their name at the top of the package, that do not count.
    """
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        if relative.parts[0] not in left_out:
            content = path.read_bytes()
            digest.update(f"{relative.as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def third_party_digest(reference: Reference) -> str:
    """Return the SHA-256 over the source files of a class or rule named by import path; empty for optbench's own.

    The files of the classes it derives from count too, except torch's and Python's, whose versions are in the
    key, and optbench's, whose source is.
    """
    return _class_digest(reference.name) if reference.is_import_path else ""


@functools.cache
def _class_digest(path: str) -> str:
    """Return the digest for one import path; OptbenchError when it leads to no optimizer."""
    digest = hashlib.sha256()
    for base in inspect.getmro(_code(path)):
        top = base.__module__.partition(".")[0]
        if top in ("torch", "optbench") or top in sys.stdlib_module_names:
            continue
        try:
            file = inspect.getsourcefile(base)
        except TypeError:  # a class without a file, typed into a session
            continue
        digest.update(Path(file).read_bytes() if file and Path(file).exists() else b"")
    return digest.hexdigest()


def _code(path: str) -> type:
    """Return the class that the user's own code is in."""
    from optbench.optimizers._outside import entry_of

    if (entry := entry_of(path)) is not None:
        return entry.declaration
    from optbench.optimizers._create import imported_class

    return imported_class(path)
