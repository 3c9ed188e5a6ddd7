"""GNMT, Google's neural machine translation, as NVIDIA made it: LSTMs with attention, from source to target.

    source (B, S)   embedding                                                        (B, S, hidden)
    encoder         LSTM in both directions, outputs side by side                    (B, S, 2 hidden)
                    LSTM                                                             (B, S, hidden)
                    LSTMs, the input of each added to its output
    target (B, T)   the same embedding                                               (B, T, hidden)
    decoder         LSTM
    attention       of that LSTM's output to the encoded source: the context         (B, T, hidden)
    decoder         LSTM of output and context                                       (B, T, hidden)
                    LSTMs of output and context, the output before each added to it
    logits          linear                                                           (B, T, vocabulary)

Attention is additive and normalised: softmax(g v^T / |v| tanh(W q + U k + b)). The encoder's last states are not handed
to the decoder, whose states start at 0. Dropout is of the input of every LSTM, 0.2. The embedding is shared by source
and target; the output has its own weights and a bias.

`gnmt-8` has 8 LSTM layers in all, 4 in either half (the first of the encoder counts as one), and `gnmt-16` has 16, 8 in
either half: XGrad says "8 LSTM layers" and "16 LSTM layers" and no more. Width, attention, dropout and residual
connections are those of NVIDIA's GNMT v2 for PyTorch (github.com/NVIDIA/DeepLearningExamples), whose default is 4 + 4
layers of 1,024, and which names the form of 8 + 8. With 32,000 subwords `gnmt-8` has 160,015,617 parameters and
`gnmt-16` 243,967,233.

Initialisation: everything U(-0.1, 0.1) but g = 1 / sqrt(hidden) and b = 0.

Sources: Y. Wu et al. (2016), "Google's neural machine translation system", arXiv:1609.08144; its attention is between
the decoder's last step and its next, which NVIDIA's is not. D. Bahdanau et al., arXiv:1409.0473, attention; T. Salimans
and D. P. Kingma, arXiv:1602.07868, its normalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register
from optbench.models._text_options import check_counts, check_shares

if TYPE_CHECKING:
    from torch import nn

PAPER = "arXiv:1609.08144"


@register(
    "gnmt-8",
    "GNMT with 8 LSTM layers, 4 + 4, hidden 1,024, and attention",
    kind="translation",
    paper=PAPER,
    parameters=160_015_617,
    vocabulary=32_000,
)
def gnmt_8(vocabulary: int, *, hidden: int = 1024, dropout: float = 0.2) -> nn.Module:
    """Return the network for ids below `vocabulary`; `hidden` is the width of every layer."""
    return _build(vocabulary, 4, hidden, dropout)


@register(
    "gnmt-16",
    "GNMT with 16 LSTM layers, 8 + 8, hidden 1,024, and attention",
    kind="translation",
    paper=PAPER,
    parameters=243_967_233,
    vocabulary=32_000,
)
def gnmt_16(vocabulary: int, *, hidden: int = 1024, dropout: float = 0.2) -> nn.Module:
    """Return the network for ids below `vocabulary`; `hidden` is the width of every layer."""
    return _build(vocabulary, 8, hidden, dropout)


def _build(vocabulary: int, layers: int, hidden: int, dropout: float) -> nn.Module:
    """Return the network of `layers` layers in either half.

    Raises:
        OptbenchError: the width is not a whole number of at least 1, or the dropout is not from 0 to below 1.
    """
    check_counts("gnmt", hidden=hidden)
    check_shares("gnmt", dropout=dropout)
    from optbench.models._gnmt import GNMT

    return GNMT(vocabulary, layers, hidden, dropout)
