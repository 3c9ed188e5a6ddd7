"""The models that translate, against torch's own Transformer, against loops over words, and against formulas."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, embedding, linear

from optbench import datasets, models
from optbench.errors import OptbenchError
from optbench.models import _translating

VOCABULARY = 19
TINY = {"layers": 2, "width": 16, "heads": 4, "feed_forward": 24}
MODELS = {
    "transformer-post": ("transformer", TINY),
    "transformer-pre": ("transformer", {**TINY, "norm": "pre"}),
    "transformer-matrices": ("transformer", {**TINY, "matrices": 3}),
    "gnmt-8": ("gnmt-8", {"hidden": 12}),
    "gnmt-16": ("gnmt-16", {"hidden": 6}),
}
TRANSLATORS = [name for name in models.names() if models.info(name).kind == "translation"]


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors gain nothing from threads, and lose much on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def build(name, seed=0, **more):
    """Return a model in float64 and eval mode, its parameters spread out so that no two words are alike."""
    model_name, options = MODELS[name]
    torch.manual_seed(seed)
    model = models.create(model_name, vocabulary=VOCABULARY, **options, **more).double().eval()
    if model_name.startswith("gnmt"):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(4)
    return model


def sentences():
    """Return sources of 3, 7 and 5 words with EOS, and targets of 5, 4 and 6 with BOS, padded."""
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(4, VOCABULARY, (3, 7), generator=generator)
    target = torch.randint(4, VOCABULARY, (3, 6), generator=generator)
    target[:, 0] = datasets.BOS
    for row, (s, t) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
        source[row, s - 1], source[row, s:], target[row, t:] = datasets.EOS, datasets.PAD, datasets.PAD
    return source, target


SOURCE_LENGTHS, TARGET_LENGTHS = (3, 7, 5), (5, 4, 6)


def real(logits):
    """Return the logits of what is not padding, one row after the other."""
    return torch.cat([row[:length] for row, length in zip(logits, TARGET_LENGTHS, strict=True)])


def test_padding_is_the_data_sets_padding():
    assert _translating.PAD == datasets.PAD


# torch.nn.Transformer


def torch_attention(ours, *parts):
    theirs = nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.in_proj_weight.data = torch.cat([part.weight for part in parts])
    theirs.in_proj_bias.data = torch.cat([part.bias for part in parts])
    theirs.out_proj.load_state_dict(ours.attend.out.state_dict())
    return theirs


def torch_layer(ours, cls, pre):
    theirs = cls(16, 4, 24, dropout=0.0, batch_first=True, norm_first=pre)
    theirs.self_attn = torch_attention(ours.attention, ours.attention.qkv)
    norms = [ours.around_attention.norm, ours.around_feed_forward.norm]
    if cls is nn.TransformerDecoderLayer:
        theirs.multihead_attn = torch_attention(ours.cross, ours.cross.q, ours.cross.kv)
        norms.insert(1, ours.around_cross.norm)
    for number, norm in enumerate(norms, start=1):
        getattr(theirs, f"norm{number}").load_state_dict(norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward[0].state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward[3].state_dict())
    return theirs


def torch_transformer(model, pre):
    """Return torch.nn.Transformer with copies of a model's weights."""
    norms = [nn.LayerNorm(16) if pre else None for _ in range(2)]
    example = nn.TransformerEncoderLayer(16, 4, 24, batch_first=True)
    encoder = nn.TransformerEncoder(example, 2, norm=norms[0], enable_nested_tensor=False)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 24, batch_first=True), 2, norm=norms[1])
    # it draws its weights anew, so they are copied after that
    whole = nn.Transformer(16, 4, custom_encoder=encoder, custom_decoder=decoder, batch_first=True)
    encoder.layers = nn.ModuleList(torch_layer(layer, nn.TransformerEncoderLayer, pre) for layer in model.encoder)
    decoder.layers = nn.ModuleList(torch_layer(layer, nn.TransformerDecoderLayer, pre) for layer in model.decoder)
    if pre:
        encoder.norm.load_state_dict(model.encoder_norm.state_dict())
        decoder.norm.load_state_dict(model.decoder_norm.state_dict())
    return whole.double()


def sinusoid(length, width):
    """Return fairseq's positions by their formula, a number at a time."""
    half = width // 2
    table = np.zeros((length, width))
    for place in range(length):
        for i in range(half):
            angle = place / 10_000 ** (i / (half - 1))
            table[place, i], table[place, half + i] = math.sin(angle), math.cos(angle)
    return torch.from_numpy(table)


@pytest.mark.parametrize("name", ["transformer-post", "transformer-pre", "transformer-matrices"])
def test_a_transformer_equals_torch_s(name):
    pre = name == "transformer-pre"
    model = build(name)
    with torch.no_grad():  # away from where they start, so that none of them can be left out
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    theirs = torch_transformer(model, pre).eval()
    source, target = sentences()
    first, second, last = (list(model.embeddings) * 3)[:3]
    x = 4 * embedding(source, first) + sinusoid(7, 16)
    y = 4 * embedding(target, second) + sinusoid(6, 16)
    hidden = theirs(
        x,
        y,
        tgt_mask=torch.ones(6, 6).triu(1).bool(),
        src_key_padding_mask=source == datasets.PAD,
        memory_key_padding_mask=source == datasets.PAD,
        tgt_key_padding_mask=target == datasets.PAD,
    )
    expected = linear(hidden, last)
    ours = model(source, target)
    torch.testing.assert_close(real(ours), real(expected), rtol=0, atol=2e-5)  # our positions are fp32
    weights = model.encoder[0].attention.qkv.weight, theirs.encoder.layers[0].self_attn.in_proj_weight
    labels = target.roll(-1, dims=1)
    labels[:, -1] = datasets.PAD
    gradients = []
    for logits, weight in zip((ours, expected), weights, strict=True):
        loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=datasets.PAD)
        gradients.append(torch.autograd.grad(loss, weight)[0])
    torch.testing.assert_close(*gradients, rtol=0, atol=2e-5)
    assert gradients[0].abs().max() > 1e-3


# GNMT


def gnmt_by_words(model, source, target):
    """Return the logits of one sentence (T, vocabulary): one word after the other, one key at a time."""

    def run(cell, inputs, state=None):
        """Run one LSTM layer by its equations."""
        h, c = state or (torch.zeros(cell.hidden_size).double(), torch.zeros(cell.hidden_size).double())
        outputs = []
        for x in inputs:
            gates = cell.weight_ih_l0 @ x + cell.bias_ih_l0 + cell.weight_hh_l0 @ h + cell.bias_hh_l0
            i, f, g, o = gates.chunk(4)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return outputs

    encoder, attention = model.encoder, model.attention
    x = [model.embedding.weight[word] for word in source]
    ahead, back = run(encoder.ahead, x), run(encoder.back, x[::-1])[::-1]
    x = run(encoder.second, [torch.cat(both) for both in zip(ahead, back, strict=True)])
    for layer in encoder.rest:
        x = [a + b for a, b in zip(x, run(layer, x), strict=True)]
    memory = x

    def context(query):
        direction = attention.scale * attention.direction / attention.direction.square().sum().sqrt()
        scores = torch.stack(
            [
                direction @ (attention.query.weight @ query + attention.key.weight @ k + attention.key.bias).tanh()
                for k in memory
            ]
        )
        weights = scores.exp() / scores.exp().sum()
        return sum(weight * k for weight, k in zip(weights, memory, strict=True))

    first = run(model.decoder[0], [model.embedding.weight[word] for word in target])
    contexts = [context(query) for query in first]
    x = first
    for depth, layer in enumerate(model.decoder[1:], start=1):
        y = run(layer, [torch.cat(both) for both in zip(x, contexts, strict=True)])
        x = [a + b for a, b in zip(x, y, strict=True)] if depth > 1 else y
    return torch.stack([model.output.weight @ each + model.output.bias for each in x])


@pytest.mark.parametrize("name", ["gnmt-8", "gnmt-16"])
def test_gnmt_equals_its_equations_word_by_word(name):
    model = build(name)
    source, target = sentences()
    with torch.no_grad():
        model.attention.key.bias.uniform_(-1, 1)
        ours = model(source, target)
        for row, (s, t) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
            expected = gnmt_by_words(model, source[row, :s].tolist(), target[row, :t].tolist())
            torch.testing.assert_close(ours[row, :t], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["gnmt-8", "gnmt-16"])
def test_gnmt_s_first_encoder_layer_is_a_packed_bidirectional_lstm(name):
    encoder = build(name).encoder
    width = encoder.ahead.hidden_size
    theirs = nn.LSTM(width, width, batch_first=True, bidirectional=True).double()
    theirs.load_state_dict(
        encoder.ahead.state_dict() | {f"{key}_reverse": value for key, value in encoder.back.state_dict().items()}
    )
    x, lengths = torch.randn(3, 7, width).double(), torch.tensor(SOURCE_LENGTHS)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    back = _translating.reversed_rows(encoder.back(_translating.reversed_rows(x, lengths))[0], lengths)
    ours = torch.cat((encoder.ahead(x)[0], back), dim=2)
    for row, length in enumerate(SOURCE_LENGTHS):
        torch.testing.assert_close(ours[row, :length], expected[row, :length])


# every model


@pytest.fixture(scope="module", params=MODELS, name="model")
def _model(request):
    return build(request.param)


def stepped(model, source, target, order=None):
    """Return the logits word by word; the state's rows are put into another order between words, and back."""
    state, logits = model.encode(source), []
    for word in target.T:
        if order is not None:
            state = model.reorder(model.reorder(state, order), order.argsort())
        step, state = model.step(word, state)
        assert all(len(part) == len(source) for part in state)
        logits.append(step)
    return torch.stack(logits, dim=1)


@torch.no_grad()
def test_word_by_word_gives_the_same_logits(model):
    source, target = sentences()
    expected = model(source, target)
    assert expected.shape == (3, 6, VOCABULARY)
    for order in (None, torch.tensor([2, 0, 1])):
        torch.testing.assert_close(stepped(model, source, target, order), expected, rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_rows_of_a_state_can_be_repeated_and_dropped(model):
    source, target = sentences()
    _, state = model.step(target[:, 0], model.encode(source))
    rows = torch.tensor([2, 2, 0])
    chosen, _ = model.step(target[rows, 1], model.reorder(state, rows))
    every, _ = model.step(target[:, 1], state)
    torch.testing.assert_close(chosen, every[rows])


@torch.no_grad()
def test_padding_changes_nothing(model):
    source, target = sentences()
    together = model(source, target)
    wide = [torch.cat((each, torch.full((3, 4), datasets.PAD)), dim=1) for each in (source, target)]
    torch.testing.assert_close(real(model(*wide)), real(together), rtol=1e-10, atol=1e-10)
    for row, (s, t) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
        alone = model(source[row : row + 1, :s], target[row : row + 1, :t])
        torch.testing.assert_close(alone[0], together[row, :t], rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_no_word_sees_those_after_it_and_every_one_sees_the_whole_source(model):
    source, target = sentences()
    expected = model(source, target)
    changed = target.clone()
    changed[:, 3] = (target[:, 3] - 4 + 5) % (VOCABULARY - 4) + 4
    logits = model(source, changed)
    assert torch.equal(logits[:, :3], expected[:, :3])
    assert not torch.isclose(logits[:, 3], expected[:, 3]).all(dim=1).any()
    for place in range(2):
        other = source.clone()
        other[:, place] = (source[:, place] - 4 + 5) % (VOCABULARY - 4) + 4
        assert not torch.isclose(real(model(other, target)), real(expected), rtol=1e-8).all(dim=1).any()


@pytest.mark.parametrize("name", MODELS)
def test_dropout_is_of_training_alone_and_weights_are_the_seed_s(name):
    source, target = sentences()
    model, twin = build(name), build(name)
    with torch.no_grad():
        expected = model(source, target)
        assert torch.equal(twin(source, target), expected)
        twin.train()
        assert not torch.allclose(twin(source, target), expected)
    twin.load_state_dict(build(name, seed=1).state_dict())
    assert not torch.allclose(twin.eval()(source, target), expected)
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin(source, target), expected)


@pytest.mark.parametrize("name", MODELS)
def test_bf16_autocast_stays_close_and_trains(name):
    model = build(name).float()
    source, target = sentences()
    with torch.no_grad():
        expected = real(model(source, target))
        with torch.autocast("cpu", torch.bfloat16):
            low, by_words = real(model(source, target)).float(), real(stepped(model, source, target)).float()
    for each in (low, by_words):
        assert (each - expected).abs().max() < 0.1 * expected.std() + 0.02
    with torch.autocast("cpu", torch.bfloat16):
        logits = model.train()(source, target)
    loss = cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=datasets.PAD)
    for gradient in torch.autograd.grad(loss, list(model.parameters())):
        assert gradient.dtype is torch.float32
        assert gradient.isfinite().all()


# sizes, first weights, options


def transformer_size(vocabulary, layers, width, feed_forward, matrices=1):
    """Return the number of parameters of a Transformer with layer norm after each sum."""
    attention = 4 * (width**2 + width)
    network = 2 * width * feed_forward + feed_forward + width
    norm = 2 * width
    encoder = attention + network + 2 * norm
    decoder = 2 * attention + network + 3 * norm
    return matrices * vocabulary * width + layers * (encoder + decoder)


def gnmt_size(vocabulary, layers, hidden):
    """Return the number of parameters with so many layers in either half."""

    def lstm(width):
        return 4 * hidden * (width + hidden + 2)

    encoder = 2 * lstm(hidden) + lstm(2 * hidden) + (layers - 2) * lstm(hidden)
    decoder = lstm(hidden) + (layers - 1) * lstm(2 * hidden)
    attention = 2 * hidden**2 + 2 * hidden + 1
    return 2 * vocabulary * hidden + vocabulary + encoder + decoder + attention


SIZES = {
    "gnmt-8": gnmt_size(32_000, 4, 1024),
    "gnmt-16": gnmt_size(32_000, 8, 1024),
    "transformer": transformer_size(37_000, 6, 512, 2048),
    "transformer-base": transformer_size(37_000, 6, 512, 2048),
    "transformer-big": transformer_size(8192, 6, 1024, 4096),
    "transformer-iwslt": transformer_size(10_000, 6, 512, 1024),
    "transformer-small": transformer_size(3000, 2, 128, 256),
}


def size(name, **options):
    with torch.device("meta"):
        model = models.create(name, vocabulary=models.info(name).vocabulary, **options)
    return sum(parameter.numel() for parameter in model.parameters())


def test_every_model_has_its_size_by_hand():
    assert sorted(SIZES) == TRANSLATORS


@pytest.mark.parametrize("name", TRANSLATORS)
def test_the_number_of_parameters(name):
    assert size(name) == models.info(name).parameters == SIZES[name]


def test_the_numbers_that_papers_print():
    assert f"{SIZES['transformer-big'] / 1e6:.0f}M" == "185M"  # NovoGrad, section 4.5
    with torch.device("meta"):
        big = models.create("transformer-big", vocabulary=37_000)
    assert sum(p.numel() for p in big.parameters()) / 1e6 == pytest.approx(213, rel=0.01)  # Vaswani et al., Table 3
    assert SIZES["transformer-base"] / 1e6 == pytest.approx(65, rel=0.03)  # likewise, rounded up there


def test_sizes_with_options():
    assert size("transformer-small", matrices=3) == transformer_size(3000, 2, 128, 256, matrices=3)
    assert size("transformer-small", norm="pre") == SIZES["transformer-small"] + 2 * 2 * 128
    assert size("transformer", layers=1, width=8, heads=2, feed_forward=4) == transformer_size(37_000, 1, 8, 4)
    assert size("gnmt-8", hidden=5) == gnmt_size(32_000, 4, 5)


def spread(parameter):
    return parameter.min().item(), parameter.max().item()


def test_a_transformer_starts_as_fairseq_s():
    torch.manual_seed(0)
    model = models.create("transformer", vocabulary=500, layers=1, width=64, heads=4, feed_forward=96)
    assert model.embeddings[0].std().item() == pytest.approx(64**-0.5, rel=0.02)
    layer = model.decoder[0]
    joined = math.sqrt(6 / (64 + 3 * 64))
    for part, bound in (
        (layer.attention.qkv, joined),
        (layer.cross.q, joined),
        (layer.cross.kv, joined),
        (layer.attention.attend.out, math.sqrt(6 / 128)),
        (layer.feed_forward[0], math.sqrt(6 / 160)),
        (layer.feed_forward[3], math.sqrt(6 / 160)),
    ):
        assert spread(part.weight) == pytest.approx((-bound, bound), rel=0.01)
        assert not part.bias.any()


def test_gnmt_starts_as_nvidia_s():
    torch.manual_seed(0)
    model = models.create("gnmt-8", vocabulary=500, hidden=64)
    for name, parameter in model.named_parameters():
        if name == "attention.scale":
            assert parameter.item() == 0.125
        elif name == "attention.key.bias":
            assert not parameter.any()
        else:
            low, high = spread(parameter)
            assert -0.1 <= low < -0.08 and 0.08 < high <= 0.1, name


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("transformer", {"layers": 0}, "layers = 0; it must be a whole number of at least 1"),
        ("transformer", {"width": 30, "heads": 4}, "width 30 with 4 heads; the width must be even and a multiple of"),
        ("transformer", {"width": 9, "heads": 3}, "width 9 with 3 heads"),
        ("transformer-small", {"dropout": 1.0}, "dropout = 1.0; it must be a number of at least 0 and below 1"),
        ("transformer-iwslt", {"norm": "before"}, "norm = 'before'; it must be 'post' or 'pre'"),
        ("transformer-base", {"matrices": 4}, "matrices = 4; it must be 1, 2 or 3"),
        ("transformer-big", {"layers": 7}, "model 'transformer-big' has no option 'layers'"),
        ("gnmt-8", {"hidden": 0.5}, "hidden = 0.5; it must be a whole number"),
        ("gnmt-16", {"dropout": -0.1}, "dropout = -0.1; it must be a number of at least 0"),
    ],
)
def test_options_that_will_not_do(name, options, message):
    with pytest.raises(OptbenchError, match=message):
        models.create(name, vocabulary=10, **options)
