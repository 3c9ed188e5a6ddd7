"""Text to tokens, tokens to ids, ids to files and back: against `str.split` and plain dictionaries."""

import itertools
import json
import os
import threading
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.datasets import SPLITS, Found, _corpus, _corpus_cache, _corpus_parts
from optbench.datasets._corpus import Corpus
from optbench.datasets._corpus_parts import EOS, of_bytes, of_file, tokens
from optbench.datasets._corpus_vocabulary import UNKNOWN, by_count, encode, first_sight
from optbench.errors import OptbenchError

TEXT = st.text(st.sampled_from("ab é\n\r\t\u2003\U0001f600-<") | st.characters(exclude_characters="\0\ufeff"))
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", EOS, UNKNOWN]), min_size=1)
FOUND = Found("there", "0" * 64)


def expected(text):
    """What the papers' code does with each line of a file."""
    lines = text.split("\n")
    lines = lines if lines[-1] else lines[:-1]  # a file's last line need not end in a line feed
    return [word for line in lines for word in [*line.split(), EOS]]


def read(data, block=1 << 20, lowercase=False):
    told = []
    with patch.object(_corpus_parts, "_BLOCK", block):
        found = [word for some in tokens(of_bytes("it", data), lowercase, told.append) for word in some]
    assert sum(told) == len(data)
    return found


@given(TEXT, st.integers(1, 9), st.booleans())
def test_tokens_are_those_of_split_however_the_file_is_cut(text, block, lowercase):
    assert read(text.encode(), block, lowercase) == expected(text.lower() if lowercase else text)


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_are_read_right_or_refused(data, block):
    try:
        found = read(data, block)
    except OptbenchError as error:
        assert "\n" not in str(error)
        assert "NUL" in error.message or "not UTF-8" in error.message
    else:
        assert found == expected(data.decode("utf-8-sig"))


@given(TEXT.filter(bool), st.data(), st.integers(1, 9))
def test_truncated_text_is_a_shorter_text_or_refused(text, data, block):
    whole = text.encode()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        found = read(cut, block)
    except OptbenchError as error:
        assert "not UTF-8: its byte" in error.message
        with pytest.raises(UnicodeDecodeError):
            cut.decode()
    else:
        assert found == expected(cut.decode())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", []),
        (b"\n", [EOS]),
        (b"one", ["one", EOS]),
        (b" the cat \n sat \n", ["the", "cat", EOS, "sat", EOS]),  # Penn Treebank's form
        (b" \n = Heading = \n \n", [EOS, "=", "Heading", "=", EOS, EOS]),  # WikiText's
        (b"a b\r\nc\r\n", ["a", "b", EOS, "c", EOS]),
        (b"\xef\xbb\xbfa b", ["a", "b", EOS]),  # a byte-order mark
        ("x\u00a0y".encode(), ["x", "y", EOS]),  # as str.split has it
    ],
)
def test_the_forms_of_lines(data, words):
    assert read(data) == words


def test_where_a_file_is_no_text_is_said():
    with pytest.raises(OptbenchError, match="it is not UTF-8: its byte 5 is 0xff; convert it"):
        read(b"ab c \xff", block=2)
    with pytest.raises(OptbenchError, match="it is no text: its byte 6 is NUL"):
        read(b"ab cd \0 x", block=2)
    with pytest.raises(OptbenchError, match="not UTF-8: its byte 1 "):
        read("a b".encode("utf-16-le").replace(b"\0", b"\x80"))


def test_a_line_may_be_huge_and_a_token_may_not():
    line = b"word " * 600_000
    assert len(read(line)) == 600_001
    assert len(read(b"x" * (1 << 20))) == 2
    with pytest.raises(OptbenchError, match=r"it has no white space in [0-9,]+ bytes from byte 2 on; separate"):
        read(b"a " + b"x" * (1 << 22))


def test_a_part_of_a_file(tmp_path):
    (tmp_path / "text").write_bytes(b"0123456789")
    part = of_file(tmp_path / "text", 2, 6)
    assert part.size == 4
    for _ in range(2):
        with part.open() as file:
            assert file.read(3) + file.read(3) + file.read(3) == b"2345"
    (tmp_path / "text").unlink()
    with pytest.raises(OptbenchError, match=r"text cannot be read \(No such file"), part.open():
        pass
    with pytest.raises(OptbenchError, match=r"text cannot be read \(No such file"):
        of_file(tmp_path / "text")


@given(st.lists(WORDS))
def test_first_sight(blocks):
    seen = {}
    for word in (word for block in blocks for word in block):
        if word not in seen:
            seen[word] = len(seen)
    assert {word: number for number, word in enumerate(first_sight(blocks))} == seen


@given(st.lists(WORDS, min_size=1), st.sampled_from([0, 3, 4, 5]), st.integers(1, 4))
def test_the_most_frequent_tokens(blocks, size, least):
    words = by_count(iter(blocks), size, least)
    assert len(set(words)) == len(words)
    assert {EOS, UNKNOWN} <= set(words)
    assert not size or len(words) <= size
    flat = [word for block in blocks for word in block]
    true = Counter(flat)
    kept = Counter(word if word in words else UNKNOWN for word in flat)
    assert [kept[word] for word in words] == sorted((kept[word] for word in words), reverse=True)
    plain = [word for word in words if word not in (EOS, UNKNOWN)]
    left_out = set(true) - set(words)
    assert all(true[word] >= least for word in plain)
    limit = min((true[word] for word in plain), default=0) if size and len(words) == size else least - 1
    assert all(true[word] <= max(limit, least - 1) for word in left_out)
    first = list(dict.fromkeys(flat))
    for one, other in itertools.pairwise(plain):
        assert true[one] > true[other] or first.index(one) < first.index(other)


def test_encoding_and_the_unknown():
    (ids,) = encode([["a", "zebra", "b", EOS]], ["b", UNKNOWN, "a", EOS])
    assert ids.dtype == np.int32
    assert ids.tolist() == [2, 1, 0, 3]


# the cache


LINES = {"train": b"a b\na c\n", "validation": b"b b q\n", "test": b"c a\n"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "optbench" / "toy"


def toy(lines=LINES, **changes):
    return replace(
        Corpus("toy", FOUND, lambda: {split: [of_bytes(split, lines[split])] for split in SPLITS}, first_sight),
        **changes,
    )


def words(raw):
    return {split: [raw.vocabulary[number] for number in ids] for split, ids in raw.splits.items()}


TOKENS = {
    "train": ["a", "b", EOS, "a", "c", EOS],
    "validation": ["b", "b", "q", EOS],
    "test": ["c", "a", EOS],
}


def test_a_text_is_numbered_once_and_mapped_from_then_on(cache):
    told = []
    raw = toy().read(lambda *facts: told.append(facts))
    assert raw.vocabulary == ("a", "b", EOS, "c", "q")
    assert words(raw) == TOKENS
    total = 2 * sum(map(len, LINES.values()))
    assert {(name, of) for name, _, of in told} == {("reading toy", total)}
    assert told[-1][1] == total
    again = toy(parts=None).read(None)
    assert words(again) == TOKENS
    assert again.found is FOUND
    for ids in again.splits.values():
        assert isinstance(ids, np.memmap)
        assert ids.dtype == np.int32
    np.testing.assert_array_equal(np.load(next(cache.glob("*/train.npy"))), again.splits["train"])


def test_writing_to_the_ids_leaves_the_files_alone(cache):
    toy().read(None).splits["train"][:] = 0
    assert words(toy(parts=None).read(None)) == TOKENS


def test_the_unknown_are_counted(cache):
    known = toy(number=by_count, known=("train",))
    for raw in (known.read(None), known.read(None)):
        assert raw.counts == {"unknown in train": 0, "unknown in validation": 1, "unknown in test": 0}
        assert words(raw)["validation"] == ["b", "b", UNKNOWN, EOS]
    assert set(toy(options={"words": "all"}).read(None).counts.values()) == {0}


def test_other_text_or_options_have_other_files(cache):
    changes = [
        {},
        {"found": Found("there", "1" * 64)},
        {"lowercase": True},
        {"options": {"size": 3}},
        {"options": {"size": 4}},
    ]
    for each in changes:
        toy(**each).read(None)
    assert len(list(cache.glob("encoded-*/facts.json"))) == len(changes)


def test_several_parts_follow_each_other():
    parts = {split: [of_bytes("1", LINES[split]), of_bytes("2", b"end")] for split in SPLITS}
    raw = toy(parts=lambda: parts).read(None)
    assert words(raw) == {split: [*TOKENS[split], "end", EOS] for split in SPLITS}


def touched(path, change):
    """Change a file, and its time, which two changes within a clock's tick would leave alone."""
    before = path.stat().st_mtime_ns
    change(path)
    if path.exists():
        os.utime(path, ns=(before + 1, before + 1))


@pytest.mark.parametrize("name", ["train.npy", "validation.npy", "test.npy", "vocabulary.txt", "facts.json"])
@pytest.mark.parametrize(
    "change",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.write_bytes(b"[" * 100_000),
        lambda path: path.write_bytes(b"null"),
    ],
    ids=["gone", "empty", "shorter", "longer", "nested", "null"],
)
def test_damaged_files_are_replaced(cache, name, change):
    toy().read(None)
    touched(next(cache.glob(f"*/{name}")), change)
    assert words(toy().read(None)) == TOKENS
    assert words(toy(parts=None).read(None)) == TOKENS


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_no_altered_byte_of_the_files_is_read(data):
    with TemporaryDirectory() as folder, patch.dict(os.environ, XDG_CACHE_HOME=folder):
        toy().read(None)
        files = sorted(Path(folder).glob("optbench/toy/encoded-*/*"))
        file = data.draw(st.sampled_from(files))
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        touched(file, lambda path: path.write_bytes(content))
        loaded = _corpus_cache.load(file.parent)
        assert loaded is None or file.name == "facts.json"
        if loaded is None:
            assert words(toy().read(None)) == TOKENS
        else:
            assert words(replace(toy().read(None), splits=loaded.splits, vocabulary=loaded.vocabulary)) == TOKENS


def test_what_breaks_off_leaves_nothing_that_is_taken_for_whole(cache):
    with pytest.raises(OptbenchError, match="test is not UTF-8"):
        toy({**LINES, "test": b"c \xff\n"}, number=by_count, known=("train",)).read(None)
    assert not list(cache.glob("*/facts.json"))
    assert not list(cache.glob("*/.tmp-*"))
    assert words(toy().read(None)) == TOKENS


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("text", "count"), [(b"", "0 tokens"), (b"\n", "1 token")])
def test_a_split_needs_two_tokens(cache, split, text, count):
    with pytest.raises(OptbenchError, match=f"{split} has {count} for {split}, which needs 2; use a longer text"):
        toy({**LINES, split: text}).read(None)
    assert not list(cache.glob("*/facts.json"))


def test_two_at_once_number_once(cache):
    made = []
    corpus = toy(number=lambda blocks: made.append(1) or first_sight(blocks))
    threads = [threading.Thread(target=corpus.read, args=(None,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_without_a_cache_small_texts_are_numbered_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    raw = toy(number=partial(by_count, size=4), known=("train",)).read(None)
    assert words(raw)["train"] == ["a", "b", EOS, "a", UNKNOWN, EOS]
    assert raw.counts == {"unknown in train": 1, "unknown in validation": 1, "unknown in test": 1}
    assert not isinstance(raw.splits["train"], np.memmap)
    monkeypatch.setattr(_corpus, "IN_MEMORY", 3)
    with pytest.raises(OptbenchError, match=r"cannot write to the data cache .*XDG_CACHE_HOME"):
        toy().read(None)


def test_the_facts_are_json(cache):
    toy().read(None)
    facts = json.loads(next(cache.glob("*/facts.json")).read_text())
    assert facts["tokens"] == {split: len(found) for split, found in TOKENS.items()}
