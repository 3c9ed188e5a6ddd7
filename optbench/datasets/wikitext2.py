"""WikiText-2: 720 of Wikipedia's good and featured articles, some two million tokens.

S. Merity, C. Xiong, J. Bradbury and R. Socher, "Pointer Sentinel Mixture Models" (2016), arXiv:1609.07843.

Case, punctuation and numbers are kept; words that come less than three times are `<unk>` in the files. A token is what
white space separates, `<eos>` is one after each line, blank lines and headings too, and ids are in the order of first
sight in train, validation and test: as in AWD-LSTM's `data.py`, which gives the 33,278 of published models.

Only an MD5 of the archive is published. Its three files, unpacked in a folder `wikitext-2`, are read too, and count
as other bytes: of them there is no checksum to compare with.
"""

from pathlib import Path

from optbench.datasets._base import SPLITS, Found, Progress, RawText, TextInfo
from optbench.datasets._corpus_vocabulary import first_sight
from optbench.datasets._corpus_wikitext import LICENCE, WikiText

SOURCE = WikiText(
    name="wikitext2",
    folder="wikitext-2",
    archive="wikitext-2-v1.zip",
    archive_bytes=4_475_746,
    md5="542ccefacc6c27f945fb54453812b3cd",  # torchtext's `wikitext2.py`, the lines too
    lines={"train": 36_718, "validation": 3_760, "test": 4_358},
    file_bytes=1 << 25,
    number=first_sight,
    known=SPLITS,
    mirrors=("https://wikitext.smerity.com/",),  # the authors' own place on S3 answers no more
)

INFO = TextInfo(
    name="wikitext2",
    title="WikiText-2, articles of Wikipedia, word by word",
    source="S. Merity et al. (2016), arXiv:1609.07843",
    licence=LICENCE,
    splits={"train": 2_088_628, "validation": 217_646, "test": 245_569},
    vocabulary=33_278,
    checksum=SOURCE.checksum(),
    doc=__doc__,
    variants=True,
)


def find(root: Path | None) -> Found | None:
    """Return where the set is, None if it is not here; see `WikiText.find`."""
    return SOURCE.find(root)


def read(root: Path | None, progress: Progress | None) -> RawText:
    """Find or download, verify and number the set; see `WikiText.read`."""
    return SOURCE.read(root, progress)
