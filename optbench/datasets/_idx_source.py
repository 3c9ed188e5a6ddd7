"""Datasets that are published as four gzipped IDX files, like MNIST: found, verified, decoded."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optbench.datasets import idx
from optbench.datasets._base import Found, Progress, Raw
from optbench.datasets._places import cache_folder, data_root, is_file, recall, remember, replacing, stamp
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

    def find(self, root: Path | None) -> Found | None:
        """Return where the four files are, None if one is missing; they are verified unless they were before.

        Raises:
            OptbenchError: the root does not exist, or a file is altered or truncated.
        """
        root = data_root(root)
        paths = {name: self._present(name, root) for name in self.files}
        here = [path for path in paths.values() if path is not None]
        if len(here) < len(paths):
            return None
        mark = stamp(self.name, here)
        if recall(mark) != self.checksum():
            for name, path in paths.items():
                if path is not None:
                    self._verified(path, name)
            remember(mark, self.checksum())
        return self._found(here)

    def read(self, root: Path | None, progress: Progress | None) -> Raw:
        """Find, verify and decode the four files; hold out the last 5,000 training images for validation.

        Raises:
            OptbenchError: the root does not exist, a file is altered or truncated, or one is nowhere.
        """
        root = data_root(root)
        arrays, places = {}, []
        for name in self.files:
            path = self._present(name, root) or self._downloaded(name, root, progress)
            arrays[name] = idx.parse(self._verified(path, name), str(path))
            places.append(path)
        train = arrays["train-images-idx3-ubyte"][:, None], arrays["train-labels-idx1-ubyte"]
        test = arrays["t10k-images-idx3-ubyte"][:, None], arrays["t10k-labels-idx1-ubyte"]
        splits = {
            "train": (train[0][:-VALIDATION], train[1][:-VALIDATION]),
            "validation": (train[0][-VALIDATION:], train[1][-VALIDATION:]),
            "test": test,
        }
        return Raw(splits, self._found(places))

    def _found(self, paths: list[Path]) -> Found:
        return Found(", ".join(dict.fromkeys(str(path.parent) for path in paths)), self.checksum())

    def _present(self, name: str, root: Path | None) -> Path | None:
        """Return the first place that has the file."""
        for folder in self._places(root):
            for path in (folder / name, folder / f"{name}.gz"):
                if is_file(path):
                    return path
        return None

    def _downloaded(self, name: str, root: Path | None, progress: Progress | None) -> Path:
        """Return the file in the cache, brought there from a mirror."""
        from optbench.datasets._download import MirrorError, download  # urllib is slow to import, seldom needed

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
            looked = ", ".join(map(str, self._places(root)))
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
            raise OptbenchError(f"{path} is truncated or altered ({error})", replacing(path)) from None
        except OSError as error:
            raise OptbenchError(f"{path} cannot be read ({error.strerror or error})", "permit reading it") from None
        if len(data) < file.size:
            raise OptbenchError(f"{path} is truncated: {len(data)} of {file.size} bytes", replacing(path))
        digest = hashlib.sha256(data).hexdigest()
        if digest != file.sha256:
            sums = f"SHA-256 {digest[:12]}... is not {file.sha256[:12]}..."
            raise OptbenchError(f"{path} is altered, or not {self.name}'s: {sums}", replacing(path))
        return data
