"""ViT, a vision transformer, for 32x32 images: 64 patches of 4x4 pixels and a class token through six blocks.

    input           in x 32 x 32
    patches         conv 4x4, stride 4      64 tokens of 512
    tokens          class token before them, position added, dropout 0.1        65 x 512
    6 blocks        x + attention(layer norm(x)), then x + MLP(layer norm(x))   65 x 512
    class token     layer norm, linear 512 -> classes                           logits

Attention: 8 heads of 64; one linear layer without bias makes queries, keys and values; the heads' outputs go through a
linear layer and dropout 0.1. MLP: linear 512 -> 512, GELU, dropout 0.1, linear 512 -> 512, dropout 0.1.

9,523,722 parameters with three channels and ten classes. Initialisation: class token and positions N(0, 1), the rest
torch's defaults, U(-1/sqrt(fan_in), 1/sqrt(fan_in)), layer norms 1 and 0.

Source: A. Dosovitskiy et al. (2020), "An image is worth 16x16 words", arXiv:2010.11929, in the form of
github.com/lucidrains/vit-pytorch. XGrad states 6 blocks, patch 4, 8 heads, MLP 512, and dropout 0.1 in the blocks and
after the embedding. It leaves out the token dimension, the head dimension and the pooling; they are those of
github.com/kentaroy47/vision-transformers-cifar10, whose default network is all that XGrad states.

Other image sizes that 4 divides are taken; they change the number of positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.models._base import register

if TYPE_CHECKING:
    from torch import nn

PATCH = 4  # pixels, height and width
WIDTH = 512  # of a token
BLOCKS = 6
HEADS = 8
MLP = 512  # width of an MLP's hidden layer
DROPOUT = 0.1


@register(
    "vit",
    "vision transformer, 6 blocks, patch 4, for 32x32 images",
    paper="arXiv:2010.11929",
    parameters=9_523_722,
    input_shape=(3, 32, 32),
    classes=10,
    smallest=PATCH,
    multiple=PATCH,
)
def build(in_channels: int, classes: int, image_size: int) -> nn.Module:
    """Return the network for images of (in_channels, image_size, image_size)."""
    from torch import nn

    from optbench.models._attention import Attention, ClassToken, Tokens
    from optbench.models._layers import Residual, stack

    def block() -> nn.Module:
        attention = nn.Sequential(nn.LayerNorm(WIDTH), Attention(WIDTH, HEADS), nn.Dropout(DROPOUT))
        mlp = nn.Sequential(
            nn.LayerNorm(WIDTH),
            nn.Linear(WIDTH, MLP),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(MLP, WIDTH),
            nn.Dropout(DROPOUT),
        )
        return nn.Sequential(Residual(attention), Residual(mlp))

    return stack(
        tokens=Tokens(in_channels, WIDTH, patch=PATCH, patches=(image_size // PATCH) ** 2),
        dropout=nn.Dropout(DROPOUT),
        blocks=nn.Sequential(*(block() for _ in range(BLOCKS))),
        head=nn.Sequential(ClassToken(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, classes)),
    )
