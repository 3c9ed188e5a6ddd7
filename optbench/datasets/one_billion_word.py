"""One Billion Word: 30 million sentences of news, 769 million words; their order was shuffled.

C. Chelba et al., "One Billion Word Benchmark for Measuring Progress in Statistical Language Modeling" (2013),
arXiv:1312.3005. It is not downloaded: get the archive (1.8 GB) and unpack it, which takes 4.2 GB, into a data root:

    http://www.statmt.org/lm-benchmark/1-billion-word-language-modeling-benchmark-r13output.tar.gz
    tar xzf 1-billion-word-language-modeling-benchmark-r13output.tar.gz -C DATA_ROOT

A token is what white space separates, and `<eos>` is one after each sentence. Tokens that come three times or less in
train are `<unk>`, as in appendix B.1 of the RAdam paper; ids are in the order of how frequent the tokens are, the most
frequent first, as adaptive softmax wants them. Train is all shards of `training-monolingual.tokenized.shuffled`,
in the order of their names. Test is `heldout-00000`, on which the papers report. Validation is `heldout-00001`:
Transformer-XL's scripts take the test shard for validation too, but what weights are chosen by is not what scores them.

The shards are read twice, piece by piece, and their ids kept in the cache (3.2 GB); the tokens' counts need some
400 MB of memory (measured on 2.4 million made-up tokens). Nobody has published checksums of the unpacked shards:
whether they are the published ones is told by the number of their lines.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from optbench.datasets._base import Found, Progress, RawText, TextInfo
from optbench.datasets._corpus import Corpus
from optbench.datasets._corpus_files import summed
from optbench.datasets._corpus_parts import Part, of_file
from optbench.datasets._corpus_vocabulary import by_count
from optbench.datasets._members import files
from optbench.datasets._places import cache_folder, data_root, is_file, is_folder, recall, remember, stamp
from optbench.errors import OptbenchError

RELEASE = "1-billion-word-language-modeling-benchmark-r13output"
TRAIN, HELD_OUT = "training-monolingual.tokenized.shuffled", "heldout-monolingual.tokenized.shuffled"
VALIDATION = f"{HELD_OUT}/news.en.heldout-00001-of-00050"
TEST = f"{HELD_OUT}/news.en.heldout-00000-of-00050"
LEAST = 4  # times that a token comes in train to have an id: appendix B.1 of the RAdam paper drops those with 3 or less
LINES = 30_301_028  # of all shards of train
HELD_OUT_TOKENS = 7_789_987 + 306_688  # of all 50 held-out shards

INFO = TextInfo(
    name="one-billion-word",
    title="One Billion Word, sentences of news, word by word",
    source="C. Chelba et al. (2013), arXiv:1312.3005, https://www.statmt.org/lm-benchmark/",
    licence="none stated by the authors",
    # words and sentences; the two held-out shards have about a fiftieth of all 50 each, whose figures are exact
    splits={"train": 768_648_884 + LINES, "validation": HELD_OUT_TOKENS // 50, "test": HELD_OUT_TOKENS // 50},
    vocabulary=640_000,  # about: RAdam's appendix B.1
    # of the archive, in TensorFlow Datasets' list of checksums for `lm1b`
    checksum="01ba60381110baf7f189dfd2b8374de371e8c9a340835793f190bdae9e90a34e",
    doc=__doc__,
    made_by_users=True,
    variants=True,
)


def find(root: Path | None) -> Found | None:
    """Return where the shards are, None if they are not here; their checksum is computed once.

    Raises:
        OptbenchError: the root does not exist, or shards are missing or cannot be read.
    """
    folder = _place(data_root(root))
    return None if folder is None else _found(folder)


def read(root: Path | None, progress: Progress | None) -> RawText:
    """Return the ids of the shards, as memory maps.

    Raises:
        OptbenchError: as `find`, or they are nowhere.
    """
    root = data_root(root)
    folder = _place(root)
    if folder is None:
        looked = ", ".join(str(place / TRAIN) for place in _places(root))
        raise OptbenchError(
            f"one-billion-word is not here ({looked}), and is not downloaded",
            f"get {RELEASE}.tar.gz from http://www.statmt.org/lm-benchmark/, unpack it, and name the folder by "
            "--data-root or OPTBENCH_DATA",
        )

    def parts() -> dict[str, list[Part]]:
        shards = {"train": _train(folder), "validation": [VALIDATION], "test": [TEST]}
        return {split: [of_file(folder / name) for name in names] for split, names in shards.items()}

    number = partial(by_count, least=LEAST)
    return Corpus(INFO.name, _found(folder), parts, number, ("train",), options={"least": LEAST}).read(progress)


def _places(root: Path | None) -> list[Path]:
    named = [] if root is None else [root / INFO.name, root / RELEASE, root]
    return [*named, cache_folder() / INFO.name]


def _place(root: Path | None) -> Path | None:
    for folder in _places(root):
        if is_folder(folder / TRAIN):
            return folder
    return None


def _found(folder: Path) -> Found:
    """Return the checksum over the shards' `sha256sum` lines, from memory while none of them changes."""
    shards = sorted([*_train(folder), VALIDATION, TEST])
    for name in (VALIDATION, TEST):
        if not is_file(folder / name):
            raise OptbenchError(f"{folder} has no {name}", "unpack the whole archive")
    mark = stamp(INFO.name, [folder / name for name in shards])
    known = (recall(mark) or "").split()
    if len(known) != 2:
        sums = {name: summed(folder / name) for name in shards}
        listing = "".join(f"{sums[name][0]}  {name}\n" for name in shards)
        lines = sum(count for name, (_, count) in sums.items() if name.startswith(TRAIN))
        known = [hashlib.sha256(listing.encode()).hexdigest(), str(lines)]
        remember(mark, known[0], lines)
    checksum, lines = known[0], int(known[1])
    return Found(str(folder), checksum, variant=f"{lines:,} sentences", exact=lines == LINES)


def _train(folder: Path) -> list[str]:
    """Return the names of the shards to train on, in order."""
    names = files(folder / TRAIN, lambda name: name.startswith("news.en-"))
    if not names:
        raise OptbenchError(f"{folder / TRAIN} has no shards news.en-*", "unpack the whole archive")
    return [f"{TRAIN}/{name}" for name in names]
