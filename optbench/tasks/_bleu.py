"""BLEU as sacrebleu computes it: a corpus score of one reference each, with the signature that says how.

Without options that is detokenised BLEU: translations as people write them, which sacrebleu splits itself ("13a", as
WMT's mteval-v13a does). Tokenised BLEU, as papers report it from `multi-bleu.perl` or fairseq, is "none" over text that
has been tokenised beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

TOKENIZERS = ("13a", "none", "intl", "char", "zh")
"""Those of sacrebleu that need no further package."""


def score(hypotheses: Sequence[str], references: Sequence[str], tokenize: str) -> float:
    """Return the corpus BLEU, 0 to 100.

    Raises:
        OptbenchError: sacrebleu is not installed.
    """
    return float(_metric(tokenize).corpus_score(list(hypotheses), [list(references)]).score)


def signature(tokenize: str) -> str:
    """Return sacrebleu's signature of `score`, such as nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0.

    Raises:
        OptbenchError: sacrebleu is not installed.
    """
    metric = _metric(tokenize)
    metric.corpus_score([""], [[""]])  # the signature has the number of references, known once something is scored
    return str(metric.get_signature())


def _metric(tokenize: str) -> BLEU:
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise OptbenchError("BLEU needs the package sacrebleu", "pip install 'optbench[text]'") from error
    # force: it shall not say that text looks tokenised, which is what "none" is for
    return BLEU(tokenize=tokenize, force=True)
