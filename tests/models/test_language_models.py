"""The recurrent language models against torch.nn.LSTM, torch.nn.AdaptiveLogSoftmaxWithLoss and computations by hand."""

import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy, dropout, linear

from optbench import models
from optbench.errors import OptbenchError
from optbench.models._adaptive_softmax import Softmax, TiedSoftmax
from optbench.models._lstm import Lstm

SMALL = {
    "lstm": {"embedding": 5, "hidden": 7},
    "awd-lstm": {"embedding": 5, "hidden": 7},
    "lstm-2048": {"embedding": 5, "hidden": 16, "cutoffs": "4/9"},
    "transformer-xl": {"layers": 2, "width": 8, "heads": 2, "inner": 12, "memory": 6, "cutoffs": "4/9"},
}
VOCABULARY = 13
OFF = {
    "dropout": 0.0,
    "dropout_hidden": 0.0,
    "dropout_input": 0.0,
    "dropout_embedding": 0.0,
    "weight_drop": 0.0,
    "alpha": 0.0,
    "beta": 0.0,
}


def create(name, seed=0, **options):
    torch.manual_seed(seed)
    return models.create(name, vocabulary=VOCABULARY, **SMALL[name] | options)


def windows(count=2, time=4, batch=3):
    """Return windows of a text: (tokens, targets) that follow each other."""
    torch.manual_seed(1)
    text = torch.randint(VOCABULARY, (count * time + 1, batch))
    return [(text[at : at + time], text[at + 1 : at + time + 1]) for at in range(0, count * time, time)]


def size(name, vocabulary=None, **options):
    with torch.device("meta"):
        model = models.create(name, vocabulary=vocabulary or models.info(name).vocabulary, **options)
    return sum(p.numel() for p in model.parameters())


def lstm_size(*widths):
    """Return the numbers of LSTM layers: four gates, each with inputs, hidden state and two biases."""
    return sum(4 * o * (i + o + 2) for i, o in itertools.pairwise(widths))


def test_the_numbers_of_parameters_by_hand():
    for layers in (1, 2, 3):
        by_hand = 10_000 * 650 + lstm_size(*[650] * (layers + 1)) + 651 * 10_000
        assert size("lstm", layers=layers) == by_hand
    assert models.info("lstm").parameters == size("lstm") == 19_780_400
    for widths in ((400, 400), (400, 1150, 400), (400, 1150, 1150, 400)):
        assert size("awd-lstm", layers=len(widths) - 1) == 10_000 * 400 + lstm_size(*widths) + 10_000
    # "Model total parameters: 24221600" in logs of salesforce/awd-lstm-lm
    assert models.info("awd-lstm").parameters == size("awd-lstm") == 24_221_600
    tail = [2048 * w + w * n for w, n in ((512, 36_000), (128, 160_000), (32, 440_000))]
    by_hand = 640_000 * 300 + lstm_size(300, 2048, 2048) + (2048 + 1) * (4000 + 3) + sum(tail)
    assert models.info("lstm-2048").parameters == size("lstm-2048") == by_hand
    assert size("lstm-2048", 1000) == 1000 * 300 + lstm_size(300, 2048, 2048) + (2048 + 1) * 1000


@pytest.mark.parametrize("name", SMALL)
def test_the_documentation_has_size_source_and_initialisation(name):
    facts = models.info(name)
    assert facts.kind == "language"
    assert facts.title
    assert facts.paper.startswith("arXiv:")
    assert f"{facts.parameters:,} parameters" in " ".join(facts.doc.split())
    for word in ("Source:", "nitialisation", "input", "logits"):
        assert word in facts.doc


def torch_lstm(layers):
    """Return torch.nn.LSTM modules of one layer each with copies of our weights."""
    theirs = []
    for layer in layers:
        module = nn.LSTM(layer.weight_ih.shape[1], layer.width, dtype=layer.weight_ih.dtype)
        names = {"weight_ih": "weight_ih_l0", "weight_hh": "weight_hh_l0", "bias_ih": "bias_ih_l0"}
        state = {names.get(name, "bias_hh_l0"): value for name, value in layer.state_dict().items()}
        module.load_state_dict(state)
        theirs.append(module)
    return theirs


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("name", ["lstm", "awd-lstm", "lstm-2048"])
def test_without_regularisation_it_is_torch_s_lstm_and_a_linear_layer(name, layers):
    off = OFF if name == "awd-lstm" else {"dropout": 0.0, "cutoffs": ""}
    model = create(name, layers=layers, **off).double()
    theirs, embedding = torch_lstm(model.layers), copy.deepcopy(model.embedding)
    weight, bias = (model.embedding.weight, model.head.bias) if name == "awd-lstm" else model.head.head.parameters()
    state = model.begin(3)
    their_state = [None] * layers
    for tokens, targets in windows():
        nats, state, penalty = model(tokens, targets, state)
        x = embedding(tokens)
        for number, module in enumerate(theirs):
            x, their_state[number] = module(x, their_state[number])
        expected = cross_entropy(linear(x, weight, bias).flatten(0, 1), targets.flatten(), reduction="none")
        torch.testing.assert_close(nats, expected.view_as(targets).float(), rtol=1e-6, atol=0)
        for ours, their in zip(state, itertools.chain(*their_state), strict=True):
            assert torch.equal(ours, their)
        assert penalty.item() == 0
    nats.mean().backward()
    expected.mean().backward()
    for layer, module in zip(model.layers, theirs, strict=True):
        torch.testing.assert_close(layer.weight_hh.grad, module.weight_hh_l0.grad)
        torch.testing.assert_close(layer.weight_ih.grad, module.weight_ih_l0.grad)
        torch.testing.assert_close(layer.bias_hh.grad, module.bias_hh_l0.grad)


def by_hand(layer, weight_hh, x, hidden, cell):
    """Return an LSTM layer's outputs, a step at a time."""
    outputs = []
    for step in x:
        gates = step @ layer.weight_ih.T + layer.bias_ih + hidden @ weight_hh.T + layer.bias_hh
        i, f, g, o = gates.chunk(4, dim=1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        outputs.append(hidden)
    return torch.stack(outputs), cell


def test_weight_drop_by_hand():
    torch.manual_seed(0)
    layer, x = Lstm(5, 8, weight_drop=0.5).double(), torch.randn(6, 3, 5, dtype=torch.float64)
    before, zeros = copy.deepcopy(layer.state_dict()), torch.zeros(1, 3, 8, dtype=torch.float64)
    torch.manual_seed(7)
    out, hidden, cell = layer(x, zeros, zeros)
    out.square().sum().backward()
    torch.manual_seed(7)
    mask = dropout(torch.ones_like(layer.weight_hh), 0.5)  # the only draw of the call
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    ours = layer.weight_hh.grad.clone()
    layer.zero_grad()
    expected, last = by_hand(layer, layer.weight_hh * mask, x, zeros[0], zeros[0])
    expected.square().sum().backward()
    torch.testing.assert_close(out, expected)
    assert torch.equal(hidden[0], out[-1])
    torch.testing.assert_close(cell[0], last)
    torch.testing.assert_close(ours, layer.weight_hh.grad)
    assert torch.equal(ours == 0, mask == 0)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    layer.eval()
    torch.testing.assert_close(layer(x, zeros, zeros)[0], by_hand(layer, layer.weight_hh, x, zeros[0], zeros[0])[0])


def test_a_layer_is_one_call_of_torch_s_kernel(monkeypatch):
    calls, kernel = [], torch.lstm
    monkeypatch.setattr(torch, "lstm", lambda *args: calls.append(args) or kernel(*args))
    for name in ("lstm", "awd-lstm"):
        model = create(name, layers=3)
        model(*windows()[0], model.begin(3))
    assert len(calls) == 6


def seen(model, module):
    """Collect what goes into a module and what comes out of it."""
    found = []
    module.register_forward_hook(lambda _, given, returned: found.append((given[0], returned)))
    return found


@pytest.mark.parametrize("place", ["dropout_input", "dropout_hidden", "dropout"])
def test_masks_of_awd_lstm_are_the_same_at_all_steps(place):
    model = create("awd-lstm", layers=2, embedding=40, hidden=60, **OFF | {place: 0.25})
    embedded, first, second, head = (
        seen(model, part) for part in (model.embedding, model.layers[0], model.layers[1], model.head)
    )
    tokens, targets = windows()[0]
    model(tokens, targets, model.begin(3))
    raw, given = {
        "dropout_input": (embedded[0][1], first[0][0]),
        "dropout_hidden": (first[0][1][0], second[0][0]),
        "dropout": (second[0][1][0], head[0][0].unflatten(0, tokens.shape)),
    }[place]
    mask = (given / raw).detach()
    assert torch.equal(mask.round(decimals=3), mask[:1].round(decimals=3).expand_as(mask))
    assert {round(value, 3) for value in mask.flatten().tolist()} == {0.0, 1.333}
    assert not torch.equal(mask[0, 0] == 0, mask[0, 1] == 0)
    model.eval()
    model(tokens, targets, model.begin(3))
    assert torch.equal(first[1][0], embedded[1][1])
    assert torch.equal(second[1][0], first[1][1][0])


def test_embedding_dropout_takes_whole_words():
    model = create("awd-lstm", **OFF | {"dropout_embedding": 0.5})
    embedded, first = seen(model, model.embedding), seen(model, model.layers[0])
    tokens = torch.arange(VOCABULARY).repeat(4, 1)
    model(tokens, tokens, model.begin(VOCABULARY))
    factor = (first[0][0] / embedded[0][1]).detach()
    assert torch.equal(factor, factor[:1, :, :1].expand_as(factor))
    assert set(factor.unique().tolist()) == {0.0, 2.0}


def test_the_penalty_of_awd_lstm_by_hand():
    model = create("awd-lstm", layers=2)  # with all its regularisation
    last, head = seen(model, model.layers[1]), seen(model, model.head)
    tokens, targets = windows()[0]
    _, state, penalty = model(tokens, targets, model.begin(3))
    raw, dropped = last[0][1][0], head[0][0]
    change = torch.stack([raw[t] - raw[t - 1] for t in range(1, len(raw))])
    expected = 2 * (dropped**2).sum() / dropped.numel() + 1 * (change**2).sum() / change.numel()
    torch.testing.assert_close(penalty, expected)
    assert penalty.requires_grad
    assert torch.isfinite(model(tokens[:1], targets[:1], state)[2])
    assert model.eval()(tokens, targets, state)[2].item() == 0


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("autocast", [False, True])
def test_nats_are_fp32_and_every_parameter_has_a_gradient(name, autocast):
    model = create(name)
    state = model.begin(3)
    for tokens, targets in windows():
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            nats, state, penalty = model(tokens, targets, state)
        assert nats.shape == targets.shape
        assert nats.dtype == penalty.dtype == torch.float32
        assert all(part.dtype == torch.float32 for part in state)
    (nats.mean() + penalty).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    copied = copy.deepcopy(model.eval())
    with torch.no_grad():
        wide, _, _ = model(*windows()[0], model.begin(3))
        assert torch.equal(copied(*windows()[0], model.begin(3))[0], wide)
        with torch.autocast("cpu", torch.bfloat16):
            narrow, _, _ = model(*windows()[0], model.begin(3))
    torch.testing.assert_close(narrow, wide, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", SMALL)
def test_a_model_leaves_its_state_attached(name):
    model = create(name)
    (tokens, targets), _ = windows()
    _, state, _ = model(tokens, targets, model.begin(3))
    assert all(part.requires_grad for part in state)


def test_parameter_names_do_not_change():
    names = [name for name, _ in create("awd-lstm", layers=1).named_parameters()]
    layer = [f"layers.0.{part}_{gate}" for part in ("weight", "bias") for gate in ("ih", "hh")]
    assert names == ["embedding.weight", *layer, "head.bias"]
    assert [name for name, _ in create("lstm", layers=1).named_parameters()] == [
        *names[:-1],
        "head.head.weight",
        "head.head.bias",
    ]


def test_initial_weights():
    weights = torch.cat([p.flatten() for p in create("lstm", hidden=50, initial_range=0.3).parameters()])
    assert -0.3 <= weights.min() < -0.29 < 0.29 < weights.max() <= 0.3
    awd = create("awd-lstm", embedding=50)
    assert 0.09 < awd.embedding.weight.abs().max() <= 0.1
    assert not awd.head.bias.any()
    big = create("lstm-2048", embedding=12, hidden=32)
    assert 0.4 < big.embedding.weight.abs().max() <= 0.5  # sqrt(3 / 12)
    assert 0.35 < big.layers[0].weight_ih.abs().max() <= (6 / (32 + 12)) ** 0.5
    for bias in (big.layers[1].bias_ih, big.layers[1].bias_hh):
        assert torch.equal(bias, torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat_interleave(32))
    assert big.head.head.weight.std().item() == pytest.approx((2 / (32 + 4 + 2)) ** 0.5, rel=0.2)


@st.composite
def heads(draw):
    vocabulary = draw(st.integers(2, 40))
    cutoffs = draw(st.sets(st.integers(1, vocabulary - 1), min_size=1, max_size=4).map(sorted))
    return vocabulary, cutoffs, draw(st.lists(st.integers(0, vocabulary - 1), min_size=1, max_size=12))


@given(heads(), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_adaptive_softmax_is_torch_s(head, seed):
    vocabulary, cutoffs, targets = head
    torch.manual_seed(seed)
    width = 256  # torch does not take a cluster that is cut down to nothing
    theirs = nn.AdaptiveLogSoftmaxWithLoss(width, vocabulary, cutoffs, head_bias=True, dtype=torch.float64)
    ours = Softmax(width, vocabulary, cutoffs).double()
    ours.load_state_dict(theirs.state_dict())
    hidden, targets = torch.randn(len(targets), width, dtype=torch.float64), torch.tensor(targets)
    nats, expected = ours(hidden, targets), -theirs(hidden, targets).output
    torch.testing.assert_close(nats, expected.float(), rtol=1e-5, atol=1e-6)
    nats.mean().backward()
    expected.mean().backward()
    for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        gradient = torch.zeros_like(their) if their.grad is None else their.grad
        torch.testing.assert_close(our.grad, gradient, rtol=1e-5, atol=1e-7)


@given(heads(), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_tied_adaptive_softmax_by_hand(head, seed):
    vocabulary, cutoffs, targets = head
    torch.manual_seed(seed)
    ours, weight = TiedSoftmax(6, vocabulary, cutoffs), torch.randn(vocabulary, 6)
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    hidden = torch.randn(len(targets), 6)
    logits = hidden @ weight.T + ours.bias
    symbols = hidden @ ours.symbols.T + ours.symbols_bias
    first = torch.cat((logits[:, : cutoffs[0]], symbols), dim=1).softmax(dim=1)
    p = [first[:, : cutoffs[0]]]
    for number, (low, high) in enumerate(itertools.pairwise((*cutoffs, vocabulary))):
        p.append(first[:, [cutoffs[0] + number]] * logits[:, low:high].softmax(dim=1))
    expected = -torch.cat(p, dim=1).log()[torch.arange(len(targets)), targets]
    torch.testing.assert_close(ours(hidden, torch.tensor(targets), weight), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cutoffs", [(), (1,), (3, 4, 9)])
def test_probabilities_sum_to_1(tied, cutoffs):
    torch.manual_seed(0)
    head, weight = (TiedSoftmax if tied else Softmax)(16, 10, cutoffs), torch.randn(10, 16)
    hidden = torch.randn(1, 16).expand(10, 16)
    nats = head(hidden, torch.arange(10), weight) if tied else head(hidden, torch.arange(10))
    assert nats.neg().exp().sum().item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("vocabulary", "cutoffs", "edges"),
    [
        (300_000, "4000/40000/200000", (4000, 40_000, 200_000, 300_000)),
        (40_001, "4000/40000/200000", (4000, 40_000, 40_001)),
        (40_000, "4000/40000/200000", (4000, 40_000)),
        (1000, "4000/40000/200000", (1000,)),
        (1000, "", (1000,)),
    ],
)
def test_cut_offs_that_the_vocabulary_does_not_reach_are_dropped(vocabulary, cutoffs, edges):
    with torch.device("meta"):
        for name in ("lstm-2048", "transformer-xl", "lstm"):
            assert models.create(name, vocabulary=vocabulary, cutoffs=cutoffs).head.edges == edges


@pytest.mark.parametrize(
    ("name", "option", "value", "hint"),
    [
        ("lstm", "layers", 0, "it must be a whole number of at least 1"),
        ("lstm", "hidden", 6.5, "it must be a whole number of at least 1"),
        ("lstm", "dropout", 1.0, "it must be a number of at least 0 and below 1"),
        ("lstm", "initial_range", -0.1, "it must be a number of at least 0"),
        ("awd-lstm", "weight_drop", -0.5, "it must be a number of at least 0 and below 1"),
        ("awd-lstm", "alpha", float("inf"), "it must be a number of at least 0"),
        ("lstm-2048", "cutoffs", "4000,40000", "it must be rising ids such as '4000/40000/200000'"),
        ("lstm-2048", "cutoffs", "40/4", "it must be rising ids such as '4000/40000/200000'"),
        ("transformer-xl", "cutoffs", "0/4", "it must be rising ids such as '4000/40000/200000'"),
        ("transformer-xl", "memory", 0, "it must be a whole number of at least 1"),
        ("transformer-xl", "dropout_attention", 2, "it must be a number of at least 0 and below 1"),
    ],
)
def test_wrong_options_are_errors_of_one_line(name, option, value, hint):
    with pytest.raises(OptbenchError) as caught:
        create(name, **{option: value})
    assert str(caught.value) == f"model '{name}' with {option} = {value!r}; {hint}"
