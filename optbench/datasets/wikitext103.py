"""WikiText-103: 28,475 of Wikipedia's good and featured articles, 103 million tokens.

S. Merity, C. Xiong, J. Bradbury and R. Socher, "Pointer Sentinel Mixture Models" (2016), arXiv:1609.07843.

Case, punctuation and numbers are kept; words that come less than three times are `<unk>` in the files. A token is what
white space separates, and `<eos>` is one after each line, blank lines and headings too. Ids are those of
Transformer-XL's `utils/vocabulary.py`: the tokens of train, the most frequent first, so that they suit the cut-offs of
adaptive softmax.

Only an MD5 of the archive is published. Its three files, unpacked in a folder `wikitext-103`, are read too, and count
as other bytes: of them there is no checksum to compare with.
"""

from pathlib import Path

from optbench.datasets._base import Found, Progress, RawText, TextInfo
from optbench.datasets._corpus_vocabulary import by_count
from optbench.datasets._corpus_wikitext import LICENCE, WikiText

SOURCE = WikiText(
    name="wikitext103",
    folder="wikitext-103",
    archive="wikitext-103-v1.zip",
    archive_bytes=190_229_076,
    md5="9ddaacaf6af0710eda8c456decff7832",  # torchtext's `wikitext103.py`, the lines too
    lines={"train": 1_801_350, "validation": 3_760, "test": 4_358},
    file_bytes=1 << 30,
    number=by_count,
    known=("train",),
    mirrors=("https://wikitext.smerity.com/",),  # the authors' own place on S3 answers no more
)

INFO = TextInfo(
    name="wikitext103",
    title="WikiText-103, articles of Wikipedia, word by word",
    source="S. Merity et al. (2016), arXiv:1609.07843",
    licence=LICENCE,
    splits={"train": 103_227_021, "validation": 217_646, "test": 245_569},
    vocabulary=267_735,
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
