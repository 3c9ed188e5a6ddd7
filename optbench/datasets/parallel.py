"""Any parallel text: a folder of files, one sentence a line, the translation on the same line of the other file.

The folder (or tar archive) has `train.de`, `train.en`, `valid.de`, `valid.en`, `test.de` and `test.en`, or other
languages; `val`, `dev` or `validation` do for `valid`, and each file may be gzipped (`train.de.gz`). UTF-8; lines end
in "\\n" or "\\r\\n". A recipe names it:

    [data]
    name = "parallel"
    path = "my-corpus"      # in --data-root, or from the current folder
    source = "de"           # default: of the two languages there are, the first in the alphabet
    target = "en"
    vocabulary = 8000       # subwords that both languages share, learnt from the training lines by sentencepiece
    tokens = "given"        # instead: the files are cut into subwords already, and "@@ " marks where a word goes on
    lowercase = false
    max_tokens = 0          # subwords of the longest sentence to train on; 0 for any length

Training pairs with a blank side are left out, as the papers' `clean-corpus-n.perl` does; validation and test keep
every line. The checksum is over the `sha256sum` lines of the six decompressed files under the names `train.de`,
`validation.de`, ...
"""

from pathlib import Path
from typing import Any

from optbench.datasets._base import Found, ParallelInfo, Progress, RawParallel
from optbench.datasets._pairs_options import fields
from optbench.datasets._pairs_source import PairsSource

VOCABULARY = 8000

INFO = ParallelInfo(
    name="parallel",
    title="your own parallel text: a folder of train.de, train.en, valid.*, test.*",
    source="the folder that the option `path` names",
    licence="that of your files",
    splits={"train": 0, "validation": 0, "test": 0},  # as many as the files have
    languages=("", ""),
    vocabulary=VOCABULARY,
    sentence_tokens=25.0,
    checksum="",
    doc=__doc__,
    variants=True,
)

OPTIONS = fields(vocabulary=VOCABULARY)

SOURCE = PairsSource(INFO, OPTIONS, remedy='name the folder of its files, such as path = "my-corpus" under [data]')


def find(root: Path | None, **options: Any) -> Found | None:
    """Return what the folder holds, None where no path is given; see `PairsSource.find`."""
    return SOURCE.find(root, options)


def read(root: Path | None, progress: Progress | None, **options: Any) -> RawParallel:
    """Read the folder and cut it into subwords; see `PairsSource.read`."""
    return SOURCE.read(root, options)
