"""Parallel text in a folder or an archive: found, verified, read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optbench._fields import Field
from optbench.datasets import _pairs, _pairs_files
from optbench.datasets._base import SPLITS, Found, ParallelInfo, RawParallel
from optbench.datasets._members import SUFFIXES, Limits
from optbench.datasets._pairs_files import STEMS, Place, Stems
from optbench.datasets._pairs_options import Options, parse
from optbench.datasets._places import cache_folder, data_root, is_file, recall, remember, replacing, stamp
from optbench.errors import OptbenchError

PREPARE = "README.md, under 'Translation data', tells how to prepare it; then name its folder by path"
LIMITS = Limits(files=100_000, file_bytes=1 << 36, bytes=1 << 37)  # of a user's own files, which may be any


@dataclass(frozen=True)
class PairsSource:
    """Where the files of a dataset are, and what they must be.

    Attributes:
        info: the dataset's facts.
        fields: its options.
        folders: names of its folder or, with one of `SUFFIXES`, archive in a data root, in order of preference.
        stems: how the files may begin.
        limits: what an archive may hold.
        published: SHA-256 of the decompressed files by "split.language"; none where nobody has published any.
        remedy: what to do when it is nowhere.
    """

    info: ParallelInfo
    fields: Mapping[str, Field]
    folders: tuple[str, ...] = ()
    stems: Stems = field(default_factory=lambda: STEMS)
    limits: Limits = LIMITS
    published: Mapping[str, str] = field(default_factory=dict)
    remedy: str = ""

    def find(self, root: Path | None, given: Mapping[str, Any]) -> Found | None:
        """Return where the files are, None if they are not here; they are read unless they were before.

        Raises:
            OptbenchError: the root does not exist, an option will not do, or what is there is incomplete, altered, not
                text, or not safe to read.
        """
        options = self.options(given)
        path = self.path(root, options)
        return None if path is None else self._found(path, options)[0]

    def read(self, root: Path | None, given: Mapping[str, Any], path: Path | None = None) -> RawParallel:
        """Find, verify, read and cut the files; `path` is where they are, if that is known.

        Raises:
            OptbenchError: as `find`, or the files are nowhere, or a package is missing.
        """
        options = self.options(given)
        path = path or self.path(root, options)
        if path is None:
            raise self.nowhere(root)
        found, corpus = self._found(path, options)
        return _pairs.encoded(corpus or self._corpus(self._opened(path), options), found, options)

    def options(self, given: Mapping[str, Any]) -> Options:
        """Return the options, with their defaults; see `_pairs_options.parse`."""
        return parse(self.info.name, self.fields, given)

    def path(self, root: Path | None, options: Options) -> Path | None:
        """Return the folder or archive to read, None if there is none.

        A relative `path` is one in the data root, if there is such a one, or else in the current folder.

        Raises:
            OptbenchError: the root does not exist, or `path` is given and not there.
        """
        root = data_root(root)
        if options.path:
            named = Path(options.path).expanduser()
            for path in ([] if root is None else [root / named]) + [named]:
                if path.is_dir() or (path.name.endswith(SUFFIXES) and is_file(path)):
                    return path
            kinds = ", ".join(SUFFIXES)
            raise OptbenchError(
                f"{self.info.name}: there is no folder and no archive ({kinds}) at {options.path}", "correct its path"
            )
        return next((path for path in self.places(root) if self._is_here(path)), None)

    def places(self, root: Path | None) -> list[Path]:
        """Return where the dataset is looked for when no path is given."""
        if not self.folders:
            return []
        named = [] if root is None else [root / folder for folder in self.folders]
        return [*named, cache_folder() / self.info.name]

    def nowhere(self, root: Path | None, why: str = "") -> OptbenchError:
        """Return the error that says that the dataset is not here."""
        looked = " nor ".join(map(str, self.places(data_root(root))))
        where = f"there is no {looked}{why}" if looked else "no path says where the files are"
        return OptbenchError(f"{self.info.name}: {where}", self.remedy)

    def _is_here(self, path: Path) -> bool:
        if path.name.endswith(SUFFIXES):
            return is_file(path)
        if path == cache_folder() / self.info.name and self.published:
            return self._complete(path)
        return _pairs_files.holds(path, self.stems)

    def _complete(self, path: Path) -> bool:
        """Return whether the cache has all files: a download may have been cut off."""
        if not path.is_dir():
            return False
        try:
            return bool(self._opened(path).files(self.info.languages))
        except OptbenchError:
            return False

    def _opened(self, path: Path) -> Place:
        return _pairs_files.opened(path, self.stems, self.limits)

    def _languages(self, place: Place, options: Options) -> tuple[str, str]:
        """Return source and target: the named ones, else the dataset's, else the two there are."""
        source, target = options.source, options.target
        if all(self.info.languages):
            known = self.info.languages
            for one in filter(None, (source, target)):
                if one not in known:
                    raise OptbenchError(f"{self.info.name} has no language '{one}'", f"it has {' and '.join(known)}")
            other = dict(zip(known, reversed(known), strict=True))
            source = source or (other[target] if target else known[0])
            target = target or other[source]
        return place.languages(source, target)

    def _found(self, path: Path, options: Options) -> tuple[Found, _pairs.Corpus | None]:
        """Return what is found there, and the text if it had to be read for that."""
        folder = self._opened(path) if path.is_dir() else None
        paths = [path] if folder is None else folder.paths(self._languages(folder, options))
        mark = stamp(f"{self.info.name} {options.source} {options.target}", paths)
        corpus = None
        known = (recall(mark) or "").split()
        if len(known) != 1 + len(SPLITS) + 1:
            corpus = self._corpus(folder or self._opened(path), options)
            known = [corpus.checksum, *map(str, (*corpus.counts, corpus.blank))]
            remember(mark, known[0], *map(int, known[1:]))
        return self._described(path, known[0], *map(int, known[1:])), corpus

    def _corpus(self, place: Place, options: Options) -> _pairs.Corpus:
        languages = self._languages(place, options)
        lines, sums = {}, {}
        for key, name in place.files(languages).items():
            data, where = place.data(name), place.path / name
            sums[key] = hashlib.sha256(data).hexdigest()
            if self.published and sums[key] != (right := self.published[".".join(key)]):
                what = f"SHA-256 {sums[key][:12]}... is not {right[:12]}..."
                raise OptbenchError(f"{where} is altered, or not {self.info.name}'s: {what}", replacing(where))
            lines[key] = _pairs_files.lines(data, str(where))
        corpus = _pairs.Corpus(self.info.name, languages, lines, sums)
        corpus.check(str(place.path))
        return corpus

    def _described(self, path: Path, checksum: str, *counts: int) -> Found:
        """Return a finding whose variant says how the text differs from the published one, where one is published."""
        *pairs, blank = counts
        expected = [self.info.splits[split] for split in SPLITS]
        same = not any(expected) or pairs == expected
        notes = []
        if not same:
            here, there = ("/".join(f"{one:,}" for one in some) for some in (pairs, expected))
            notes.append(f"{here} pairs, not {there}")
        if blank:
            notes.append(f"{blank:,} training pairs with a blank side left out")
        return Found(str(path), checksum, ", ".join(notes), same)
