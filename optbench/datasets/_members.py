"""The files in a folder or in a tar archive, read one after the other. An archive is never unpacked to the disk.

An archive comes from somewhere else, so nothing it says is believed: a name that leads out of it, a link, a device,
more files or more bytes than the data can have, or the same name twice, and the whole archive is refused.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from optbench.errors import OptbenchError

SUFFIXES = (".tar.gz", ".tgz", ".tar")  # of the archives that can be read
_GZIP_MAGIC = b"\x1f\x8b"
_HEADERS = 4096  # bytes of tar headers and padding that a member may need, its long name included


@dataclass(frozen=True)
class Limits:
    """How much a source may hold: files (and folders), bytes of one file, bytes of all."""

    files: int
    file_bytes: int
    bytes: int


def members(place: Path, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, contents) of the wanted files: a folder's in the order of their names, an archive's in its own.

    Args:
        place: a folder, or an archive that ends in one of `SUFFIXES`.
        limits: what it may hold.
        wanted: says of a name (with "/" between its parts) whether to read the file.

    Raises:
        OptbenchError: it cannot be read, is damaged, is larger than the limits, or is an archive that is not safe.
    """
    return _of_folder(place, limits, wanted) if place.is_dir() else _of_archive(place, limits, wanted)


def files(folder: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Return the sorted names of the wanted files below a folder.

    Raises:
        OptbenchError: the folder cannot be read.
    """
    found = []
    try:
        for parent, _, names in os.walk(folder, onerror=_raise):
            prefix = Path(parent).relative_to(folder).as_posix()
            prefix = "" if prefix == "." else f"{prefix}/"
            found += [prefix + name for name in names if wanted(prefix + name)]
    except OSError as error:
        raise _unreadable(folder, error) from None
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def _of_folder(folder: Path, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    names = files(folder, wanted)
    if len(names) > limits.files:
        raise _too_large(folder, f"{len(names)} files")
    for name in names:
        path = folder / name
        try:
            if path.stat().st_size > limits.file_bytes:
                raise _too_large(path, f"{path.stat().st_size} bytes")
            data = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from None
        yield name, data


def _of_archive(archive: Path, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    try:
        with _opened(archive) as file:
            bounded = _Bounded(file, archive, limits.bytes + limits.files * _HEADERS)
            # "r|" reads from front to back, so that nothing is kept or sought
            with tarfile.open(fileobj=bounded, mode="r|", tarinfo=tarfile.TarInfo) as tar:  # type: ignore[call-overload]
                yield from _safe_members(tar, archive, limits, wanted)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError, OverflowError) as error:
        raise OptbenchError(f"{archive} is truncated or altered ({error})", "replace it by an intact copy") from None
    except OSError as error:
        raise _unreadable(archive, error) from None


def _opened(archive: Path) -> Any:
    """Return the archive as a file of its bytes without compression."""
    with archive.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    return gzip.open(archive) if zipped else archive.open("rb")


def _safe_members(
    tar: tarfile.TarFile, archive: Path, limits: Limits, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    left = limits.bytes
    for count, member in enumerate(tar, 1):
        tar.members = []  # type: ignore[attr-defined]  # it would remember every member
        if count > limits.files:
            raise _too_large(archive, f"over {limits.files} files")
        name = _safe_name(member, archive)
        if member.isdir():
            continue
        if name in seen:
            raise _unsafe(archive, f"holds '{name}' twice")
        seen.add(name)
        if member.size > limits.file_bytes:
            raise _too_large(archive, f"'{name}' of {member.size} bytes")
        left -= member.size
        if left < 0:
            raise _too_large(archive, f"over {limits.bytes} bytes")
        if wanted(name):
            file = tar.extractfile(member)
            data = file.read() if file else b""
            if len(data) != member.size:
                raise tarfile.ReadError(f"'{name}' ends early")
            yield name, data


def _safe_name(member: tarfile.TarInfo, archive: Path) -> str:
    """Return a member's name without "./" in front, if it is a plain file or folder inside the archive."""
    if not (member.isreg() or member.isdir()) or member.issparse():
        kind = "a link" if member.issym() or member.islnk() else "no plain file"
        raise _unsafe(archive, f"holds '{member.name}', which is {kind}")
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    absolute = member.name.startswith("/") or (parts and parts[0].endswith(":"))
    if absolute or ".." in parts or "\\" in member.name:
        raise _unsafe(archive, f"holds '{member.name}', which leads out of it")
    return "/".join(parts)


class _Bounded:
    """A file that refuses to give more than so many bytes, however far an archive expands."""

    def __init__(self, file: IO[bytes], archive: Path, limit: int) -> None:
        self.file, self.archive, self.left = file, archive, limit

    def read(self, size: int) -> bytes:
        data = self.file.read(min(size, self.left + 1))
        self.left -= len(data)
        if self.left < 0:
            raise _too_large(self.archive, "more bytes")
        return data


def _unsafe(archive: Path, what: str) -> OptbenchError:
    return OptbenchError(f"the archive {archive} {what}: it is refused", "get it from a source that you trust")


def _too_large(place: Path, what: str) -> OptbenchError:
    return OptbenchError(f"{place} holds {what}, more than this data set can have", "replace it by an intact copy")


def _unreadable(place: Path, error: OSError) -> OptbenchError:
    return OptbenchError(f"{place} cannot be read ({error.strerror or error})", "permit reading it")
