"""Greedy and beam search, against every sentence there is, and against a search written with lists."""

import itertools

import pytest
import torch

from optbench import models
from optbench.datasets import BOS, EOS, PAD, UNK
from optbench.tasks import _beam

WORDS = (UNK, 4, 5)  # with EOS, all that may be said of a vocabulary of 6
NAMES = ["transformer", "gnmt-8"]


def build(name, seed, vocabulary=6):
    """Return a model that prefers some words strongly."""
    torch.manual_seed(seed)
    options = {"layers": 1, "width": 8, "heads": 2, "feed_forward": 8} if name == "transformer" else {"hidden": 6}
    model = models.create(name, vocabulary=vocabulary, **options).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5 if name == "transformer" else 12)
    return model


def sources(count, seed=0, vocabulary=6, longest=6):
    """Return padded sentences of random lengths."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.full((count, longest), PAD)
    for row, length in enumerate(torch.randint(1, longest, (count,), generator=generator).tolist()):
        found[row, :length] = torch.randint(4, vocabulary, (length,), generator=generator)
        found[row, length] = EOS
    return found


def log_p(model, source, words):
    """Return ln p of each next word, given those so far, as lists."""
    target = torch.tensor([[BOS, *words]])
    return model(source[None], target)[0].float().log_softmax(dim=1).tolist()


def penalty(alpha, offset=5.0):
    return _beam.Penalty(alpha, offset)


def total(model, source, words, alpha):
    """Return the score of a whole sentence, its end included."""
    said = [*words, EOS]
    nats = sum(row[word] for row, word in zip(log_p(model, source, words), said, strict=True))
    return nats / ((5 + len(said)) / 6) ** alpha


def searched(model, source, bound, size, alpha):
    """Return what a beam search finds of one sentence: lists, no state, and no end but the two that define it."""
    beams, ended = [(0.0, [])], []
    while beams and len(ended) < size:
        continued = []
        for score, words in beams:
            row = log_p(model, source, words)[-1]
            allowed = [EOS] if len(words) == bound else [*WORDS, EOS]
            continued += [(score + row[word], [*words, word]) for word in allowed]
        continued.sort(key=lambda each: -each[0])
        length = len(continued[0][1])
        ended += [
            (score / ((5 + length) / 6) ** alpha, words[:-1]) for score, words in continued[:size] if words[-1] == EOS
        ]
        beams = [each for each in continued if each[1][-1] != EOS][:size]
    return max(ended, key=lambda each: each[0])[1]


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.5])
def test_a_beam_that_holds_everything_finds_the_best_sentence_of_all(name, alpha):
    source, bounds = sources(3, seed=1), torch.tensor([4, 2, 3])
    lengths = set()
    for seed in range(2):
        model = build(name, seed)
        found = _beam.beam(model, source, bounds, 121, penalty(alpha))  # 1 + 3 + 9 + 27 + 81 sentences of up to 4 words
        for row, bound, words in zip(source, bounds.tolist(), found, strict=True):
            every = itertools.chain.from_iterable(itertools.product(WORDS, repeat=n) for n in range(bound + 1))
            row = row[: int((row != PAD).sum())]
            best = max(every, key=lambda each, row=row: total(model, row, each, alpha))
            assert words == list(best)
            lengths.add(len(words))
    assert alpha < 1 or len(lengths) > 1


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_beam_search_equals_one_with_lists(name, size):
    source = sources(5, seed=2)
    bounds = torch.tensor([6, 1, 3, 5, 4])
    for seed, alpha in ((0, 0.6), (1, 0.0), (2, 2.0)):
        model = build(name, seed)
        found = _beam.beam(model, source, bounds, size, penalty(alpha))
        for row, bound, words in zip(source, bounds.tolist(), found, strict=True):
            assert words == searched(model, row[: int((row != PAD).sum())], bound, size, alpha)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_a_beam_of_one_is_greedy(name):
    source = sources(40, seed=3, vocabulary=12, longest=9)
    bounds = torch.arange(40) % 13 + 1
    for seed in range(4):
        model = build(name, seed, vocabulary=12)
        found = _beam.greedy(model, source, bounds)
        assert _beam.beam(model, source, bounds, 1, penalty(0.6)) == found
        for row, bound, words in zip(source[:4], bounds.tolist(), found, strict=False):
            expected = []
            while len(expected) < bound:
                scores = log_p(model, row[: int((row != PAD).sum())], expected)[-1]
                word = max((word for word in range(12) if word not in (PAD, BOS)), key=scores.__getitem__)
                if word == EOS:
                    break
                expected.append(word)
            assert words == expected


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 3])
def test_neighbours_and_padding_change_no_translation(name, size):
    source = sources(12, seed=4, vocabulary=12, longest=9)
    bounds = torch.arange(12) % 5 + 4
    model = build(name, 5, vocabulary=12)

    def search(rows, bounds):
        return _beam.greedy(model, rows, bounds) if size == 1 else _beam.beam(model, rows, bounds, size, penalty(0.6))

    together = search(source, bounds)
    assert search(torch.cat((source, torch.full((12, 3), PAD)), dim=1), bounds) == together
    for number, row in enumerate(source):
        alone = row[None, : int((row != PAD).sum())]
        assert search(alone, bounds[number : number + 1]) == [together[number]]
    back = torch.arange(11, -1, -1)
    assert search(source[back], bounds[back]) == together[::-1]


class Table(torch.nn.Module):
    """Says by a table of the last word alone; the state is that word."""

    def __init__(self, rows):
        super().__init__()
        self.table = torch.zeros(6, 6)
        for word, said in rows.items():
            for next_word, p in said.items():
                self.table[word, next_word] = p

    def encode(self, source):
        return (source[:, 0],)

    def step(self, tokens, state):
        return self.table[tokens].log(), (tokens,)

    def reorder(self, state, rows):
        return tuple(each[rows] for each in state)


def test_a_beam_sees_past_the_likeliest_first_word():
    # 4 is likelier at first, but what follows it is not; 5 5 is the best sentence, p = 0.4 * 0.9 * 0.9
    model = Table({BOS: {4: 0.6, 5: 0.4}, 4: {4: 0.3, 5: 0.3, EOS: 0.4}, 5: {5: 0.05, EOS: 0.95}})
    source, bounds = torch.tensor([[4, EOS]]), torch.tensor([5])
    assert _beam.greedy(model, source, bounds) == [[4]]
    assert _beam.beam(model, source, bounds, 2, penalty(0.0)) == [[5]]


def test_a_length_penalty_prefers_longer_sentences():
    # 4 for ever: each further word costs ln 0.8, an end ln 0.2
    model = Table({BOS: {4: 1.0}, 4: {4: 0.8, EOS: 0.2}})
    source, bounds = torch.tensor([[4, EOS]]), torch.tensor([6])
    assert [len(_beam.beam(model, source, bounds, 8, penalty(alpha))[0]) for alpha in (0.0, 5.0)] == [1, 6]
    assert penalty(0.6).of(7) == 2**0.6
    assert penalty(3.0).of(1) == 1
    assert penalty(0.7, offset=0.0).of(9) == 9**0.7
