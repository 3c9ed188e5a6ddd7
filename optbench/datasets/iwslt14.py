"""IWSLT'14 German-English: 174 thousand sentences of TED talks, as the RAdam paper uses them.

M. Cettolo et al., "Report on the 11th IWSLT Evaluation Campaign" (2014). It is not downloaded: nobody has published a
checksum of it, and the papers prepare it. fairseq's `prepare-iwslt14.sh` does that (the README has the commands):
Moses' tokenizer, pairs of 1 to 175 words whose lengths differ by no more than half, lower case, 10,000 merges of
subword-nmt learnt on both languages; 160,239 pairs to train on, 7,283 (each 23rd) to validate, and 6,750 of dev2010,
TEDX.dev2012, tst2010, tst2011 and tst2012.

The files are `train.de`, `train.en`, `valid.de`, ..., in a folder `iwslt14` or `iwslt14.tokenized.de-en`; they are
cut already, which is `tokens = "given"`. So BLEU is over lower-cased, tokenised text, as it is in the papers. Both
languages share one list of subwords; fairseq's recipe has one for each (8,848 and 6,632). With `tokens =
"sentencepiece"` the folder may hold raw text instead.
"""

from pathlib import Path
from typing import Any

from optbench.datasets._base import Found, ParallelInfo, Progress, RawParallel
from optbench.datasets._pairs_options import fields
from optbench.datasets._pairs_source import PREPARE, PairsSource

VOCABULARY = 10_240  # above the 10,000 merges and single characters of the joined list, so that nothing is cut off

INFO = ParallelInfo(
    name="iwslt14",
    title="IWSLT'14, German and English TED talks",
    source="M. Cettolo et al. (2014), prepared by fairseq's examples/translation/prepare-iwslt14.sh",
    licence="TED talks: commonly given as CC BY-NC-ND 4.0",
    splits={"train": 160_239, "validation": 7283, "test": 6750},  # of the script's log
    languages=("de", "en"),
    vocabulary=VOCABULARY,
    sentence_tokens=23.6,  # English: 3,949,114 tokens with an end of each sentence, of fairseq's log
    checksum="",
    doc=__doc__,
    made_by_users=True,
    variants=True,
)

OPTIONS = fields(vocabulary=VOCABULARY, tokens="given")

SOURCE = PairsSource(INFO, OPTIONS, folders=("iwslt14", "iwslt14.tokenized.de-en"), remedy=PREPARE)


def find(root: Path | None, **options: Any) -> Found | None:
    """Return where the prepared files are, None if they are not here; see `PairsSource.find`."""
    return SOURCE.find(root, options)


def read(root: Path | None, progress: Progress | None, **options: Any) -> RawParallel:
    """Read the prepared files; see `PairsSource.read`."""
    return SOURCE.read(root, options)
