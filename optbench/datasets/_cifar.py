"""CIFAR-10 and CIFAR-100: the binary version of their authors, or a folder or archive of image files.

The Python version, a pickle, is never read: a pickle can run code.

Image files lie in `train/<class>/` and `test/<class>/`. Sets that are published so are usually JPEG, which changes the
pixels: they have a checksum of their own, and are not taken for the published data. Their images are put into an order
of their own too: the first of each class, in the order of classes, then the second of each, and so on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optbench.datasets import _decoded, _image_files, _members
from optbench.datasets._base import Found, Progress, Raw
from optbench.datasets._cifar_binary import PIXELS, SIDE, parse
from optbench.datasets._places import cache_folder, data_root, is_file, is_folder, recall, remember, replacing, stamp
from optbench.errors import OptbenchError

VALIDATION = 5000  # the last of the training images
_MORE_BYTES = 10_000_000  # beside its data files, an archive holds a few texts


@dataclass(frozen=True)
class CifarSource:
    """Where a set's bytes are, and what they must be.

    Attributes:
        name: the dataset's.
        folder: of the data files, inside the archive too.
        archive, archive_bytes, sha256: name, size and checksum of the published archive, which is also the set's.
        train, test: SHA-1 of the data files by name, in their order.
        records: images in one of the training files, and in the test file.
        labels: how many classes each label byte has; the last one is the class.
        classes: the names of the classes.
        mirrors: URLs of the folders that hold the archive.
        validation: how many of the last training images are held out.
    """

    name: str
    folder: str
    archive: str
    archive_bytes: int
    sha256: str
    train: Mapping[str, str]
    test: Mapping[str, str]
    records: tuple[int, int]
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    validation: int = VALIDATION

    def find(self, root: Path | None) -> Found | None:
        """Return where the set is, None if it is not here; its bytes are verified unless they were before.

        Raises:
            OptbenchError: the root does not exist, or what is there is incomplete, altered or unsafe.
        """
        place = self._place(data_root(root))
        return None if place is None else self._found(place)

    def read(self, root: Path | None, progress: Progress | None) -> Raw:
        """Find the set or download it, verify and decode it; hold out the last training images for validation.

        Raises:
            OptbenchError: as `find`, or it is nowhere and could not be downloaded.
        """
        root = data_root(root)
        place = self._place(root) or self._downloaded(root, progress)
        found = self._found(place)
        path = cache_folder() / self.name / f"decoded-{found.checksum[:32]}"
        decoded = _decoded.load(path, found.checksum)
        if decoded is None:
            decoded = self._decode(place)
            _decoded.save(path, decoded, found.checksum)
        images, labels = decoded.parts["train"]
        cut = len(labels) - self.validation
        splits = {
            "train": (images[:cut], labels[:cut]),
            "validation": (images[cut:], labels[cut:]),
            "test": decoded.parts["test"],
        }
        return Raw(splits, found, decoded.measured)

    @property
    def counts(self) -> dict[str, int]:
        """Images of each part."""
        return {"train": self.records[0] * len(self.train), "test": self.records[1] * len(self.test)}

    def _place(self, root: Path | None) -> Path | None:
        """Return the folder or archive to read: in each place, the binary version before image files."""
        for folder in self._folders(root):
            for binary in (folder, folder / self.folder):
                if self._binary(binary):
                    return binary
            if is_file(folder / self.archive):
                return folder / self.archive
            images = _image_files.place(folder, self.name, self.classes)
            if images is not None:
                return images
        return None

    def _folders(self, root: Path | None) -> list[Path]:
        named = [] if root is None else [root / self.name, root]
        return [*named, cache_folder() / self.name]

    def _found(self, place: Path) -> Found:
        """Verify a place, unless what is there was verified before."""
        if not self._binary(place):
            return _image_files.found(place, self.name, self.classes, self.counts)
        paths = [path for name in self._files() if is_file(path := place / name)] if is_folder(place) else [place]
        mark = stamp(self.name, paths)
        if recall(mark) != self.sha256:
            for _ in self._verified(place):
                pass
            remember(mark, self.sha256)
        return Found(str(place), self.sha256)

    def _binary(self, place: Path) -> bool:
        """Return whether a place is the binary version: the archive, its folder, or a folder with all its files."""
        named = any(is_file(place / name) for name in self._files()) if place.name == self.folder else False
        return place.name == self.archive or named or all(is_file(place / name) for name in self._files())

    def _files(self) -> dict[str, str]:
        return {**self.train, **self.test}

    def _verified(self, place: Path) -> Iterator[tuple[str, bytes]]:
        """Yield the data files, each of which is the published one.

        Their bytes are looked at rather than the archive's: the same files may have been packed again.
        """
        records = max(self.records)
        size = records * (len(self.labels) + PIXELS)
        limits = _members.Limits(100, max(size, _MORE_BYTES), size * len(self._files()) + _MORE_BYTES)
        missing = dict(self._files())
        for path, data in _members.members(place, limits, lambda name: name.rpartition("/")[2] in missing):
            name = path.rpartition("/")[2]
            if hashlib.sha1(data, usedforsecurity=False).hexdigest() != missing.pop(name, None):
                raise OptbenchError(f"{name} in {place} is altered, or not {self.name}'s", replacing(place))
            yield name, data
        if missing:
            raise OptbenchError(f"{place} lacks {', '.join(missing)}", replacing(place))

    def _decode(self, place: Path) -> _decoded.Decoded:
        if not self._binary(place):
            return _image_files.decode(place, self.classes, self.counts, SIDE)
        import numpy as np

        parsed = {
            name: parse(data, f"{name} in {place}", self.records[name in self.test], self.labels)
            for name, data in self._verified(place)
        }
        parts = {}
        for part, names in (("train", self.train), ("test", self.test)):
            images, labels = zip(*(parsed[name] for name in names), strict=True)
            parts[part] = np.concatenate(images), np.concatenate(labels)
        return _decoded.Decoded(parts, _decoded.measure(parts["train"][0]))

    def _downloaded(self, root: Path | None, progress: Progress | None) -> Path:
        """Return the archive in the cache, brought there from a mirror."""
        from optbench.datasets._download import MirrorError, download  # urllib is slow to import, seldom needed

        target = cache_folder() / self.name / self.archive
        try:
            download(
                [mirror + self.archive for mirror in self.mirrors],
                target,
                verify=self._verify_archive,
                size_limit=self.archive_bytes,
                progress=progress,
            )
        except MirrorError as error:
            looked = ", ".join(map(str, self._folders(root)))
            raise OptbenchError(
                f"{self.name}: neither {self.archive} nor {self.folder} nor train/ and test/ of images is in {looked}, "
                f"and it could not be downloaded ({error})",
                "name the folder of one (the binary version, not the pickled one) by --data-root or OPTBENCH_DATA",
            ) from None
        return target

    def _verify_archive(self, path: Path) -> None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self.sha256:
            sums = f"SHA-256 {digest[:12]}... is not {self.sha256[:12]}..."
            raise OptbenchError(f"{path} is truncated or altered: {sums}", replacing(path))
