"""Numbers in German and English words, generated: a small translation task that needs no data.

For example "vierhunderteinundzwanzigtausenddreihundertsiebenundfünfzig" and "four hundred and twenty-one thousand,
three hundred and fifty-seven". 22,000 different numbers below a million, so that no pair is in two splits: number i,
counted from 0, is the first 8 bytes of the SHA-256 of "optbench numbers i", as a big-endian integer modulo a million.
One that has been before is left out, and so are 101,000 to 101,999, 201,000 to 201,999 and so on, which num2words
misspells in German. The first 20,000 are for training, the next 1,000 for validation, the last 1,000 for the test.
num2words (the extra `text`) writes them; its version 0.5.14 writes those that the checksum stands for, and where
another version writes other words, they are a variant with a checksum of their own.

German is the source, since it writes a number as one word: BLEU is over the words of the target. The order of tens
and ones has to be learnt ("einundzwanzig" is "twenty-one"). Scores say nothing about translation of language that
people use.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from optbench.datasets import _pairs, _pairs_cache
from optbench.datasets._base import SPLITS, Found, ParallelInfo, Progress, RawParallel
from optbench.datasets._pairs_options import fields, parse
from optbench.errors import OptbenchError

SIZES = {"train": 20_000, "validation": 1000, "test": 1000}
BELOW = 1_000_000
TESTED = "0.5.14"  # of num2words
_TAKEN = ("source", "target", "vocabulary")
VOCABULARY = 200  # enough for every word of English and the parts that German makes its words of

INFO = ParallelInfo(
    name="numbers",
    title="numbers in German and English words, generated",
    source="num2words, https://github.com/savoirfairelinux/num2words",
    licence="num2words is LGPL-2.1; the lines that it writes are no work of anybody",
    splits=SIZES,
    languages=("de", "en"),
    vocabulary=VOCABULARY,
    sentence_tokens=12.2,
    checksum="1319b672492dfd2fb240b45416eb386a32c02b6b4e703239ed0a1a2792580e5b",
    doc=__doc__,
    stand_in_for="the papers' translation sets (IWSLT'14, WMT'14, WMT'16), which are too large or not free to ship",
    variants=True,
)

OPTIONS = {key: field for key, field in fields(vocabulary=VOCABULARY).items() if key in _TAKEN}


def find(root: Path | None, **options: Any) -> Found | None:
    """Return that it can be generated; None where num2words is missing.

    Raises:
        OptbenchError: an option will not do.
    """
    _languages(options)
    try:
        version = _version()
    except OptbenchError:
        return None
    return _found(version, INFO.checksum if version == TESTED else _corpus(version, INFO.languages).checksum)


def read(root: Path | None, progress: Progress | None, **options: Any) -> RawParallel:
    """Generate the lines, once, and cut them into subwords.

    Raises:
        OptbenchError: an option will not do, or a package is missing or altered.
    """
    version = _version()
    corpus = _corpus(version, _languages(options))
    if version == TESTED and corpus.checksum != INFO.checksum:
        raise OptbenchError(f"num2words {version} here writes other words than it should", "reinstall num2words")
    return _pairs.encoded(corpus, _found(version, corpus.checksum), parse(INFO.name, OPTIONS, options))


def chosen() -> dict[str, list[int]]:
    """Return the numbers of each split, as the module's docstring defines them."""
    seen: dict[int, None] = {}
    count = 0
    while len(seen) < sum(SIZES.values()):
        digest = hashlib.sha256(f"optbench numbers {count}".encode()).digest()
        number = int.from_bytes(digest[:8], "big") % BELOW
        if number < 2000 or number // 1000 % 100 != 1:  # "hunderteinstausend" is no German
            seen[number] = None
        count += 1
    rest = iter(seen)
    return {split: [next(rest) for _ in range(SIZES[split])] for split in SPLITS}


def _languages(options: dict[str, Any]) -> tuple[str, str]:
    """Return source and target, which are the two in either order."""
    wanted = parse(INFO.name, OPTIONS, options)
    german, english = INFO.languages
    for one in filter(None, (wanted.source, wanted.target)):
        if one not in INFO.languages:
            raise OptbenchError(f"{INFO.name} has no language '{one}'", f"it has {german} and {english}")
    turned = wanted.source == english or wanted.target == german
    return (english, german) if turned else (german, english)


def _found(version: str, checksum: str) -> Found:
    same = checksum == INFO.checksum
    return Found(f"num2words {version}", checksum, "" if same else f"other words than those of {TESTED}", same)


def _corpus(version: str, languages: tuple[str, str]) -> _pairs.Corpus:
    """Return the lines: from the cache, or generated and put there."""
    parts = _pairs_cache.load(INFO.name, _key(version))
    if parts is None:
        parts = {name: memoryview(text) for name, text in _generated().items()}
        _pairs_cache.save(INFO.name, _key(version), {name: bytes(text) for name, text in parts.items()})
    names = {(split, language): f"{split}.{language}" for split in SPLITS for language in INFO.languages}
    lines = {key: bytes(parts[name]).decode().splitlines() for key, name in names.items()}
    sums = {key: hashlib.sha256(parts[name]).hexdigest() for key, name in names.items()}
    return _pairs.Corpus(INFO.name, languages, lines, sums)


def _key(version: str) -> str:
    return f"num2words {version}: {BELOW} {SIZES}"


def _generated() -> dict[str, bytes]:
    """Return the text of each "split.language"."""
    write = _num2words().num2words
    return {
        f"{split}.{language}": "".join(f"{write(number, lang=language)}\n" for number in numbers).encode()
        for split, numbers in chosen().items()
        for language in INFO.languages
    }


def _version() -> str:
    """Return the version of num2words that is installed."""
    from importlib import metadata

    _num2words()
    return metadata.version("num2words")


def _num2words() -> Any:
    try:
        import num2words
    except ImportError:
        raise OptbenchError("numbers in words need the package num2words", "pip install 'optbench[text]'") from None
    return num2words
