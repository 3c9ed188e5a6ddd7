import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from optbench.models import resnet, resnet_v2
from optbench.models._attention import Attention, ClassToken, Tokens
from optbench.models._layers import Concatenate, Residual, conv


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def test_a_residual_adds_its_shortcut():
    x = torch.randn(2, 3)
    assert torch.equal(Residual(Times(2))(x), 2 * x + x)
    assert torch.equal(Residual(Times(2), Times(5))(x), 2 * x + 5 * x)


def test_branches_are_joined_in_their_order_along_the_channels():
    x = torch.randn(2, 3, 4, 4)
    joined = Concatenate(Times(2), nn.Identity())(x)
    assert torch.equal(joined[:, :3], 2 * x)
    assert torch.equal(joined[:, 3:], x)


def test_a_convolution_of_uneven_sides_pads_each_side_for_itself():
    x = torch.zeros(1, 2, 9, 9)
    assert conv(2, 3, (1, 7))(x).shape == conv(2, 3, (7, 1))(x).shape == (1, 3, 9, 9)
    assert conv(2, 3, 3, same=False)(x).shape == (1, 3, 7, 7)
    assert conv(2, 3, 3, stride=2)(x).shape == (1, 3, 5, 5)
    assert conv(2, 3, (1, 7)).weight.shape == (3, 2, 1, 7)


def test_attention_against_torch_s():
    x, layer = torch.randn(2, 5, 12), Attention(12, heads=3)
    q, k, v = (part.unflatten(-1, (3, 4)).transpose(1, 2) for part in layer.qkv(x).chunk(3, dim=-1))
    expected = layer.out(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x), expected)


def test_tokens_are_a_class_token_and_the_patches_row_by_row_with_their_positions():
    layer, images = Tokens(3, 8, patch=4, patches=6), torch.randn(2, 3, 8, 12)
    tokens = layer(images) - layer.positions
    assert torch.equal(ClassToken()(layer(images)), (layer.class_token + layer.positions[:, :1])[:, 0].expand(2, -1))
    for number, (row, column) in enumerate((row, column) for row in (0, 4) for column in (0, 4, 8)):
        patch = images[:, :, row : row + 4, column : column + 4]
        expected = patch.flatten(1) @ layer.embed.weight.flatten(1).T + layer.embed.bias
        torch.testing.assert_close(tokens[:, 1 + number], expected)


def test_only_additions_lie_on_the_identity_s_path_in_resnet_50v2():
    block, x = resnet_v2._block(32, 8, stride=1), torch.randn(2, 32, 4, 4)
    assert isinstance(block, Residual)
    nn.init.zeros_(last_convolution(block).weight)
    assert torch.equal(block(x), x)


def test_a_projection_of_resnet_50v2_sees_what_the_body_sees():
    block, x = resnet_v2._block(16, 8, stride=2).eval(), torch.randn(2, 16, 4, 4)
    _, fork = block
    last = last_convolution(fork.body)
    nn.init.zeros_(last.weight)
    assert last.out_channels == 32
    torch.testing.assert_close(block(x), fork.shortcut(x.relu() / (1 + 1e-5) ** 0.5))
    strides = [layer.stride for layer in fork.modules() if isinstance(layer, nn.Conv2d)]
    assert strides == [(1, 1), (2, 2), (1, 1), (2, 2)]  # of the 3x3 and of the shortcut


def last_convolution(module):
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)][-1]


def test_the_blocks_of_resnet_project_only_where_the_shape_changes():
    def project(block):
        return not isinstance(block[0].shortcut, nn.Identity)

    assert [project(resnet._basic(*shape)) for shape in [(8, 8, 1), (8, 8, 2), (8, 16, 1)]] == [False, True, True]
    assert [project(resnet._bottleneck(*shape)) for shape in [(32, 8, 1), (8, 8, 1)]] == [False, True]
    block, x = resnet._basic(8, 8, 1).eval(), torch.randn(2, 8, 4, 4)
    nn.init.zeros_(last_convolution(block).weight)
    assert torch.equal(block(x), x.relu())  # the ReLU comes after the addition


def test_class_token_and_positions_start_from_a_unit_normal():
    layer = Tokens(3, 64, patch=4, patches=255)
    assert layer.positions.shape == (1, 256, 64)
    assert layer.class_token.shape == (1, 1, 64)
    assert abs(layer.positions.std().item() - 1) < 4 / (2 * 256 * 64) ** 0.5
    assert abs(layer.class_token.std().item() - 1) < 4 / (2 * 64) ** 0.5
