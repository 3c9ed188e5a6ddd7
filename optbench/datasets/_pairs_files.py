"""The six files of parallel text, in a folder or a tar archive: which they are, and their lines.

A split's file is named by a stem and a language: `train.de`, `train.en`, `valid.de`, ... Any of them may be gzipped.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optbench.datasets import _members
from optbench.datasets._base import SPLITS
from optbench.datasets._places import is_file, replacing
from optbench.errors import OptbenchError

Stems = Mapping[str, tuple[str, ...]]
STEMS: Stems = {"train": ("train",), "validation": ("valid", "val", "dev", "validation"), "test": ("test",)}
"""How the files of each split may begin; where there are several, the first one here counts."""

_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_GZIP = ".gz"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Place:
    """A folder or archive and what it holds.

    Attributes:
        path: of it.
        names: of the files in the folder; or, of an archive, of those read from it.
        stems: how the files may begin.
        limit: bytes that one file may have; more in a gzipped one, and it is refused.
        contents: of the archive's files.
    """

    path: Path
    names: tuple[str, ...]
    stems: Stems
    limit: int
    contents: Mapping[str, bytes] | None = None

    def languages(self, source: str, target: str) -> tuple[str, str]:
        """Return source and target: as they are named, or the two there are, in alphabetical order.

        Raises:
            OptbenchError: one is named that is not there, or it is not clear which are meant.
        """
        known = self._endings()
        files = ", ".join(self._file("train", one) for one in known)
        for one in filter(None, (source, target)):
            if one not in known:
                wanted = self._missing("train", one)
                raise OptbenchError(f"{self.path} has no {wanted}", f"it has {files}" if files else "add the file")
        if source and target:
            return source, target
        if len(known) < 2:
            raise OptbenchError(
                f"{self.path} has {files or 'no ' + self._missing('train', '<language>')}, which is not two languages",
                "put the same lines in the other language beside it, such as train.de and train.en",
            )
        others = [one for one in known if one not in (source, target)]
        if len(known) > 2:
            raise OptbenchError(f"{self.path} has {files}: which two are meant is not clear", "name source and target")
        return (source or others[0]), (target or others[-1])

    def files(self, languages: Sequence[str]) -> dict[tuple[str, str], str]:
        """Return the name of each file, by split and language.

        Raises:
            OptbenchError: one is missing.
        """
        found = {}
        for split in SPLITS:
            for language in languages:
                name = self._file(split, language)
                if not name:
                    raise OptbenchError(
                        f"{self.path} has no {self._missing(split, language)}",
                        "a folder needs all three splits in both languages",
                    )
                found[split, language] = name
        return found

    def data(self, name: str) -> bytes:
        """Return the bytes of a file, decompressed.

        Raises:
            OptbenchError: it cannot be read, or is truncated or too large.
        """
        where = self.path / name
        try:
            data = where.read_bytes() if self.contents is None else self.contents[name]
            if name.endswith(_GZIP):
                data = self._unzipped(data)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise OptbenchError(f"{where} is truncated or altered ({error})", replacing(where)) from None
        except OSError as error:
            raise OptbenchError(f"{where} cannot be read ({error.strerror or error})", "permit reading it") from None
        if len(data) > self.limit:
            raise OptbenchError(f"{where} has more than {self.limit} bytes", replacing(where))
        return data

    def _unzipped(self, data: bytes) -> bytes:
        """Return what gzipped bytes hold, but not much more than may be."""
        blocks, size = [], 0
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while size <= self.limit and (block := file.read(_BLOCK)):
                blocks.append(block)
                size += len(block)
        return b"".join(blocks)

    def paths(self, languages: Sequence[str]) -> list[Path]:
        """Return what has to be looked at to see whether the text has changed."""
        if self.contents is not None:
            return [self.path]
        return [self.path / name for name in self.files(languages).values()]

    def _endings(self) -> list[str]:
        found = set()
        for name in self.names:
            stem, _, language = name.removesuffix(_GZIP).rpartition(".")
            if stem in self.stems["train"] and _LANGUAGE.fullmatch(language) and name != stem + _GZIP:
                found.add(language)
        return sorted(found)

    def _file(self, split: str, language: str) -> str:
        wanted = (f"{stem}.{language}{end}" for stem in self.stems[split] for end in ("", _GZIP))
        return next((name for name in wanted if name in self.names), "")

    def _missing(self, split: str, language: str) -> str:
        return " or ".join(f"{stem}.{language}" for stem in self.stems[split])


def opened(path: Path, stems: Stems, limits: _members.Limits) -> Place:
    """Return a folder or archive, its files not yet read but where they are in an archive.

    Raises:
        OptbenchError: it cannot be read, or is an archive that is not safe.
    """
    if path.is_dir():
        try:
            names = tuple(sorted(one.name for one in path.iterdir() if is_file(one)))
        except OSError as error:
            raise OptbenchError(f"{path} cannot be read ({error.strerror})", "permit reading it") from None
        return Place(path, names, stems, limits.file_bytes)
    wanted = re.compile(rf"({'|'.join(re.escape(one) for some in stems.values() for one in some)})\.[^./]+(\.gz)?")
    contents: dict[str, bytes] = {}
    for name, data in _members.members(path, limits, lambda one: bool(wanted.fullmatch(one.rpartition("/")[2]))):
        short = name.rpartition("/")[2]
        if short in contents:
            raise OptbenchError(f"{path} holds more than one {short}", "unpack it, and name the folder that is meant")
        contents[short] = data
    return Place(path, tuple(sorted(contents)), stems, limits.file_bytes, contents)


def holds(path: Path, stems: Stems) -> bool:
    """Return whether a folder has a file to train on, whatever its language."""
    try:
        names = [one.name for one in path.iterdir()] if path.is_dir() else []
    except OSError:
        return False
    return bool(Place(path, tuple(names), stems, 0)._endings())


def lines(data: bytes, where: str) -> list[str]:
    r"""Return the lines of a file, which end in "\n" or "\r\n"; a mark of the byte order is left out.

    Raises:
        OptbenchError: it is not UTF-8, or holds a byte 0, which no text does.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OptbenchError(
            f"{where}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8", "convert it, for example with iconv"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise OptbenchError(f"{where}, line {line}: a byte 0", "convert it to UTF-8, or remove it with tr -d '\\000'")
    found = text.split("\n")
    if not found[-1]:
        found.pop()
    return [line.removesuffix("\r") for line in found] if "\r" in text else found


def checksum(sums: Mapping[str, str]) -> str:
    """Return the SHA-256 of the `sha256sum` lines of files, in the order of their names."""
    return hashlib.sha256("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()).hexdigest()
