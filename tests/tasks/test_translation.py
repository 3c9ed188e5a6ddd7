"""Translation: which pairs are in which batch, the loss against formulas, scores against single sentences."""

import subprocess
import sys

import numpy as np
import pytest
import sentences
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from optbench import datasets, tasks
from optbench.datasets import BOS, EOS, PAD
from optbench.errors import OptbenchError
from optbench.tasks import _bleu

TINY = {"layers": 1, "width": 8, "heads": 2, "feed_forward": 8}


def create(dataset=None, smoothing=0.0, **options):
    return tasks.create("translation", dataset or sentences.dataset(), label_smoothing=smoothing, options=options)


def model_of(task, seed=0):
    torch.manual_seed(seed)
    return task.model("transformer", **TINY)


def test_the_facts():
    facts = tasks.info("translation")
    assert [(metric.name, metric.unit, metric.direction) for metric in facts.metrics] == [
        ("bleu", "BLEU", "higher"),
        ("cross_entropy", "nats", "lower"),
    ]
    known = (facts.primary, facts.kind, facts.models, facts.reports, facts.sample, facts.batch)
    assert known == ("bleu", "parallel", "translation", "final", "token", "tokens")
    assert tasks.examples("translation", 4000, {}) == 160
    assert tasks.examples("translation", 2, {"batch_by": "tokens", "beam": 4}) == 1
    assert tasks.examples("translation", 128, {"batch_by": "sentences"}) == 128


def test_it_takes_parallel_text_alone_and_no_augmentation():
    with pytest.raises(OptbenchError, match="task 'translation' is not about digits"):
        tasks.create("translation", datasets.load("digits"))
    with pytest.raises(OptbenchError, match="unknown augmentation 'flip'"):
        tasks.create("translation", sentences.dataset(), augmentation="flip")


# batches


def taken(batch):
    """Return the pairs of a batch as lists of ids, having looked at what is around them."""
    source, target = (each.tolist() for each in batch)
    found = []
    for s, t in zip(source, target, strict=True):
        words_s, words_t = s[: s.index(EOS)], t[1 : t.index(EOS)]
        assert s == [*words_s, EOS] + [PAD] * (len(s) - len(words_s) - 1)
        assert t == [BOS, *words_t, EOS] + [PAD] * (len(t) - len(words_t) - 2)
        found.append((words_s, words_t))
    assert min(each[-1] for side in zip(*map(sorted, (source, target)), strict=False) for each in side) >= 0
    assert max(len(s) for s, _ in found) + 1 == len(source[0])
    assert max(len(t) for _, t in found) + 2 == len(target[0])
    return found


def numbered(lengths):
    """Return pairs of these lengths, which can be told apart: every one is written in a number of its own."""
    return sentences.pairs(
        [[4 + number] * s for number, (s, _) in enumerate(lengths)],
        [[4 + number] * t for number, (_, t) in enumerate(lengths)],
    )


LENGTHS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(1, 120), st.sampled_from(["tokens", "sentences"]))
def test_every_pair_is_in_one_batch_and_no_batch_is_too_large(lengths, size, by):
    task = create(sentences.dataset(numbered(lengths)), batch_by=by)
    batches = list(task.batches(0, 0, size))
    assert len(batches) == task.steps(size)
    found = [taken(batch) for batch in batches]
    numbers = sorted((s[0] - 4, len(s), len(t)) for batch in found for s, t in batch)
    assert numbers == [(number, s, t) for number, (s, t) in enumerate(lengths)]
    for batch, (source, target) in zip(found, batches, strict=True):
        if by == "sentences":
            assert len(batch) <= size
        else:
            assert len(batch) == 1 or len(batch) * max(source.shape[1], target.shape[1] - 1) <= size
        assert task.samples((source, target)) == sum(len(t) + 1 for _, t in batch)
    if by == "sentences":
        assert sum(len(batch) < size for batch in found) <= 1


def test_sentences_of_a_batch_are_of_like_length():
    random = np.random.default_rng(0)
    lengths = random.integers(1, 40, 3000)
    train = numbered(
        [(int(n), int(n) + int(more)) for n, more in zip(lengths, random.integers(0, 3, 3000), strict=True)]
    )
    task = create(sentences.dataset(train, vocabulary=4000))
    padding = [float((target == PAD).float().mean()) for _, target in task.batches(0, 0, 1000)]
    assert np.mean(padding) < 0.02
    assert len(padding) == pytest.approx((lengths + 2).sum() / 1000, rel=0.1)


def listed(batches):
    return [tuple(each.tolist() for each in batch) for batch in batches]


def test_seed_and_epoch_alone_decide_the_order():
    task = create()
    first = listed(task.batches(3, 7, 30))
    torch.manual_seed(99)
    np.random.seed(99)
    before = torch.get_rng_state()
    listed(task.batches(0, 0, 12))  # another batch size in between
    assert listed(create().batches(3, 7, 30)) == listed(task.batches(3, 7, 30)) == first
    assert torch.equal(torch.get_rng_state(), before)
    orders = {str(listed(task.batches(seed, epoch, 30))) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    assert sorted(map(str, listed(task.batches(0, 1, 30)))) == sorted(map(str, first))  # the batches stay the same


@pytest.mark.parametrize("by", ["tokens", "sentences"])
def test_an_epoch_goes_on_from_any_batch(by):
    task = create(batch_by=by)
    whole = listed(task.batches(1, 2, 16))
    assert len(whole) > 2
    for start in range(len(whole) + 1):
        assert listed(task.batches(1, 2, 16, start=start)) == whole[start:]


# the loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_torch_s_and_fairseq_s(smoothing):
    task = create(smoothing=smoothing)
    model = model_of(task).eval()
    batch = max(task.batches(0, 0, 60), key=lambda batch: int((batch[1] == PAD).sum()))
    loss, carry = task.loss(model, batch, None)
    assert (loss.shape, loss.dtype, carry) == ((), torch.float32, None)
    assert task.rate(batch) == 1
    logits = model(batch[0], batch[1][:, :-1])
    labels = batch[1][:, 1:]
    assert (labels == PAD).any()
    theirs = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=PAD, label_smoothing=smoothing)
    assert torch.equal(loss, theirs)
    # fairseq's criteria/label_smoothed_cross_entropy.py, in numbers: (1 - e) nll + e / V sum over all words
    with torch.no_grad():
        log_p = logits.double().log_softmax(dim=2).numpy()
    total = words = 0
    for row, label in np.ndindex(labels.shape):
        if labels[row, label] != PAD:
            nats = -log_p[row, label]
            total += (1 - smoothing) * nats[labels[row, label]] + smoothing / 20 * nats.sum()
            words += 1
    assert words == task.samples(batch)
    assert loss.item() == pytest.approx(total / words, rel=1e-6)
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", ["transformer", "gnmt-8"])
def test_padding_never_changes_a_loss(name):
    task = create(smoothing=0.1)
    torch.manual_seed(0)
    model = task.model(name, **(TINY if name == "transformer" else {"hidden": 6})).double().eval()
    batch = next(task.batches(0, 0, 80))
    wide = tuple(torch.cat((each, torch.full((len(each), 5), PAD)), dim=1) for each in batch)
    loss = task.loss(model, batch, None)[0].item()
    assert task.loss(model, wide, None)[0].item() == pytest.approx(loss, rel=1e-6)
    alone = []
    for row in range(len(batch[0])):
        source, target = (each[row : row + 1, : int((each[row] != PAD).sum())] for each in batch)
        alone.append((task.loss(model, (source, target), None)[0].item(), task.samples((source, target))))
    assert sum(nats * words for nats, words in alone) / sum(words for _, words in alone) == pytest.approx(
        loss, rel=1e-6
    )


def test_under_bf16_autocast_the_loss_is_fp32_and_scores_stay_close():
    task = create()
    model = model_of(task)
    batch = next(task.batches(0, 0, 60))
    exact, scores = task.loss(model.eval(), batch, None)[0], task.evaluate(model, task.test)
    with torch.autocast("cpu", torch.bfloat16):
        loss, low = task.loss(model, batch, None)[0], task.evaluate(model, task.test)
    assert loss.dtype is torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=2e-2)
    assert low["cross_entropy"] == pytest.approx(scores["cross_entropy"], rel=2e-2)


# scores


class Copies(nn.Module):
    """Says the source again, each word with the same probability; notes modes, and which way it was asked."""

    def __init__(self, vocabulary=20, nats=0.5, bad=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.vocabulary, self.p, self.bad = vocabulary, float(np.exp(-nats)), bad
        self.seen = set()

    def _say(self, words):
        self.seen.add((self.training, torch.is_grad_enabled()))
        rest = (1 - self.p) / (self.vocabulary - 1)
        chosen = nn.functional.one_hot(words, self.vocabulary)
        return (chosen * (self.p - rest) + rest).log() + self.bad + self.weight

    def forward(self, source, target):
        length = target.shape[1]
        return self._say(nn.functional.pad(source, (0, length))[:, :length])

    def encode(self, source):
        return source, torch.zeros(len(source), dtype=torch.int64)

    def step(self, tokens, state):
        source, at = state
        words = source.gather(1, at.clamp(max=source.shape[1] - 1)[:, None])[:, 0]
        return self._say(words), (source, at + 1)

    def reorder(self, state, rows):
        return tuple(each[rows] for each in state)


def copied(count, seed, longest=9):
    side = sentences.drawn(count, longest=longest, seed=seed)
    rows = [row.tolist() for row in np.split(side.source.ids.numpy(), side.source.offsets.numpy()[1:-1])]
    return sentences.pairs(rows, rows)


@pytest.mark.parametrize("training", [True, False])
def test_a_model_that_is_right_has_bleu_100_and_the_mode_it_had(training):
    test = copied(700, 3, longest=30)  # several batches, whose sentences must come back into their order
    task = create(sentences.dataset(validation=copied(50, 4), test=test))
    model = Copies().train(training)
    for split in (task.validation, task.test):
        scores = task.evaluate(model, split)
        assert scores["bleu"] == pytest.approx(100)
        assert scores["cross_entropy"] == pytest.approx(0.5, rel=1e-5)
    assert model.seen == {(False, False)}
    assert model.training is training


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_model_that_has_diverged_is_scored(bad):
    task = create()
    for split in (task.validation, task.test):  # greedy, and with a beam
        scores = task.evaluate(Copies(bad=bad), split)
        assert scores["bleu"] == 0
        assert not np.isfinite(scores["cross_entropy"])


def test_cross_entropy_is_over_tokens_and_not_smoothed():
    task = create(smoothing=0.3)
    model = model_of(task).eval()
    total = words = 0
    with torch.no_grad():
        for row in range(len(task.test)):
            source = [*task.test.source.ids[slice(*task.test.source.offsets[row : row + 2])].tolist(), EOS]
            target = [*task.test.target.ids[slice(*task.test.target.offsets[row : row + 2])].tolist(), EOS]
            logits = model(torch.tensor([source]), torch.tensor([[BOS, *target[:-1]]]))[0].double()
            total -= logits.log_softmax(dim=1)[range(len(target)), target].sum().item()
            words += len(target)
    assert task.evaluate(model, task.test)["cross_entropy"] == pytest.approx(total / words, rel=1e-6)


def test_the_test_split_has_the_beam_and_every_translation_its_bound():
    task = create(beam=3, validation_beam=1, max_length=1.5)
    model = Copies()
    model._say = lambda words: torch.zeros(len(words), 20).index_fill(1, torch.tensor([7]), 5.0)  # never ends by itself
    found = task.translate(model, task.validation, 1)
    lengths = np.diff(task.validation.source.offsets.numpy()) + 1
    assert [line.split() for line in found] == [["w7"] * (int(1.5 * n) + 10) for n in lengths]
    asked = []
    task.translate = lambda model, split, beam: asked.append(beam) or [""] * len(split)
    for split in (task.validation, task.test, task.train):
        task.evaluate(Copies(), split)
    assert asked == [1, 3, 1]


# BLEU

GERMAN = [
    "Ein Mann fährt Fahrrad, und zwei Hunde laufen ihm nach.",
    "Die „Straße“ ist 3,5 km lang – oder nicht?",
    "Zwei Frauen tanzen auf der Bühne.",
    "Der Hund rennt.",
]
OTHER = [
    "Ein Mann fährt Rad, und zwei Hunde laufen hinterher.",
    "Die Straße ist 3,5 km lang - oder etwa nicht?",
    "Zwei Frauen tanzen auf einer Bühne",
    "",
]


@pytest.mark.parametrize("tokenize", ["13a", "none"])
def test_bleu_and_its_signature_are_the_sacrebleu_command_s(tmp_path, tokenize):
    (tmp_path / "reference").write_text("\n".join(GERMAN) + "\n", encoding="utf-8")
    (tmp_path / "hypothesis").write_text("\n".join(OTHER) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "reference", "-i", "hypothesis", "-w", "9", "-tok", tokenize]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True).stdout
    assert f'"score": {_bleu.score(OTHER, GERMAN, tokenize):.9f}' in said
    assert f'"signature": "{create(tokenize=tokenize).signature()}"' in said
    assert create(tokenize=tokenize).signature().startswith("nrefs:1|case:mixed|eff:no|tok:" + tokenize)


def test_bleu_by_its_formula():
    # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, no quadruple of 3: the last counts 1 / 2 (exponential smoothing)
    precisions = [5 / 6, 3 / 5, 1 / 4, 1 / (2 * 3)]
    expected = 100 * np.prod(precisions) ** 0.25 * np.exp(1 - 7 / 6)
    assert _bleu.score(["a b c x d e"], ["a b c y d e f"], "none") == pytest.approx(expected)


@pytest.mark.parametrize("tokenize", _bleu.TOKENIZERS)
def test_every_tokenizer_is_there(tokenize):
    assert _bleu.score(GERMAN, GERMAN, tokenize) == pytest.approx(100)


def test_without_sacrebleu_there_is_one_line(monkeypatch):
    for name in ("sacrebleu", "sacrebleu.metrics", "sacrebleu.metrics.bleu"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OptbenchError, match=r"BLEU needs the package sacrebleu; pip install 'optbench\[text\]'"):
        create().evaluate(Copies(), sentences.drawn(2))


@pytest.mark.parametrize("name", ["transformer", "gnmt-8"])
def test_a_few_pairs_are_learnt_by_heart(name):
    few = sentences.drawn(8, longest=5, seed=5)
    task = create(sentences.dataset(few, validation=few))
    torch.manual_seed(0)
    options = {**TINY, "width": 32, "feed_forward": 32} if name == "transformer" else {"hidden": 32}
    model = task.model(name, dropout=0.0, **options)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(100):
        for batch in task.batches(0, epoch, 1000):
            optimizer.zero_grad()
            task.loss(model, batch, None)[0].backward()
            optimizer.step()
    assert task.evaluate(model, task.validation)["cross_entropy"] < 0.3
    assert task.translate(model, task.validation, 1) == list(few.target_text)
