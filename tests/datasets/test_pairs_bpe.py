import hashlib
import os
import pickle
import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_pairs import PAIRS

from optbench.datasets import _bpe
from optbench.datasets._base import BOS, EOS, PAD, UNK
from optbench.errors import OptbenchError

LINES = [side for pair in PAIRS for side in pair]
TOKENIZER = _bpe.learn("sentencepiece", LINES, 120, "test")
CHARACTERS = "".join(sorted(set("".join(LINES))))
GIVEN = ["der Apf@@ el fä@@ llt", "ein Apf@@ el .", "der Baum"]
WORDS = _bpe.learn("given", GIVEN, 100, "test")


@given(st.text(CHARACTERS + " \t\xa0\u2028", max_size=60))
def test_decoding_gives_back_what_was_encoded(sentence):
    ids = TOKENIZER.encode(sentence)
    assert all(EOS < one < TOKENIZER.pieces for one in ids)
    assert TOKENIZER.decode(ids) == " ".join(sentence.split())


@given(st.text(max_size=40))
def test_any_text_can_be_encoded(sentence):
    """Characters that the model has not seen are unknown; those it knows come back."""
    ids = TOKENIZER.encode(sentence)
    assert all(one == UNK or EOS < one < TOKENIZER.pieces for one in ids)
    known = [one for one in sentence if one in CHARACTERS and one != " "]
    assert not Counter(known) - Counter(TOKENIZER.decode(ids))
    WORDS.decode(WORDS.encode(sentence))


def test_special_ids_are_no_subwords_and_decode_to_nothing():
    ids = TOKENIZER.encode("Der Mann")
    assert TOKENIZER.decode([BOS, *ids, EOS, PAD, PAD]) == "Der Mann"
    assert TOKENIZER.decode([]) == ""
    assert "⁇" in TOKENIZER.decode([UNK])
    assert TOKENIZER.encode("<s> </s>")[0] not in (PAD, BOS, EOS)
    assert TOKENIZER.pieces == 120


def test_subwords_are_learnt_from_words_that_recur():
    assert len(TOKENIZER.encode(LINES[0])) < len(LINES[0]) / 2
    assert len(_bpe.learn("sentencepiece", LINES, 60, "test").encode(LINES[0])) > len(TOKENIZER.encode(LINES[0]))


def test_every_process_learns_the_same(tmp_path):
    script = (
        "import hashlib, making_pairs; from optbench.datasets import _bpe;"
        "lines = [side for pair in making_pairs.PAIRS for side in pair];"
        "print(*[hashlib.sha256(_bpe.learn(kind, lines, 120, 'test').model).hexdigest() for kind in _bpe.KINDS])"
    )
    printed = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, env=environment, check=True
        )
        assert done.stderr == ""  # sentencepiece's messages are off
        printed.add(done.stdout)
    here = [hashlib.sha256(_bpe.learn(kind, LINES, 120, "test").model).hexdigest() for kind in _bpe.KINDS]
    assert printed == {" ".join(here) + "\n"}


def test_a_vocabulary_larger_than_the_text_supports_falls_to_what_it_does():
    large = _bpe.learn("sentencepiece", LINES, 50_000, "test")
    assert 120 < large.pieces < 1000
    assert large.decode(large.encode(LINES[3])) == LINES[3]


@pytest.mark.parametrize("lines", [["a"], ["a b", "b a"], ["ääää", "", "   "]])
def test_tiny_text_is_enough(lines):
    tokenizer = _bpe.learn("sentencepiece", lines, 1000, "test")
    assert tokenizer.decode(tokenizer.encode(lines[0])) == lines[0]


def test_a_vocabulary_too_small_for_the_characters_is_an_error_that_says_what_is_enough():
    with pytest.raises(OptbenchError, match="test: a vocabulary of 10 has no room for the characters") as caught:
        _bpe.learn("sentencepiece", LINES, 10, "test")
    enough = int(re.search(r"vocabulary = (\d+)", caught.value.hint)[1])
    assert _bpe.learn("sentencepiece", LINES, enough, "test").pieces == enough


def test_characters_that_would_fill_the_vocabulary_are_left_out_where_they_are_rare():
    rare = [chr(0x4E00 + number) for number in range(150)]
    some = _bpe.learn("sentencepiece", [*LINES * 50, "".join(rare)], 300, "test")
    assert UNK in some.encode("".join(rare))
    assert UNK not in [one for line in LINES for one in some.encode(line)]
    every = _bpe.learn("sentencepiece", [*LINES, "".join(rare)], 2000, "test")
    assert UNK not in every.encode("".join(rare))


def test_text_without_characters_to_learn_from_is_an_error():
    with pytest.raises(OptbenchError, match="test: no subwords can be learnt from this text"):
        _bpe.learn("sentencepiece", ["▁"], 100, "test")


def test_a_model_that_is_none_is_an_error():
    with pytest.raises(OptbenchError, match="cannot be read"):
        _bpe.Subwords(b"no model")


def test_a_missing_package_is_one_line_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(OptbenchError, match=re.escape("needs the package sentencepiece; pip install 'optbench[text]'")):
        _bpe.learn("sentencepiece", LINES, 100, "test")
    assert _bpe.version("given") == ""


@pytest.mark.parametrize("tokenizer", [TOKENIZER, WORDS])
def test_tokenizers_can_be_sent_to_another_process(tokenizer):
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode(GIVEN[0]) == tokenizer.encode(GIVEN[0])
    assert copy.pieces == tokenizer.pieces


def test_given_words_are_numbered_by_frequency_and_then_by_the_alphabet():
    # twice: Apf@@, der, el; once: ., Baum, ein, fä@@, llt
    assert WORDS.encode(GIVEN[0] + " fremd") == [5, 4, 6, 10, 11, UNK]
    assert WORDS.pieces == 12
    assert WORDS.decode([BOS, 5, 4, 6, 10, 11, EOS, PAD]) == "der Apfel fällt"
    assert WORDS.text(GIVEN[1]) == "ein Apfel ."
    few = _bpe.learn("given", GIVEN, 6, "test")
    assert few.pieces == 6
    assert few.decode(few.encode(GIVEN[0])) == "der Apf<unk> <unk> <unk>"
    assert _bpe.learn("given", GIVEN, 1, "test").encode("der") == [UNK]


@given(st.lists(st.sampled_from(["a", "b@@", "c@@", "@@", "d@@e", "é"]), max_size=8))
def test_given_subwords_are_joined_as_subword_nmt_does(words):
    line = " ".join(words)
    assert WORDS.text(line) == re.sub(r"(@@ )|(@@ ?$)", "", line)  # the rule in subword-nmt's README


@given(st.lists(st.sampled_from([*LINES[:9], ""]), max_size=9), st.integers(1, 4))
def test_ragged_rows_are_the_lines_ids(lines, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_bpe, "_SENTENCES", chunk)
        rows = _bpe.ragged(TOKENIZER, lines)
    assert (rows.ids.dtype, rows.offsets.dtype) == ("int32", "int64")
    assert len(rows) == len(lines)
    cut = [rows.ids[a:b].tolist() for a, b in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)]
    assert cut == [TOKENIZER.encode(line) for line in lines]
