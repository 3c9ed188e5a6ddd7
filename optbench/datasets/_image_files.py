"""A whole image set as files in `train/<class>/` and `test/<class>/`: in a folder, or in an archive of one.

Its checksum is that of its `sha256sum` lines, over paths such as `train/cat/0001.jpg` in their order: the same for a
folder and for an archive of it, however that is compressed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.datasets import _decoded, _images, _members
from optbench.datasets._base import Found
from optbench.datasets._places import is_file, is_folder, recall, remember, stamp
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

PARTS = ("train", "test")
NAMES = ("{}", "{}-images", "{}-jpeg", "{}-png")  # of a folder or archive of NAME's images
_FILE_BYTES = 1 << 20  # an image of so few pixels is a few thousand bytes, with all that cameras add


def place(folder: Path, name: str, classes: Sequence[str]) -> Path | None:
    """Return the folder or archive of a set's image files, if a folder holds or is one."""
    for candidate in (folder, *(folder / form.format(name) for form in NAMES)):
        # any folder may have a train/ in it: what tells the set are its classes
        if any(is_folder(candidate / "train" / each) for each in classes):
            return candidate
    for form in NAMES:
        for suffix in _members.SUFFIXES:
            if is_file(archive := folder / (form.format(name) + suffix)):
                return archive
    return None


def found(place: Path, name: str, classes: Sequence[str], counts: Mapping[str, int]) -> Found:
    """Return the checksum of the files in a place, from memory if they have not changed since it was computed.

    Raises:
        OptbenchError: files are missing or too many, of other classes, or the archive is damaged or unsafe.
    """
    paths = [place / path for path in _members.files(place, _wanted)] if place.is_dir() else [place]
    mark = stamp(name, paths)
    checksum = recall(mark)
    if checksum is None:
        lines, seen = [], []
        for path, data in _files(place, counts):
            lines.append((path, f"{hashlib.sha256(data).hexdigest()}  {path}\n"))
            seen.append(path)
        _ordered(seen, place, classes, counts)
        checksum = hashlib.sha256("".join(line for _, line in sorted(lines)).encode()).hexdigest()
        remember(mark, checksum)
    kind = "image folder" if place.is_dir() else "archive of image files"
    return Found(str(place), checksum, variant=kind, exact=False)


def decode(place: Path, classes: Sequence[str], counts: Mapping[str, int], side: int) -> _decoded.Decoded:
    """Return the images, all of `side` x `side` pixels, in the order that `optbench.datasets._cifar` describes.

    Raises:
        OptbenchError: as `found`, or a file is not such an image, or Pillow is not installed.
    """
    import numpy as np

    _images.pillow()
    images = {
        path: _images.pixels(_images.rgb(data, f"{path} in {place}", (side, side)))
        for path, data in _files(place, counts)
    }
    parts: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for part, rows in _ordered(list(images), place, classes, counts).items():
        labels = np.array([label for _, label in rows], np.uint8)
        parts[part] = np.stack([images[path] for path, _ in rows]), labels
    return _decoded.Decoded(parts, _decoded.measure(parts["train"][0]))


def _files(place: Path, counts: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Yield every image file as (`train/<class>/<file>`, contents)."""
    images = sum(counts.values())
    limits = _members.Limits(images + 10_000, _FILE_BYTES, images * (_FILE_BYTES >> 6) + _FILE_BYTES)
    prefixes = set()  # an archive may have all in one folder
    for path, data in _members.members(place, limits, _wanted):
        *prefix, part, folder, name = path.split("/")
        prefixes.add(tuple(prefix))
        if len(prefixes) > 1:
            raise OptbenchError(f"{place} has images in several folders, such as {path}", "it must hold one set")
        yield f"{part}/{folder}/{name}", data


def _wanted(path: str) -> bool:
    parts = path.split("/")
    return len(parts) >= 3 and parts[-3] in PARTS and _images.is_image(path)


def _ordered(
    paths: Sequence[str], place: Path, classes: Sequence[str], counts: Mapping[str, int]
) -> dict[str, list[tuple[str, int]]]:
    """Return (path, label) by part: the first file of each class, then the second of each, ..."""
    number = {each: label for label, each in enumerate(classes)}
    ranked: dict[str, list[tuple[int, int, str]]] = {part: [] for part in PARTS}
    ranks: dict[tuple[str, str], int] = {}
    for path in sorted(paths):
        part, folder, _ = path.split("/")
        if folder not in number:
            known = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
            raise OptbenchError(f"{place} has images of '{folder}' in {part}/", f"its classes must be {known}")
        rank = ranks[part, folder] = ranks.get((part, folder), -1) + 1
        ranked[part].append((rank, number[folder], path))
    for part, count in counts.items():
        if len(ranked[part]) != count:
            raise OptbenchError(
                f"{place} has {len(ranked[part]):,} images in {part}/, not {count:,}", "replace it by a whole copy"
            )
    return {part: [(path, label) for _, label, path in sorted(rows)] for part, rows in ranked.items()}
