"""From the parts of a text to token ids by split: numbered once, kept in the cache, mapped into memory from there."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.datasets import _corpus_cache
from optbench.datasets._base import SPLITS, Found, Progress, RawText
from optbench.datasets._corpus_parts import Part, tokens
from optbench.datasets._corpus_vocabulary import Blocks, encode
from optbench.datasets._places import cache_folder
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1  # to be raised when the same text and options give other ids
IN_MEMORY = 1 << 28  # bytes of text that are numbered in memory where the cache cannot be written


Parts = Mapping[str, Sequence[Part]]


@dataclass(frozen=True)
class Corpus:
    """A text that is on this machine.

    Attributes:
        name: the dataset's.
        found: where it is; its checksum tells it from others.
        parts: gives the parts of each split, in their order; asked only where the ids are not in the cache.
        number: makes the vocabulary, in the order of the ids, of the tokens that it is to know.
        known: the splits whose tokens `number` is given.
        lowercase: whether to make letters small.
        options: what else changes the ids.
    """

    name: str
    found: Found
    parts: Callable[[], Parts]
    number: Callable[[Blocks], list[str]]
    known: tuple[str, ...] = SPLITS
    lowercase: bool = False
    options: Mapping[str, object] = field(default_factory=dict)

    def read(self, progress: Progress | None) -> RawText:
        """Return the ids, which are made and kept in the cache unless they are there.

        Raises:
            OptbenchError: the text cannot be read or is no text, a split has fewer than two tokens (one to see, one to
                predict), or the text is large and the cache cannot be written.
        """
        folder = cache_folder() / self.name / f"encoded-{self._key()}"
        encoded = _corpus_cache.load(folder) or self._made(folder, progress)
        counts = {f"unknown in {split}": count for split, count in encoded.unknown.items()}
        return RawText(encoded.splits, encoded.vocabulary, self.found, counts)

    def _key(self) -> str:
        facts = [FORMAT, self.found.checksum, self.lowercase, sorted(self.options.items())]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    def _made(self, folder: Path, progress: Progress | None) -> _corpus_cache.Encoded:
        """Number the text in the cache, or in memory where that cannot be written and the text is not large."""
        # the cache's files are written as downloads are: by one process at a time, which the others wait for
        from optbench.datasets._download import one_writer, writing

        parts = self.parts()
        if not _writable(folder.parent) and _bytes(parts, SPLITS) <= IN_MEMORY:
            return self._in_memory(parts, progress)
        with writing(folder.parent), one_writer(folder):
            encoded = _corpus_cache.load(folder)
            if encoded is None:
                words, splits = self._numbered(parts, progress)
                _corpus_cache.save(folder, words, splits)
                encoded = _corpus_cache.load(folder)
        if encoded is None:
            raise OptbenchError(f"what is written to {folder} changes there", "set XDG_CACHE_HOME to another folder")
        return encoded

    def _in_memory(self, parts: Parts, progress: Progress | None) -> _corpus_cache.Encoded:
        import numpy as np

        words, splits = self._numbered(parts, progress)
        unknown = dict.fromkeys(SPLITS, 0)
        arrays = {
            split: np.concatenate(list(_corpus_cache.counted(blocks, split, words, unknown)))
            for split, blocks in splits.items()
        }
        return _corpus_cache.Encoded(arrays, tuple(words), unknown)

    def _numbered(self, parts: Parts, progress: Progress | None) -> tuple[list[str], dict[str, Iterator[np.ndarray]]]:
        """Return the vocabulary, for which the text is read a first time, and what reads it again and yields ids."""
        done, total = 0, _bytes(parts, self.known) + _bytes(parts, SPLITS)

        def tell(size: int) -> None:
            nonlocal done
            done += size
            if progress is not None:
                progress(f"reading {self.name}", done, total)

        def blocks(split: str) -> Iterator[list[str]]:
            count = 0
            for part in parts[split]:
                for block in tokens(part, self.lowercase, tell):
                    count += len(block)
                    yield block
            if count < 2:
                where = f"{parts[split][0].name} has {count} token{'' if count == 1 else 's'}"
                raise OptbenchError(f"{where} for {split}, which needs 2", "use a longer text")

        words = self.number(itertools.chain.from_iterable(map(blocks, self.known)))
        return words, {split: encode(blocks(split), words) for split in SPLITS}


def _bytes(parts: Parts, splits: Sequence[str]) -> int:
    return sum(part.size for split in splits for part in parts[split])


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
