"""Transformer-XL against sums over pairs of tokens, and against itself without segments."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import layer_norm

from optbench import models
from optbench.errors import OptbenchError
from optbench.models._transformer_xl import RelativeAttention, distances, shifted

VOCABULARY = 13


def create(**options):
    torch.manual_seed(0)
    sizes = {"layers": 2, "width": 8, "heads": 2, "inner": 12, "memory": 30, "cutoffs": "4/9"}
    model = models.create("transformer-xl", vocabulary=VOCABULARY, **sizes | options).double()
    for parameter in model.parameters():  # initial weights are so small that all tokens look alike
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


def text(time, batch=3):
    torch.manual_seed(1)
    return torch.randint(VOCABULARY, (time + 1, batch))


def nats_of(model, tokens, lengths):
    """Return the nats of a text that is read in segments of these lengths, and the memory at its end."""
    state, found, at = model.begin(tokens.shape[1]), [], 0
    for length in lengths:
        nats, state, _ = model(tokens[at : at + length], tokens[at + 1 : at + length + 1], state)
        found.append(nats)
        at += length
    return torch.cat(found), state


def test_the_number_of_parameters_by_hand():
    with torch.device("meta"):
        model = models.create("transformer-xl", vocabulary=267_735)
    attention = 512 * (3 * 512) + 2 * 512 * 512 + 2 * 512
    mlp = 512 * 2048 + 2048 + 2048 * 512 + 512 + 2 * 512
    head = 267_735 + 3 * 512 + 3
    by_hand = 267_735 * 512 + 16 * (attention + mlp) + head + 2 * 512
    assert sum(p.numel() for p in model.parameters()) == models.info("transformer-xl").parameters == by_hand
    assert by_hand // 1_000_000 == 191  # NovoGrad, section 4.6


@pytest.mark.parametrize("remembered", [0, 1, 4])
def test_relative_attention_pair_by_pair(remembered):
    torch.manual_seed(0)
    batch, queries, width, heads, d = 2, 5, 8, 2, 4
    layer = RelativeAttention(width, heads, drop=0.0).double()
    context = torch.randn(batch, remembered + queries, width, dtype=torch.float64)
    u, w = torch.randn(2, heads, d, dtype=torch.float64)
    away = distances(context.shape[1], width, context)
    found = layer(context[:, remembered:], context, away, u, w)
    w_q, w_k, w_v = layer.qkv.weight.view(3, heads, d, width)
    w_r = layer.distance.weight.view(heads, d, width)
    expected = torch.zeros(batch, queries, heads, d, dtype=torch.float64)
    for b in range(batch):
        for h in range(heads):
            for i in range(queries):
                q = w_q[h] @ context[b, remembered + i]
                scores = []
                for j in range(remembered + i + 1):  # the past, and itself
                    n = remembered + i - j
                    angles = torch.tensor([n * 10000 ** (-2 * k / width) for k in range(width // 2)])
                    r = w_r[h] @ torch.cat((angles.sin(), angles.cos())).double()
                    scores.append(((q + u[h]) @ (w_k[h] @ context[b, j]) + (q + w[h]) @ r) / d**0.5)
                weights = torch.stack(scores).softmax(dim=0)
                expected[b, i, h] = sum(p * (w_v[h] @ context[b, j]) for j, p in enumerate(weights))
    torch.testing.assert_close(found, layer.out(expected.flatten(2)), rtol=1e-6, atol=1e-6)


def test_the_whole_model_from_its_attention():
    model, tokens = create(cutoffs=""), text(5)
    x = 8**0.5 * model.embedding.weight[tokens[:-1].T]
    for layer in model.layers:
        attended = layer.attention(x, x, distances(5, 8, x), model.content_bias, model.distance_bias)
        norm = layer.attention_norm
        x = layer_norm(x + attended, (8,), norm.weight, norm.bias)
        first, second, norm = layer.mlp[0], layer.mlp[3], layer.mlp_norm
        moved = (x @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias
        x = layer_norm(x + moved, (8,), norm.weight, norm.bias)
    logits = x @ model.embedding.weight.T + model.head.bias
    expected = -logits.log_softmax(dim=2).gather(2, tokens[1:].T[..., None])[..., 0].T
    torch.testing.assert_close(nats_of(model, tokens, [5])[0], expected.float(), rtol=1e-5, atol=1e-6)


@given(st.integers(1, 6), st.integers(0, 6))
def test_the_shift_puts_each_distance_under_its_key(queries, remembered):
    keys = queries + remembered
    scores = torch.arange(2 * queries * keys, dtype=torch.float64).view(2, queries, keys)
    found = shifted(scores)
    for i in range(queries):
        for j in range(remembered + i + 1):
            distance = remembered + i - j
            assert torch.equal(found[:, i, j], scores[:, i, keys - 1 - distance])


@given(st.lists(st.integers(1, 7), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_with_memory_segments_make_no_difference(lengths):
    model, tokens = create(), text(sum(lengths))
    with torch.no_grad():
        whole, memory = nats_of(model, tokens, [sum(lengths)])
        parts, remembered = nats_of(model, tokens, lengths)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(remembered, memory)


def test_the_memory_is_the_last_inputs_of_each_layer():
    model, tokens = create(memory=6), text(20)
    inputs = [[] for _ in model.layers]
    for number, layer in enumerate(model.layers):
        layer.register_forward_hook(lambda _, given, __, number=number: inputs[number].append(given[0]))
    _, state = nats_of(model, tokens, [4, 4, 5])
    for remembered, all_inputs in zip(state, inputs, strict=True):
        assert torch.equal(remembered, torch.cat(all_inputs, dim=1)[:, -6:])
    assert [part.shape for part in nats_of(model, tokens, [2])[1]] == [(3, 2, 8)] * 2
    assert all(part.shape == (3, 0, 8) for part in model.begin(3))


@pytest.mark.parametrize("changed", [4, 9])
def test_a_token_is_seen_by_those_after_it_alone_and_only_as_far_as_the_memory_reaches(changed):
    model, tokens = create(layers=1, memory=3), text(12)
    other = tokens.clone()
    other[changed] = (other[changed] + 1) % VOCABULARY
    (ours, _), (theirs, _) = nats_of(model, tokens, [1] * 12), nats_of(model, other, [1] * 12)
    same = [torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)]
    # the one before it has it as its target
    assert [at for at, equal in enumerate(same) if not equal] == list(range(changed - 1, min(changed + 4, 12)))


def test_gradients_flow_into_a_memory_that_is_not_detached():
    model, tokens = create(), text(8)
    _, state, _ = model(tokens[:4], tokens[1:5], model.begin(3))
    model(tokens[4:8], tokens[5:9], state)[0].sum().backward()
    attached = model.embedding.weight.grad.clone()
    model.zero_grad()
    model(tokens[4:8], tokens[5:9], tuple(part.detach() for part in state))[0].sum().backward()
    assert not torch.allclose(attached, model.embedding.weight.grad)


def test_initial_weights():
    torch.manual_seed(0)
    model = models.create("transformer-xl", vocabulary=500, layers=1, width=64, inner=64, cutoffs="9")
    for name, parameter in model.named_parameters():
        if name.endswith("norm.weight"):
            assert abs(parameter.mean().item() - 1) < 0.02
        if name.endswith(("norm.weight", "qkv.weight", "embedding.weight", "t_bias", "symbols", "mlp.0.weight")):
            assert parameter.std().item() == pytest.approx(0.02, rel=0.35), name
        if name in ("head.bias", "head.symbols_bias") or name.endswith(("norm.bias", "mlp.0.bias", "mlp.3.bias")):
            assert not parameter.any(), name


def test_dropout_is_drawn_in_train_mode_alone():
    model, tokens = create(), text(6)
    assert torch.equal(nats_of(model, tokens, [6])[0], nats_of(model, tokens, [6])[0])
    model.train()
    assert not torch.equal(nats_of(model, tokens, [6])[0], nats_of(model, tokens, [6])[0])


def test_a_width_that_the_heads_do_not_divide_is_an_error():
    with pytest.raises(
        OptbenchError, match="width = 8 and heads = 3; the width must be even and a multiple of the heads"
    ):
        create(heads=3)
