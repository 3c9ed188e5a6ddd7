"""Datasets that are published as four gzipped IDX files, like MNIST: found, verified, decoded."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optbench.datasets import idx
from optbench.datasets._base import Progress, Raw
from optbench.errors import OptbenchError

VALIDATION = 5000  # the last of the training images
_GZIP_SLACK = 4096  # a recompressed copy may be a little larger than the original


@dataclass(frozen=True)
class File:
    """One published file: SHA-256 and bytes of its decompressed contents, and bytes of the original .gz."""

    sha256: str
    size: int
    gzip_size: int


@dataclass(frozen=True)
class IdxSource:
    """Where a dataset's four files are.

    Attributes:
        name: the dataset's.
        folders: names of the dataset's own folder inside a data root, in order of preference.
        files: by name without .gz: `train-images-idx3-ubyte`, ...
        mirrors: base URLs, which end in a slash.
        system_folders: where packages of the operating system put the files.
        remedy: a further way to get the data, for the message when they are not found.
    """

    name: str
    folders: tuple[str, ...]
    files: Mapping[str, File]
    mirrors: tuple[str, ...]
    system_folders: tuple[Path, ...] = ()
    remedy: str = ""

    def checksum(self) -> str:
        """Return the SHA-256 of the files' `sha256sum` lines, in the order of their names."""
        lines = "".join(f"{file.sha256}  {name}\n" for name, file in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def read(self, root: Path | None, progress: Progress | None) -> Raw:
        """Find, verify and decode the four files; hold out the last 5,000 training images for validation.

        Raises:
            OptbenchError: the root does not exist, a file is altered or truncated, or one is nowhere.
        """
        root = data_root(root)
        arrays, places = {}, []
        for name in self.files:
            path = self._find(name, root, progress)
            arrays[name] = idx.parse(self._verified(path, name), str(path))
            places.append(str(path.parent))
        train = arrays["train-images-idx3-ubyte"][:, None], arrays["train-labels-idx1-ubyte"]
        test = arrays["t10k-images-idx3-ubyte"][:, None], arrays["t10k-labels-idx1-ubyte"]
        splits = {
            "train": (train[0][:-VALIDATION], train[1][:-VALIDATION]),
            "validation": (train[0][-VALIDATION:], train[1][-VALIDATION:]),
            "test": test,
        }
        return Raw(splits, f"found in {', '.join(dict.fromkeys(places))}")

    def _find(self, name: str, root: Path | None, progress: Progress | None) -> Path:
        """Return the first place that has the file, downloading it into the cache if none has."""
        folders = list(self._places(root))
        for folder in folders:
            for path in (folder / name, folder / f"{name}.gz"):
                if _is_file(path):
                    return path
        from optbench.datasets._download import (
            MirrorError,
            download,
        )  # urllib is slow to import, seldom needed

        target = cache_folder() / self.name / f"{name}.gz"
        try:
            download(
                [f"{mirror}{name}.gz" for mirror in self.mirrors],
                target,
                verify=lambda path: self._verified(path, name),
                size_limit=self.files[name].gzip_size + _GZIP_SLACK,
                progress=progress,
            )
        except MirrorError as error:
            looked = ", ".join(map(str, folders))
            remedies = ["give the folder of its files by --data-root DIR or OPTBENCH_DATA", self.remedy]
            raise OptbenchError(
                f"{self.name}: {name}.gz is not in {looked}, and could not be downloaded ({error})",
                ", or ".join(filter(None, remedies)),
            ) from None
        return target

    def _places(self, root: Path | None) -> Iterator[Path]:
        if root is not None:
            yield from (root / folder for folder in self.folders)
            yield root
        yield cache_folder() / self.name
        yield from self.system_folders

    def _verified(self, path: Path, name: str) -> bytes:
        """Return the decompressed bytes of a file that is the published one, whatever its compression."""
        file = self.files[name]
        try:
            with path.open("rb") as stream:
                # by its first bytes, since a download is verified under the name x.gz.part
                zipped = stream.read(2) == b"\x1f\x8b"
            with gzip.open(path) if zipped else path.open("rb") as stream:
                data = stream.read(file.size + 1)  # no more, however much a malicious .gz would expand to
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise OptbenchError(f"{path} is truncated or altered ({error})", self._replace(path)) from None
        except OSError as error:
            raise OptbenchError(f"{path} cannot be read ({error.strerror or error})", "permit reading it") from None
        if len(data) < file.size:
            raise OptbenchError(f"{path} is truncated: {len(data)} of {file.size} bytes", self._replace(path))
        digest = hashlib.sha256(data).hexdigest()
        if digest != file.sha256:
            sums = f"SHA-256 {digest[:12]}... is not {file.sha256[:12]}..."
            raise OptbenchError(f"{path} is altered, or not {self.name}'s: {sums}", self._replace(path))
        return data

    def _replace(self, path: Path) -> str:
        if path.is_relative_to(cache_folder()):
            return "delete it, and the next run downloads it again"
        return "replace it by an intact copy, or delete it to have it looked for elsewhere"


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


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise OptbenchError(f"cannot look into {path.parent} ({error.strerror})", "permit reading it") from None
