"""Token ids kept in files, so that a text is read and numbered once, and mapped into memory from then on.

A folder holds `train.npy`, `validation.npy` and `test.npy` (int32 (N,), little-endian), `vocabulary.txt` (a token a
line, the first one's id is 0) and `facts.json`, which is written last and has the others' checksums. The folder is made
from the text and can be made again, so a damaged one is no error: it is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench import _files
from optbench.datasets._base import SPLITS
from optbench.datasets._corpus_vocabulary import UNKNOWN
from optbench.datasets._places import recall, remember, stamp
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

_HEADER = 128  # bytes; NumPy's format wants a multiple of 64
_FACTS, _VOCABULARY = "facts.json", "vocabulary.txt"


@dataclass(frozen=True, eq=False)
class Encoded:
    """A text as ids: int32 (N,) by split, the tokens by id, and how many ids of each split are `UNKNOWN`'s."""

    splits: Mapping[str, np.ndarray]
    vocabulary: tuple[str, ...]
    unknown: Mapping[str, int]


def save(folder: Path, vocabulary: Sequence[str], splits: Mapping[str, Iterable[np.ndarray]]) -> None:
    """Write a folder; a reader finds it whole or not at all, since `facts.json` comes last.

    Args:
        folder: its parent must be there.
        vocabulary: the tokens by id.
        splits: blocks of ids, which are written as they come.

    Raises:
        OSError, OptbenchError: it cannot be written, or what the blocks raise.
    """
    folder.mkdir(exist_ok=True)
    _files.remove(folder / _FACTS)
    unknown = dict.fromkeys(SPLITS, 0)
    counts, sums = {}, {}
    for split in SPLITS:
        blocks = counted(splits[split], split, vocabulary, unknown)
        counts[split], sums[split] = _write(folder / f"{split}.npy", blocks)
    text = "\n".join(vocabulary).encode()
    _files.write(folder / _VOCABULARY, text, sync=False)
    facts = {
        "tokens": counts,
        "unknown": unknown,
        "sha256": sums,
        "vocabulary": hashlib.sha256(text).hexdigest(),
    }
    _files.write(folder / _FACTS, json.dumps(facts).encode(), sync=False)


def load(folder: Path) -> Encoded | None:
    """Return what a folder holds, the ids as memory maps; None if it is not there, not whole or altered.

    It is verified once, and after that while its files do not change. The maps are copy-on-write: torch wants arrays
    that can be written, and nothing that is written to them reaches the files.
    """
    import numpy as np

    try:
        text = (folder / _FACTS).read_bytes()
        facts = json.loads(text)
        mark = stamp("corpus", [folder / _FACTS, folder / _VOCABULARY, *(folder / f"{split}.npy" for split in SPLITS)])
        checksum = hashlib.sha256(text).hexdigest()
        if recall(mark) != checksum:
            if not _intact(folder, facts):
                return None
            remember(mark, checksum)
        splits = {split: np.load(folder / f"{split}.npy", mmap_mode="c") for split in SPLITS}
        vocabulary = tuple((folder / _VOCABULARY).read_bytes().decode().split("\n"))
        unknown = {split: int(facts["unknown"][split]) for split in SPLITS}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OptbenchError):
        return None
    return Encoded(splits, vocabulary, unknown)


def counted(
    blocks: Iterable[np.ndarray], split: str, vocabulary: Sequence[str], unknown: dict[str, int]
) -> Iterator[np.ndarray]:
    """Yield blocks of ids, and add to `unknown[split]` how many of them are `UNKNOWN`'s."""
    import numpy as np

    number = vocabulary.index(UNKNOWN) if UNKNOWN in vocabulary else -1
    for block in blocks:
        unknown[split] += int(np.count_nonzero(block == number))
        yield block


def _intact(folder: Path, facts: Any) -> bool:
    """Return whether the files are those that the facts are about."""
    for split in SPLITS:
        with (folder / f"{split}.npy").open("rb") as file:
            same = file.read(_HEADER) == _header(facts["tokens"][split])
            if not same or hashlib.file_digest(file, "sha256").hexdigest() != facts["sha256"][split]:
                return False
    text = (folder / _VOCABULARY).read_bytes()
    return bool(hashlib.sha256(text).hexdigest() == facts["vocabulary"])


def _write(path: Path, blocks: Iterable[np.ndarray]) -> tuple[int, str]:
    """Write one array; return how many ids it has, and the SHA-256 of their bytes."""
    count, digest = 0, hashlib.sha256()
    descriptor, temporary = tempfile.mkstemp(prefix=_files.TEMPORARY, dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(bytes(_HEADER))
            for block in blocks:
                data = block.astype("<i4").tobytes()
                count += len(block)
                digest.update(data)
                file.write(data)
            file.seek(0)
            file.write(_header(count))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return count, digest.hexdigest()


def _header(count: int) -> bytes:
    """Return what NumPy's format, version 1.0, puts before so many int32."""
    start = b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little")
    text = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({count},), }}".encode()
    return start + text.ljust(_HEADER - len(start) - 1) + b"\n"
