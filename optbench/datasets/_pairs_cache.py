"""Named byte strings kept in one file of the cache: encoded sentences, or generated ones.

    16 bytes     "optbench pairs \\n"
    32 bytes     SHA-256 of all that follows
    8 bytes      length of the header, little-endian
    header       JSON: the key (what the contents were made from and how), and [name, bytes] of each string
    the rest     the strings

The file is made from a source and can be made again, so a damaged one is no error: it is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from optbench import _files
from optbench.datasets._places import cache_folder
from optbench.errors import OptbenchError

_MAGIC = b"optbench pairs \n"
_HEAD = len(_MAGIC) + 32


def path(name: str, key: str) -> Path:
    """Return where a dataset's file with that key lies."""
    return cache_folder() / name / f"pairs-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def load(name: str, key: str) -> dict[str, memoryview] | None:
    """Return what was saved under a key, None if nothing was or it is damaged."""
    try:
        return unpack(path(name, key).read_bytes(), key)
    except (OSError, OptbenchError):
        return None


def save(name: str, key: str, parts: Mapping[str, bytes]) -> None:
    """Write the file; where that cannot be done, its contents will be made again next time."""
    with contextlib.suppress(OptbenchError):
        _files.write(path(name, key), pack(parts, key))


def pack(parts: Mapping[str, bytes], key: str) -> bytes:
    """Return the file's contents."""
    header = json.dumps({"key": key, "parts": [[name, len(part)] for name, part in parts.items()]}).encode()
    body = b"".join([len(header).to_bytes(8, "little"), header, *parts.values()])
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes, key: str) -> dict[str, memoryview]:
    """Return what `pack` was given.

    Raises:
        OptbenchError: it is not such a file, not whole and unaltered, or of another key.
    """
    view = memoryview(data)
    body = view[_HEAD:]
    if bytes(view[:_HEAD]) != _MAGIC + hashlib.sha256(body).digest():
        raise OptbenchError("a file of parallel text in the cache is damaged", "delete it")
    start = 8 + int.from_bytes(body[:8], "little")
    header = json.loads(bytes(body[8:start]))  # the digest says that `pack` wrote it
    if header["key"] != key:
        raise OptbenchError("a file of parallel text in the cache is of another source", "delete it")
    parts = {}
    for name, size in header["parts"]:
        parts[name] = body[start : start + size]
        start += size
    return parts
