"""Transformer-XL: a transformer that reads text in segments and remembers the layers' inputs of the segments before.

    input           tokens                                      time x batch
    embedding       vocabulary -> 512, times sqrt(512), dropout
    16 layers       x = layer norm(x + relative attention over memory and x)
                    x = layer norm(x + MLP 512 -> 2048 -> 512, ReLU)
    softmax         dropout, adaptive, tied to the embedding    logits, of which -ln p(target) is returned, in nats

The score of query i for key j (memory and segment up to i, distance i - j >= 0) in each of 8 heads of d = 64 is

    ((q_i + u) k_j + (q_i + w) (W_r R_(i-j))) / sqrt(d)

with R_n = (sin(n f), cos(n f)), f = 10000^(-2k/512), k = 0 to 255, and u and w learned, shared by all layers. A layer
has one matrix for queries, keys and values, W_r and an output matrix, all without bias. Dropout 0.15 after attention,
inside and after the MLP, on embeddings, on R and before the softmax; none on the attention's weights.

The state is each layer's inputs at the last `memory` tokens (fewer at first). Where it is not detached, gradients flow
into the past; the task detaches it.

191,950,298 parameters with 267,735 tokens, WikiText-103's. Initialisation: N(0, 0.02^2) for matrices, embedding, u, w
and the clusters' vectors, N(1, 0.02^2) for the scale of layer norms, 0 for biases.

Source: Z. Dai et al. (2019), "Transformer-XL: attentive language models beyond a fixed-length context",
arXiv:1901.02860, in the form of github.com/kimiyoung/transformer-xl (attention type 0, div_val 1, the cut-offs of its
`wt103`). Sizes and dropout are NovoGrad's (section 4.6: 16 layers, 512, 8 heads, 2048, dropout 0.15, sequence length
512). NovoGrad states no length of the memory; here it is the segment's, 512, as in the scripts of that code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.errors import OptbenchError
from optbench.models._base import register
from optbench.models._text_options import check_counts, check_shares, read_cutoffs

if TYPE_CHECKING:
    from torch import nn

NAME = "transformer-xl"


@register(
    NAME,
    "Transformer-XL language model, 16 layers of 512 with memory",
    kind="language",
    paper="arXiv:1901.02860",
    parameters=191_950_298,
    vocabulary=267_735,
)
def build(
    vocabulary: int,
    *,
    layers: int = 16,
    width: int = 512,
    heads: int = 8,
    inner: int = 2048,
    dropout: float = 0.15,
    dropout_attention: float = 0.0,
    memory: int = 512,
    cutoffs: str = "20000/40000/200000",
) -> nn.Module:
    """Return the network for tokens 0 to `vocabulary` - 1, the most frequent first."""
    from optbench.models._transformer_xl import TransformerXl

    check_counts(NAME, layers=layers, width=width, heads=heads, inner=inner, memory=memory)
    check_shares(NAME, dropout=dropout, dropout_attention=dropout_attention)
    if width % 2 or width % heads:
        raise OptbenchError(
            f"model '{NAME}' with width = {width} and heads = {heads}",
            "the width must be even and a multiple of the heads",
        )
    return TransformerXl(
        vocabulary,
        layers,
        width,
        heads,
        inner,
        drop=dropout,
        drop_attention=dropout_attention,
        memory=memory,
        cutoffs=read_cutoffs(NAME, cutoffs, vocabulary),
    )
