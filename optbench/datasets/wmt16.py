"""WMT'16 English-German: Europarl v7, Common Crawl and News Commentary v11, as the RAdam and XGrad papers use them.

O. Bojar et al., "Findings of the 2016 Conference on Machine Translation", https://aclanthology.org/W16-2301. Not
downloaded: the README has the commands that get or prepare it. Two preparations are in use, both tokenised by Moses
and cut by 32,000 merges of subword-nmt learnt on both languages, so that `tokens` is "given":

- Google's archive, which fairseq's recipe takes and RAdam with it: `train.tok.clean.bpe.32000` (4,500,966 pairs),
  `newstest2013.tok.bpe.32000` to validate, `newstest2014.tok.bpe.32000` as the test, and the 32,768 most frequent
  subwords;
- NVIDIA's `wmt16_en_de.sh` of its GNMT, which XGrad's is: `newstest_dev.tok.clean.bpe.32000` validates where it is
  there.

The files lie in a folder `wmt16`, `wmt16_en_de` or `wmt16_en_de_bpe32k`, in `en` and `de`; `train`, `valid` and
`test` do as names too. The XGrad paper writes 36 million pairs; that is likely 3.6 million, after NVIDIA's filter.
"""

from pathlib import Path
from typing import Any

from optbench.datasets._base import Found, ParallelInfo, Progress, RawParallel
from optbench.datasets._pairs_files import STEMS
from optbench.datasets._pairs_options import fields
from optbench.datasets._pairs_source import PREPARE, PairsSource

VOCABULARY = 32_768  # of fairseq's recipe for Google's archive

INFO = ParallelInfo(
    name="wmt16",
    title="WMT'16, English and German parliament, web and news",
    source="O. Bojar et al. (2016), https://www.statmt.org/wmt16/translation-task.html; prepared by Google or NVIDIA",
    licence="not stated in one place; each corpus has its own terms",
    splits={"train": 4_500_966, "validation": 3000, "test": 3003},  # of fairseq's log for Google's archive
    languages=("en", "de"),
    vocabulary=VOCABULARY,
    sentence_tokens=29.6,  # German: 137,628,246 tokens with an end of each sentence, of the same log
    checksum="",
    doc=__doc__,
    made_by_users=True,
    variants=True,
)

OPTIONS = fields(vocabulary=VOCABULARY, tokens="given")

SOURCE = PairsSource(
    INFO,
    OPTIONS,
    folders=("wmt16", "wmt16_en_de", "wmt16_en_de_bpe32k"),
    stems={
        "train": ("train.tok.clean.bpe.32000", *STEMS["train"]),
        "validation": (
            "newstest_dev.tok.clean.bpe.32000",
            "newstest2013.tok.bpe.32000",
            *STEMS["validation"],
        ),
        "test": ("newstest2014.tok.bpe.32000", *STEMS["test"]),
    },
    remedy=PREPARE,
)


def find(root: Path | None, **options: Any) -> Found | None:
    """Return where the prepared files are, None if they are not here; see `PairsSource.find`."""
    return SOURCE.find(root, options)


def read(root: Path | None, progress: Progress | None, **options: Any) -> RawParallel:
    """Read the prepared files; see `PairsSource.read`."""
    return SOURCE.read(root, options)
