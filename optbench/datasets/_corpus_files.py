"""What a file of text is: its checksum, its lines, and whether it is the published one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from optbench.datasets._corpus_parts import unreadable
from optbench.datasets._places import replacing
from optbench.errors import OptbenchError

_BLOCK = 1 << 20


def summed(path: Path) -> tuple[str, int]:
    """Return a file's SHA-256 and its number of line feeds.

    Raises:
        OptbenchError: it cannot be read.
    """
    digest, lines = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while data := file.read(_BLOCK):
                digest.update(data)
                lines += data.count(b"\n")
    except OSError as error:
        raise unreadable(path, error) from None
    return digest.hexdigest(), lines


def verify_md5(path: Path, md5: str, name: str) -> None:
    """Check a file by the only checksum that is published of it.

    Raises:
        OptbenchError: it is not that file, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise unreadable(path, error) from None
    if digest != md5:
        sums = f"MD5 {digest[:12]}... is not {md5[:12]}..."
        raise OptbenchError(f"{path} is truncated or altered, or not {name}'s: {sums}", replacing(path))


def md5_checksum(sums: Mapping[str, str]) -> str:
    """Return the SHA-256 that stands for files of which MD5s alone are published: that of their `md5sum` lines."""
    return hashlib.sha256("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()).hexdigest()
