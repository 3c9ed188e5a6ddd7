"""Any text of yours: one file, or a folder of `train.txt`, `valid.txt` and `test.txt`, UTF-8.

A recipe names it in its [data] table, relative to the current folder:

    [data]
    name = "text"
    path = "corpus/novels.txt"
    lowercase = false     # make letters small
    vocabulary = 10000    # the most frequent tokens of train, <eos> and <unk> included; 0: all that are in train

A token is what white space separates, and `<eos>` is one after each line, blank ones too: put spaces around punctuation
first if it is to be tokens of its own. What is not in the vocabulary is `<unk>`. Ids are in the order of how frequent
the tokens are in train, the most frequent first, so that they suit the cut-offs of adaptive softmax.

Of a single file, the first 90 of 100 lines are train, the next 5 validation, the last 5 test: runs of lines, since
neighbours tell of each other. The checksum is that of the file, or of the `sha256sum` lines of the three.
"""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path

from optbench import _fields
from optbench._fields import Field
from optbench.datasets._base import Found, Progress, RawText, TextInfo
from optbench.datasets._corpus import Corpus
from optbench.datasets._corpus_files import summed
from optbench.datasets._corpus_parts import Part, of_file
from optbench.datasets._corpus_vocabulary import SMALLEST, by_count
from optbench.datasets._places import is_file, is_folder, recall, remember, stamp
from optbench.errors import OptbenchError

FILES = {"train": "train.txt", "validation": "valid.txt", "test": "test.txt"}
SHARE = 20  # one of so many lines of a single file is validation, and as many are test
_LEAST_LINES = 3
_BLOCK = 1 << 20
_HOW = 'write path = "FILE" in the [data] table: a text file, or a folder of train.txt, valid.txt and test.txt'

INFO = TextInfo(
    name="text",
    title="any text file, word by word",
    source="you",
    licence="that of your text",
    splits={"train": 0, "validation": 0, "test": 0},
    vocabulary=0,
    checksum="",
    doc=__doc__,
    variants=True,
)

OPTIONS = {
    "path": _fields.text(""),
    "lowercase": _fields.flag(False),
    "vocabulary": Field(
        lambda v: type(v) is int and (v == 0 or v >= SMALLEST),
        f"must be 0 for no limit, or a whole number of at least {SMALLEST}: <eos>, <unk> and a word",
        0,
    ),
}


def find(root: Path | None, path: str = "", lowercase: bool = False, vocabulary: int = 0) -> Found | None:
    """Return the text with its checksum, None if no path is given or nothing is there.

    Args:
        root: not looked at: the path is relative to the current folder.
        path: of the file or folder.
        lowercase: of no account here.
        vocabulary: of no account here.

    Raises:
        OptbenchError: a folder lacks one of its files, or one cannot be read.
    """
    place = _place(path)
    if place is None:
        return None
    files = _files(place)
    mark = stamp("text", files)
    checksum = (recall(mark) or "").split(" ")[0]
    if not checksum:
        sums = [summed(file) for file in files]
        lines = "".join(f"{digest}  {file.name}\n" for (digest, _), file in zip(sums, files, strict=True))
        checksum = sums[0][0] if len(sums) == 1 else hashlib.sha256(lines.encode()).hexdigest()
        remember(mark, checksum)
    return Found(str(place), checksum)


def read(
    root: Path | None, progress: Progress | None, path: str = "", lowercase: bool = False, vocabulary: int = 0
) -> RawText:
    """Return the ids of the text.

    Args:
        root: not looked at.
        progress: told how far the text is read.
        path: of the file or folder.
        lowercase: make letters small.
        vocabulary: how many tokens have ids, `<eos>` and `<unk>` included; 0 for all of train.

    Raises:
        OptbenchError: no path is given, nothing is there, or it is no text or a very short one.
    """
    found = find(root, path)
    if found is None:
        raise OptbenchError(f"there is no file or folder '{path}'" if path else "the data set 'text' has no path", _HOW)
    number = partial(by_count, size=vocabulary)
    options = {"vocabulary": vocabulary}
    return Corpus("text", found, partial(_parts, Path(found.place)), number, ("train",), lowercase, options).read(
        progress
    )


def _place(path: str) -> Path | None:
    place = Path(os.path.expanduser(path))
    return place if path and (is_file(place) or is_folder(place)) else None


def _files(place: Path) -> list[Path]:
    """Return the files that the text consists of."""
    if is_file(place):
        return [place]
    for name in FILES.values():
        if not is_file(place / name):
            raise OptbenchError(f"{place} has no {name}", "a folder of text holds train.txt, valid.txt and test.txt")
    return sorted(place / name for name in FILES.values())


def _parts(place: Path) -> dict[str, list[Part]]:
    if place.is_dir():
        return {split: [of_file(place / name)] for split, name in FILES.items()}
    validation, test = _cuts(place)
    return {
        "train": [of_file(place, 0, validation)],
        "validation": [of_file(place, validation, test)],
        "test": [of_file(place, test)],
    }


def _cuts(file: Path) -> tuple[int, int]:
    """Return at which bytes of a file validation and test begin.

    Raises:
        OptbenchError: it has fewer than three lines.
    """
    lines = summed(file)[1] + (_last_byte(file) not in (b"", b"\n"))  # a last line that does not end counts
    if lines < _LEAST_LINES:
        what = f"{file} has {lines} line{'' if lines == 1 else 's'}, and needs {_LEAST_LINES} to be split"
        raise OptbenchError(what, "break it into lines, or give a folder of train.txt, valid.txt and test.txt")
    held_out = max(1, lines // SHARE)
    return _after_line(file, lines - 2 * held_out), _after_line(file, lines - held_out)


def _last_byte(file: Path) -> bytes:
    with of_file(file, max(0, file.stat().st_size - 1)).open() as stream:
        return stream.read(1)


def _after_line(file: Path, lines: int) -> int:
    """Return the offset of the byte after so many line feeds, which the file has."""
    at = 0
    with of_file(file).open() as stream:
        while data := stream.read(_BLOCK):
            count = data.count(b"\n")
            if count >= lines:
                cut = 0
                for _ in range(lines):
                    cut = data.index(b"\n", cut) + 1
                return at + cut
            lines -= count
            at += len(data)
    return at
