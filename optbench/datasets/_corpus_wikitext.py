"""WikiText: Wikipedia's good and featured articles, as an archive of three files, or those files.

S. Merity, C. Xiong, J. Bradbury and R. Socher, "Pointer Sentinel Mixture Models" (2016), arXiv:1609.07843. WikiText-2
and WikiText-103 have files of the same names, so that only the folder's name, or the number of lines, tells them apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optbench.datasets._base import Found, Progress, RawText
from optbench.datasets._corpus import Corpus
from optbench.datasets._corpus_files import md5_checksum, summed, verify_md5
from optbench.datasets._corpus_parts import Part, Readable, of_file, unreadable
from optbench.datasets._corpus_vocabulary import Blocks
from optbench.datasets._places import cache_folder, data_root, is_file, recall, remember, replacing, stamp
from optbench.errors import OptbenchError

FILES = {"train": "wiki.train.tokens", "validation": "wiki.valid.tokens", "test": "wiki.test.tokens"}
LICENCE = "CC BY-SA 3.0 and GFDL, as Wikipedia's text (the data set's card on Hugging Face)"
_SLACK = 1 << 20  # bytes by which a download may be larger than the published size


@dataclass(frozen=True)
class WikiText:
    """Where one of the sets is, and what it must be.

    Attributes:
        name: the dataset's.
        folder: of the files, in the archive too.
        archive, archive_bytes, md5: name, size and checksum of the archive.
        lines: of each file.
        file_bytes: more than any of the files has.
        number: makes the vocabulary.
        known: of the tokens of these splits.
        mirrors: URLs of the folders that hold the archive.
    """

    name: str
    folder: str
    archive: str
    archive_bytes: int
    md5: str
    lines: Mapping[str, int]
    file_bytes: int
    number: Callable[[Blocks], list[str]]
    known: tuple[str, ...]
    mirrors: tuple[str, ...]

    def checksum(self) -> str:
        """Return the SHA-256 that stands for the archive."""
        return md5_checksum({self.archive: self.md5})

    def find(self, root: Path | None) -> Found | None:
        """Return where the set is, None if it is not here; its bytes are verified unless they were before.

        Raises:
            OptbenchError: the root does not exist, or what is there is altered.
        """
        place = self._place(data_root(root))
        return None if place is None else self._found(place)

    def read(self, root: Path | None, progress: Progress | None) -> RawText:
        """Find the set or download it, verify it, and return its ids.

        Raises:
            OptbenchError: as `find`, or it is nowhere and could not be downloaded.
        """
        root = data_root(root)
        place = self._place(root) or self._downloaded(root, progress)
        found = self._found(place)

        def parts() -> Mapping[str, list[Part]]:
            return {split: [self._part(place, split)] for split in FILES}

        return Corpus(self.name, found, parts, self.number, self.known).read(progress)

    def _place(self, root: Path | None) -> Path | None:
        """Return the archive, or the folder that holds all three files."""
        for folder in self._folders(root):
            if is_file(folder / self.archive):
                return folder / self.archive
            for inner in (folder, folder / self.folder):
                named = inner.name in (self.name, self.folder)
                if named and all(is_file(inner / name) for name in FILES.values()):
                    return inner
        return None

    def _folders(self, root: Path | None) -> list[Path]:
        named = [] if root is None else [root / self.name, root]
        return [*named, cache_folder() / self.name]

    def _found(self, place: Path) -> Found:
        if place.name != self.archive:
            return self._found_files(place)
        mark = stamp(self.name, [place])
        if recall(mark) != self.checksum():
            verify_md5(place, self.md5, self.name)
            remember(mark, self.checksum())
        return Found(str(place), self.checksum())

    def _found_files(self, folder: Path) -> Found:
        """Return the checksum of the files themselves: nobody has published one of them."""
        mark = stamp(self.name, [folder / name for name in FILES.values()])
        checksum = recall(mark)
        if checksum is None:
            lines = ""
            for split, name in sorted(FILES.items(), key=lambda item: item[1]):
                digest, count = summed(folder / name)
                if count != self.lines[split]:
                    what = f"{folder / name} has {count:,} lines, {self.name}'s has {self.lines[split]:,}"
                    raise OptbenchError(what, replacing(folder / name))
                lines += f"{digest}  {name}\n"
            checksum = hashlib.sha256(lines.encode()).hexdigest()
            remember(mark, checksum)
        return Found(str(folder), checksum, variant="unpacked files", exact=False)

    def _part(self, place: Path, split: str) -> Part:
        if place.name != self.archive:
            return of_file(place / FILES[split])
        member = f"{self.folder}/{FILES[split]}"
        with _opened(place, member, self.file_bytes) as (_, size):
            pass

        @contextlib.contextmanager
        def opened() -> Iterator[Readable]:
            with _opened(place, member, self.file_bytes) as (file, _):
                yield file

        return Part(f"{member} in {place}", size, opened)

    def _downloaded(self, root: Path | None, progress: Progress | None) -> Path:
        """Return the archive in the cache, brought there from a mirror."""
        from optbench.datasets._download import MirrorError, download  # urllib is slow to import, seldom needed

        target = cache_folder() / self.name / self.archive
        try:
            download(
                [mirror + self.archive for mirror in self.mirrors],
                target,
                verify=lambda path: verify_md5(path, self.md5, self.name),
                size_limit=self.archive_bytes + _SLACK,
                progress=progress,
            )
        except MirrorError as error:
            looked = ", ".join(map(str, self._folders(root)))
            raise OptbenchError(
                f"{self.name}: neither {self.archive} nor {self.folder}/{FILES['train']} is in {looked}, "
                f"and it could not be downloaded ({error})",
                "name the folder that holds it by --data-root or OPTBENCH_DATA",
            ) from None
        return target


@contextlib.contextmanager
def _opened(archive: Path, member: str, limit: int) -> Iterator[tuple[Readable, int]]:
    """Give a file in a ZIP archive, and how many bytes it has; nothing is unpacked to the disk."""
    import zipfile

    try:
        with zipfile.ZipFile(archive) as packed:
            found = [each for each in packed.infolist() if each.filename == member]
            if len(found) != 1:
                raise OptbenchError(f"{archive} holds {member} {len(found)} times, not once", replacing(archive))
            if found[0].file_size > limit:
                what = f"{archive} holds {member} of {found[0].file_size:,} bytes, of {limit:,} at most"
                raise OptbenchError(what, replacing(archive))
            with packed.open(found[0]) as file:
                yield file, found[0].file_size
    # what zipfile raises where an archive is damaged, encrypted, or packed in a way that it does not know
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error) as error:
        raise OptbenchError(f"{archive} is truncated or altered ({error})", replacing(archive)) from None
    except OSError as error:
        raise unreadable(archive, error) from None
