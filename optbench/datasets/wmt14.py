"""WMT'14 English-German: Europarl v7, Common Crawl and News Commentary v9, as the NovoGrad paper uses them.

O. Bojar et al., "Findings of the 2014 Workshop on Statistical Machine Translation",
https://aclanthology.org/W14-3302. Not downloaded: the README has the commands that prepare it. The paper has 8,192
subwords that both languages share, and scores newstest2014 detokenised (SacreBLEU) and tokenised; it does not say how
it cleans the text. Here it is raw, and sentencepiece learns the subwords: 4,520,620 pairs (1,920,209 + 2,399,123 +
201,288), of which those with a blank side are left out; newstest2013 validates, the full newstest2014 is the test.

The files are `train.en`, `train.de`, `valid.en` (or `newstest2013.en`), `test.en` (or `newstest2014.en`), ..., in a
folder `wmt14` or `wmt14_en_de`. A folder that is cut by subword-nmt, as fairseq's `prepare-wmt14en2de.sh` leaves it,
is read with `tokens = "given"`.
"""

from pathlib import Path
from typing import Any

from optbench.datasets._base import Found, ParallelInfo, Progress, RawParallel
from optbench.datasets._pairs_files import STEMS
from optbench.datasets._pairs_options import fields
from optbench.datasets._pairs_source import PREPARE, PairsSource

VOCABULARY = 8192  # the NovoGrad paper's

INFO = ParallelInfo(
    name="wmt14",
    title="WMT'14, English and German parliament, web and news",
    source="O. Bojar et al. (2014), https://www.statmt.org/wmt14/translation-task.html",
    licence="not stated in one place; each corpus has its own terms",
    splits={"train": 4_520_620, "validation": 3000, "test": 3003},
    languages=("en", "de"),
    vocabulary=VOCABULARY,
    # 29.6 with 32,000 merges (see wmt16); nobody has published it for 8,192
    sentence_tokens=33.0,
    checksum="",
    doc=__doc__,
    made_by_users=True,
    variants=True,
)

OPTIONS = fields(vocabulary=VOCABULARY)

SOURCE = PairsSource(
    INFO,
    OPTIONS,
    folders=("wmt14", "wmt14_en_de"),
    stems={
        "train": STEMS["train"],
        "validation": (*STEMS["validation"], "newstest2013"),
        "test": (*STEMS["test"], "newstest2014"),
    },
    remedy=PREPARE,
)


def find(root: Path | None, **options: Any) -> Found | None:
    """Return where the prepared files are, None if they are not here; see `PairsSource.find`."""
    return SOURCE.find(root, options)


def read(root: Path | None, progress: Progress | None, **options: Any) -> RawParallel:
    """Read the prepared files; see `PairsSource.read`."""
    return SOURCE.read(root, options)
