"""Where data lie: the folder that the user names, the cache, and what is remembered of files verified before."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from optbench import _files
from optbench.errors import OptbenchError

_REMEMBERED = re.compile(r"[0-9a-f]{64}( [0-9]+)*")


def data_root(root: Path | None) -> Path | None:
    """Return the folder to look in first: the given one, or the one that `OPTBENCH_DATA` names.

    Raises:
        OptbenchError: there is no such folder.
    """
    if root is None and (named := os.environ.get("OPTBENCH_DATA")):
        root = Path(named)
    if root is None:
        return None
    root = Path(root).expanduser()
    if not root.is_dir():
        raise OptbenchError(f"the data folder {root} does not exist", "correct --data-root or OPTBENCH_DATA")
    return root


def cache_folder() -> Path:
    """Return the folder of what optbench downloads: `$XDG_CACHE_HOME/optbench`, or `~/.cache/optbench`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the XDG standard: relative ones are to be ignored
        base = os.path.expanduser("~/.cache")
    return Path(base, "optbench")


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a folder that may not be looked into is the user's error."""
    try:
        return path.is_file()
    except OSError as error:
        raise OptbenchError(f"cannot look into {path.parent} ({error.strerror})", "permit reading it") from None


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder, with the same error as `is_file`."""
    try:
        return path.is_dir()
    except OSError as error:
        raise OptbenchError(f"cannot look into {path.parent} ({error.strerror})", "permit reading it") from None


def replacing(path: Path) -> str:
    """Return what to do about a damaged file, which depends on whose it is."""
    if path.is_relative_to(cache_folder()):
        return "delete it, and the next run downloads it again"
    return "replace it by an intact copy, or delete it to have it looked for elsewhere"


def stamp(name: str, paths: Iterable[Path]) -> str:
    """Return a digest of files' and folders' paths, sizes and times: another one means that they have changed.

    Raises:
        OptbenchError: one cannot be looked at.
    """
    digest = hashlib.sha256(name.encode())
    try:
        for path in paths:
            facts = path.stat()
            # a folder's time changes when something in it is added, removed or renamed
            digest.update(f"{path.absolute()}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    except OSError as error:
        raise OptbenchError(f"{error.filename} cannot be read ({error.strerror})", "permit reading it") from None
    return digest.hexdigest()


def recall(stamp: str) -> str | None:
    """Return what was remembered of files with this stamp, None if they have not been read before."""
    try:
        text = _known(stamp).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if _REMEMBERED.fullmatch(text) else None


def remember(stamp: str, checksum: str, *counts: int) -> None:
    """Keep a checksum, and counts after it, for `recall`; an unwritable cache has them computed again next time."""
    with contextlib.suppress(OptbenchError):
        _files.write(_known(stamp), " ".join([checksum, *map(str, counts)]).encode())


def _known(stamp: str) -> Path:
    return cache_folder() / "known" / stamp
