"""Language modelling: which tokens are read when, what is carried on, and scores against sums over single tokens."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from optbench import tasks
from optbench.datasets import Text
from optbench.errors import OptbenchError
from optbench.tasks._bptt import drawn_edges, drawn_mean

VOCABULARY = 11


def text(train=205, validation=47, test=33, vocabulary=VOCABULARY):
    """Return a text of random tokens."""
    random = np.random.default_rng(0)
    splits = {"train": train, "validation": validation, "test": test}
    ids = {name: torch.from_numpy(random.integers(0, vocabulary, size, np.int32)) for name, size in splits.items()}
    words = tuple(f"w{n}" for n in range(vocabulary))
    return Text(name="toy", **ids, device=torch.device("cpu"), vocabulary=words, checksum="", provenance="")


def create(dataset=None, **options):
    return tasks.create("language_modeling", dataset or text(), options={"bptt": 7} | options)


def pairs(batches):
    """Return batches as lists, for comparison."""
    return [(tokens.tolist(), targets.tolist()) for tokens, targets in batches]


class Table(nn.Module):
    """Nats that depend on a target and on the token before it; the state is the last token, and is checked."""

    def __init__(self, vocabulary=VOCABULARY):
        super().__init__()
        self.table = nn.Parameter(1 + torch.arange(float(vocabulary**2)).view(vocabulary, vocabulary) / 10)
        self.read = []

    def begin(self, batch):
        return (torch.full((batch,), -1), torch.zeros(batch, requires_grad=True) * 1)

    def forward(self, tokens, targets, state):
        self.read.append((tokens, targets, state))
        return self.table[tokens, targets], (targets[-1], state[1] + 1), self.table.new_zeros(())


def test_the_facts():
    facts = tasks.info("language_modeling")
    assert [(metric.name, metric.unit, metric.direction) for metric in facts.metrics] == [
        ("perplexity", "perplexity", "lower"),
        ("cross_entropy", "nats", "lower"),
    ]
    assert (facts.primary, facts.kind, facts.models, facts.reports, facts.sample) == (
        "perplexity",
        "text",
        "language",
        "best",
        "token",
    )
    assert {name: field.default for name, field in tasks.options("language_modeling").items()} == {
        "bptt": 70,
        "variable_bptt": False,
    }
    assert tasks.examples("language_modeling", 20, {"bptt": 35, "variable_bptt": False}) == 700
    assert 67 * 20 < tasks.examples("language_modeling", 20, {"bptt": 70, "variable_bptt": True}) < 70 * 20


def awd_batches(ids, columns, bptt):
    """Return the windows of AWD-LSTM's `batchify` and `get_batch` (utils.py), at fixed bptt."""
    rows = ids.size(0) // columns
    data = ids.narrow(0, 0, rows * columns).view(columns, -1).t().contiguous()
    found = []
    for i in range(0, data.size(0) - 1, bptt):
        length = min(bptt, len(data) - 1 - i)
        found.append((data[i : i + length].tolist(), data[i + 1 : i + 1 + length].tolist()))
    return found


@given(st.integers(2, 300), st.integers(1, 20), st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_columns_and_windows_are_awd_lstm_s(size, columns, bptt):
    dataset = text(train=size)
    task = create(dataset, bptt=bptt)
    if size // columns < 2:
        with pytest.raises(OptbenchError, match=f"{size} tokens to train on do not make {columns} columns"):
            task.steps(columns)
        return
    found = list(task.batches(0, 0, columns))
    assert pairs(found) == awd_batches(dataset.train, columns, bptt)
    assert task.steps(columns) == len(found)
    assert {part.dtype for batch in found for part in batch} == {torch.int64}
    assert [task.rate(batch) for batch in found] == [1.0] * len(found)
    assert sum(task.samples(batch) for batch in found) == (size // columns - 1) * columns


@given(st.integers(0, 2**64 - 1), st.integers(0, 1000), st.integers(1, 30), st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_drawn_windows_follow_each_other_to_the_end(seed, epoch, bptt, predicted):
    edges = drawn_edges(predicted, bptt, seed, epoch)
    lengths = np.diff(edges)
    assert edges[0] == 0
    assert edges[-1] == predicted
    assert (lengths[:-1] >= 5).all()
    assert lengths[-1] >= 1
    assert edges == drawn_edges(predicted, bptt, seed, epoch)


@pytest.mark.parametrize("bptt", [6, 35, 70])
def test_drawn_lengths_are_awd_lstm_s(bptt):
    lengths = np.diff(drawn_edges(3_000_000, bptt, seed=0, epoch=0))[:-1]
    random = np.random.default_rng(1)  # AWD-LSTM's `train`, in bulk
    centres = np.where(random.random(len(lengths)) < 0.95, bptt, bptt / 2.0)
    theirs = np.maximum(5, random.normal(centres, 5).astype(int))
    error = theirs.std() / len(lengths) ** 0.5
    assert lengths.mean() == pytest.approx(theirs.mean(), abs=6 * error)
    assert lengths.mean() == pytest.approx(drawn_mean(bptt), abs=5 * error)
    assert (
        np.abs(
            np.quantile(lengths, [0.01, 0.04, 0.2, 0.5, 0.8, 0.99])
            - np.quantile(theirs, [0.01, 0.04, 0.2, 0.5, 0.8, 0.99])
        ).max()
        <= 1
    )


def test_drawn_windows_of_the_task():
    task = create(text(train=4003), bptt=10, variable_bptt=True)
    batches = list(task.batches(3, 1, 4))
    columns = task.train[:4000].view(4, 1000).t()
    assert torch.equal(torch.cat([tokens for tokens, _ in batches]), columns[:-1].long())
    assert torch.equal(torch.cat([targets for _, targets in batches]), columns[1:].long())
    assert [task.rate(batch) for batch in batches] == [len(batch[0]) / 10 for batch in batches]
    assert len({len(tokens) for tokens, _ in batches}) > 5
    assert pairs(batches) == pairs(task.batches(3, 1, 4))
    assert pairs(batches) != pairs(task.batches(3, 2, 4)) != pairs(task.batches(4, 1, 4))
    counts = [len(list(task.batches(0, epoch, 4))) for epoch in range(30)]
    assert np.mean(counts) == pytest.approx(task.steps(4), rel=0.03)


@pytest.mark.parametrize("variable", [False, True])
def test_an_epoch_can_be_taken_up_in_its_middle(variable):
    task = create(variable_bptt=variable)
    whole = pairs(task.batches(5, 2, 3))
    for start in range(len(whole) + 1):
        assert pairs(task.batches(5, 2, 3, start=start)) == whole[start:]


def test_the_state_is_carried_on_without_its_gradient():
    task, model, carry = create(), Table(), None
    for batch in task.batches(0, 0, 3):
        loss, carry = task.loss(model, batch, carry)
        torch.testing.assert_close(loss, model.table[batch].mean())
        assert not any(part.requires_grad for part in carry)
    begun = [state[0].tolist() for _, _, state in model.read]
    assert begun[0] == [-1, -1, -1]
    assert begun[1:] == [targets[-1].tolist() for _, targets, _ in model.read[:-1]]
    assert carry[1].tolist() == [len(model.read)] * 3


def test_the_penalty_is_trained_and_not_scored():
    class Penalised(Table):
        def forward(self, tokens, targets, state):
            nats, state, _ = super().forward(tokens, targets, state)
            return nats, state, nats.new_tensor(100.0)

    task = create()
    batch = next(task.batches(0, 0, 3))
    plain, _ = task.loss(Table(), batch, None)
    loss, _ = task.loss(Penalised(), batch, None)
    assert loss.item() == pytest.approx(plain.item() + 100)
    assert task.evaluate(Penalised(), task.test) == task.evaluate(Table(), task.test)


@given(st.integers(2, 260), st.integers(1, 80))
@settings(max_examples=80, deadline=None)
def test_every_token_but_the_first_is_scored_once_after_the_one_before_it(size, bptt):
    dataset = text(validation=size)
    model = Table()
    scores = create(dataset, bptt=bptt).evaluate(model, dataset.validation)
    ids = dataset.validation.tolist()
    nats = [model.table[before, after].double().item() for before, after in pairwise(ids)]
    assert scores["cross_entropy"] == pytest.approx(sum(nats) / len(nats))
    assert scores["perplexity"] == pytest.approx(math.exp(sum(nats) / len(nats)))
    for (_, targets, _), (tokens, _, state) in pairwise(model.read):
        assert torch.equal(state[0], targets[-1])  # columns go on where they were
        assert tokens.shape[1] == min(10, size - 1)


@pytest.mark.parametrize(("split", "columns"), [("validation", 10), ("test", 1)])
def test_perplexity_of_an_lstm_token_by_token(split, columns):
    dataset = text(**{split: 101})
    task = create(dataset)
    torch.manual_seed(0)
    model = task.model("lstm", layers=1, embedding=6, hidden=8, initial_range=0.5)
    scores = task.evaluate(model, getattr(task, split))
    cell = nn.LSTMCell(6, 8).double()
    state = model.double().state_dict()
    cell.load_state_dict(
        {f"{part}_{gate}": state[f"layers.0.{part}_{gate}"] for part in ("weight", "bias") for gate in ("ih", "hh")}
    )
    total, ids, rows = 0.0, getattr(dataset, split).tolist(), 100 // columns
    for column in range(columns):
        hidden = None
        for at in range(rows * column, rows * (column + 1)):
            hidden = cell(state["embedding.weight"][[ids[at]]], hidden)
            logits = hidden[0] @ state["head.head.weight"].T + state["head.head.bias"]
            total -= logits.log_softmax(dim=1)[0, ids[at + 1]].item()
    assert scores["cross_entropy"] == pytest.approx(total / 100, rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(total / 100), rel=1e-5)


def test_scoring_is_in_eval_mode_and_leaves_the_mode_as_it_was():
    task = create()
    torch.manual_seed(0)
    model = task.model("awd-lstm", embedding=6, hidden=8)
    first = task.evaluate(model, task.validation)
    assert model.training
    assert task.evaluate(model, task.validation) == first
    model.eval()
    assert task.evaluate(model, task.validation) == first
    assert not model.training


@pytest.mark.parametrize(("nats", "perplexity"), [(1e4, math.inf), (math.nan, math.nan)])
def test_a_model_that_has_diverged(nats, perplexity):
    task, model = create(), Table()
    model.table.data.fill_(nats)
    scores = task.evaluate(model, task.test)
    assert scores["perplexity"] == pytest.approx(perplexity, nan_ok=True)


def test_a_memory_map_is_read_window_by_window(tmp_path):
    dataset = text()
    dataset.train.numpy().tofile(tmp_path / "train")
    mapped = torch.from_numpy(np.memmap(tmp_path / "train", np.int32, "c"))
    facts = vars(dataset) | {"train": mapped, "test": mapped}
    task, other = create(dataset), create(Text(**facts))
    assert pairs(task.batches(0, 0, 4)) == pairs(other.batches(0, 0, 4))
    assert task.evaluate(Table(), task.train) == other.evaluate(Table(), other.test)


@pytest.mark.parametrize("protocol", tasks.PROTOCOLS)
def test_no_protocol_trains_on_validation_text(protocol):
    dataset = text()
    task = tasks.create("language_modeling", dataset, protocol=protocol)
    assert task.train is dataset.train
    assert task.validation is dataset.validation
    assert task.test is dataset.test


def test_mistakes_are_errors_of_one_line():
    with pytest.raises(OptbenchError, match=r"^label smoothing 0.1 in language modelling; leave it out"):
        tasks.create("language_modeling", text(), label_smoothing=0.1)
    with pytest.raises(
        OptbenchError, match=r"^the validation split of toy has 1 tokens; give it a text of at least two"
    ):
        create(text(validation=1))
    with pytest.raises(OptbenchError, match="unknown augmentation 'flip'"):
        tasks.create("language_modeling", text(), augmentation="flip")


SMALL = {
    "lstm": {"embedding": 6, "hidden": 8, "dropout": 0.2},
    "awd-lstm": {"embedding": 6, "hidden": 8},
    "transformer-xl": {"layers": 2, "width": 8, "heads": 2, "inner": 8, "memory": 9},
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("autocast", [False, True])
def test_training_taken_up_in_mid_epoch_is_bitwise_the_same(name, autocast):
    task = create(variable_bptt=True)

    def begun():
        torch.manual_seed(0)
        model = task.model(name, **SMALL[name])
        return model, torch.optim.SGD(model.parameters(), lr=0.5)

    def train(model, optimizer, batches, carry):
        for batch in batches:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                loss, carry = task.loss(model, batch, carry)
            loss.backward()
            optimizer.step()
        return carry

    model, optimizer = begun()
    batches = list(task.batches(1, 0, 4))
    half = train(model, optimizer, batches[:3], None)
    saved = (
        [part.clone() for part in half],
        {k: v.clone() for k, v in model.state_dict().items()},
        torch.get_rng_state(),
    )
    end = train(model, optimizer, batches[3:], half)

    resumed, optimizer = begun()
    resumed.load_state_dict(saved[1])
    torch.set_rng_state(saved[2])
    again = train(resumed, optimizer, task.batches(1, 0, 4, start=3), tuple(saved[0]))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(end, again, strict=True))
    assert all(torch.equal(value, resumed.state_dict()[key]) for key, value in model.state_dict().items())
    assert task.evaluate(model, task.test) == task.evaluate(resumed, task.test)


@pytest.mark.parametrize("name", SMALL)
def test_a_text_that_repeats_itself_is_learned(name):
    words = torch.tensor([0, 1, 2, 1, 3, 4, 2, 0, 5, 3], dtype=torch.int32).repeat(60)  # two tokens decide the next
    dataset = Text(**vars(text()) | {"train": words, "validation": words[:101], "test": words[:101]})
    task = create(dataset, bptt=10)
    torch.manual_seed(0)
    off = {"dropout": 0.0} if name == "lstm" else {}
    if name == "awd-lstm":
        off = dict.fromkeys(("dropout", "dropout_hidden", "dropout_input", "dropout_embedding", "weight_drop"), 0.0)
    model = task.model(name, **SMALL[name] | off | {"layers": 1})
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    before = task.evaluate(model, task.test)["perplexity"]
    assert before == pytest.approx(VOCABULARY, rel=0.25)
    for epoch in range(25):
        carry = None
        for batch in task.batches(0, epoch, 6):
            optimizer.zero_grad()
            loss, carry = task.loss(model, batch, carry)
            loss.backward()
            optimizer.step()
    assert task.evaluate(model, task.test)["perplexity"] < 2.5
