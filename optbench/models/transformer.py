"""Transformers that translate: attention alone, from source to target, over subwords that both languages share.

    source (B, S)      embedding * sqrt(width) + position, dropout                      (B, S, width)
    encoder            layers of: self-attention; feed-forward network
    target (B, T)      embedding * sqrt(width) + position, dropout                      (B, T, width)
    decoder            layers of: self-attention to words before; attention to the encoder; feed-forward network
    logits             product with the embeddings, no bias                             (B, T, vocabulary)

Attention has `heads` heads of width / heads; queries, keys and values come out of one linear layer (of two where target
attends to source). The feed-forward network: linear, ReLU, linear, `feed_forward` wide between. Around each sublayer,
`norm` = "post" is layer norm(x + dropout(sublayer(x))), as the papers have it; "pre" is x + dropout(sublayer(layer
norm(x))), and a layer norm after the last layer of either half. `attention_dropout` is of the attention's weights and
`activation_dropout` of what follows the ReLU. What is padded is never attended to.

    form                layers  width  heads  feed-forward  dropout   parameters  with so many subwords
    transformer-base         6    512      8         2,048      0.1   63,082,496  37,000, as in the paper
    transformer-big          6  1,024     16         4,096      0.3  184,745,984   8,192, as in NovoGrad's
    transformer-iwslt        6    512      4         1,024      0.3   36,663,296  10,000, as in RAdam's
    transformer-small        2    128      4           256      0.1    1,046,528   3,000; ours, for a core or two
    transformer         base, with every size an option

`layers` is of the encoder, and as many again of the decoder. `matrices` = 1: source, target and output share one
embedding matrix, as in the Transformer's paper; 2: the source has its own; 3: each has its own, as in fairseq's recipe
for IWSLT'14, which RAdam follows. (fairseq's dictionaries there are one for each language; here one is shared.)

Sources: A. Vaswani et al. (2017), "Attention is all you need", arXiv:1706.03762: base and big; fairseq's
`transformer_iwslt_de_en`, of which RAdam states width, layers, heads, feed-forward network and dropout. Initialisation
is fairseq's of that time: embeddings N(0, 1 / width), linear layers uniform after Xavier, with queries, keys and values
taken as one layer, biases 0, layer norms 1 and 0. Positions are fairseq's and tensor2tensor's: all sines, then all
cosines, with wave lengths from 2 pi to 20,000 pi in a geometric row; the paper interleaves them. They count from 0;
fairseq's count from 2. A last layer norm is in neither half under "post", while torch.nn.Transformer has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.errors import OptbenchError
from optbench.models._base import register
from optbench.models._text_options import check_counts, check_shares

if TYPE_CHECKING:
    from torch import nn

PAPER = "arXiv:1706.03762"


@register(
    "transformer",
    "transformer that translates, every size an option",
    kind="translation",
    paper=PAPER,
    parameters=63_082_496,
    vocabulary=37_000,
)
def transformer(
    vocabulary: int,
    *,
    layers: int = 6,
    width: int = 512,
    heads: int = 8,
    feed_forward: int = 2048,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    activation_dropout: float = 0.0,
    norm: str = "post",
    matrices: int = 1,
) -> nn.Module:
    """Return the network for ids below `vocabulary`.

    Raises:
        OptbenchError: see `_build`.
    """
    return _build(
        vocabulary,
        layers,
        width,
        heads,
        feed_forward,
        dropout=dropout,
        attention_dropout=attention_dropout,
        activation_dropout=activation_dropout,
        norm=norm,
        matrices=matrices,
    )


@register(
    "transformer-base",
    "transformer that translates: 6 + 6 layers, width 512, 8 heads",
    kind="translation",
    paper=PAPER,
    parameters=63_082_496,
    vocabulary=37_000,
)
def base(
    vocabulary: int, *, dropout: float = 0.1, attention_dropout: float = 0.0, norm: str = "post", matrices: int = 1
) -> nn.Module:
    """Return the paper's base network."""
    drops = {"dropout": dropout, "attention_dropout": attention_dropout}
    return _build(vocabulary, 6, 512, 8, 2048, **drops, norm=norm, matrices=matrices)


@register(
    "transformer-big",
    "transformer that translates: 6 + 6 layers, width 1,024, 16 heads",
    kind="translation",
    paper=PAPER,
    parameters=184_745_984,
    vocabulary=8192,
)
def big(
    vocabulary: int, *, dropout: float = 0.3, attention_dropout: float = 0.0, norm: str = "post", matrices: int = 1
) -> nn.Module:
    """Return the paper's big network; the number of parameters is NovoGrad's, with 8,192 subwords."""
    drops = {"dropout": dropout, "attention_dropout": attention_dropout}
    return _build(vocabulary, 6, 1024, 16, 4096, **drops, norm=norm, matrices=matrices)


@register(
    "transformer-iwslt",
    "transformer that translates: 6 + 6 layers, width 512, 4 heads, feed-forward 1,024",
    kind="translation",
    paper=PAPER,
    parameters=36_663_296,
    vocabulary=10_000,
)
def iwslt(
    vocabulary: int, *, dropout: float = 0.3, attention_dropout: float = 0.0, norm: str = "post", matrices: int = 1
) -> nn.Module:
    """Return fairseq's network for IWSLT'14."""
    drops = {"dropout": dropout, "attention_dropout": attention_dropout}
    return _build(vocabulary, 6, 512, 4, 1024, **drops, norm=norm, matrices=matrices)


@register(
    "transformer-small",
    "transformer that translates: 2 + 2 layers, width 128, 4 heads",
    kind="translation",
    paper=PAPER,
    parameters=1_046_528,
    vocabulary=3000,
)
def small(
    vocabulary: int, *, dropout: float = 0.1, attention_dropout: float = 0.0, norm: str = "post", matrices: int = 1
) -> nn.Module:
    """Return a network that one core trains on Multi30k in a few minutes."""
    drops = {"dropout": dropout, "attention_dropout": attention_dropout}
    return _build(vocabulary, 2, 128, 4, 256, **drops, norm=norm, matrices=matrices)


def _build(
    vocabulary: int,
    layers: int,
    width: int,
    heads: int,
    feed_forward: int,
    *,
    dropout: float,
    attention_dropout: float,
    activation_dropout: float = 0.0,
    norm: str,
    matrices: int,
) -> nn.Module:
    """Return the network; what the arguments mean is said above.

    Raises:
        OptbenchError: a size is not a whole number of at least 1, or the heads do not divide the width, or the width is
            odd; a dropout is not from 0 to below 1; the norm or the number of matrices is unknown.
    """
    name = "transformer"
    check_counts(name, layers=layers, width=width, heads=heads, feed_forward=feed_forward, matrices=matrices)
    drops = {"dropout": dropout, "attention_dropout": attention_dropout, "activation_dropout": activation_dropout}
    check_shares(name, **drops)
    if width % heads or width % 2:
        raise OptbenchError(
            f"model '{name}' of width {width} with {heads} heads", "the width must be even and a multiple of the heads"
        )
    if norm not in ("post", "pre"):
        raise OptbenchError(f"model '{name}' with norm = {norm!r}", "it must be 'post' or 'pre'")
    if matrices > 3:
        raise OptbenchError(f"model '{name}' with matrices = {matrices}", "it must be 1, 2 or 3")
    from optbench.models._transformer import Transformer
    from optbench.models._transformer_layers import Form

    return Transformer(
        vocabulary, Form(layers, width, heads, feed_forward, pre=norm == "pre", matrices=matrices, **drops)
    )
