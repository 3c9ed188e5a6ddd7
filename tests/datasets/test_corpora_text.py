"""A user's own text: one file or three, its options, and what is told where it will not do."""

import contextlib
import hashlib
import io
import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench import datasets
from optbench.cli import main
from optbench.datasets import SPLITS, text
from optbench.datasets._corpus_parts import EOS
from optbench.datasets._corpus_vocabulary import UNKNOWN
from optbench.errors import OptbenchError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


def read(path, **options):
    return text.read(None, None, path=str(path), **options)


def said(raw, split):
    return [raw.vocabulary[number] for number in raw.splits[split]]


def numbered(count):
    return "".join(f"line {number}\n" for number in range(count))


@pytest.mark.parametrize(("lines", "held_out"), [(3, 1), (19, 1), (20, 1), (39, 1), (40, 2), (100, 5), (1000, 50)])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_file_is_split_into_runs_of_lines(lines, held_out, end):
    Path("novel.txt").write_text(numbered(lines)[:-1] + end)
    raw = read("novel.txt")
    assert {split: said(raw, split).count(EOS) for split in SPLITS} == {
        "train": lines - 2 * held_out,
        "validation": held_out,
        "test": held_out,
    }
    cuts = text._cuts(Path("novel.txt"))
    whole = Path("novel.txt").read_text()
    assert [whole[:cut].count("\n") for cut in cuts] == [lines - 2 * held_out, lines - held_out]


def test_the_tokens_and_ids_of_a_file():
    Path("novel.txt").write_bytes(b"b a a\r\na b c\nA b\n")
    raw = read("novel.txt")
    assert raw.vocabulary == ("a", "b", EOS, UNKNOWN)
    assert [said(raw, split) for split in SPLITS] == [
        ["b", "a", "a", EOS],
        ["a", "b", UNKNOWN, EOS],
        [UNKNOWN, "b", EOS],
    ]
    assert raw.counts == {"unknown in train": 0, "unknown in validation": 1, "unknown in test": 1}
    assert said(read("novel.txt", lowercase=True), "test") == ["a", "b", EOS]
    small = read("novel.txt", vocabulary=3)
    assert set(small.vocabulary) == {"a", EOS, UNKNOWN}
    assert said(small, "validation") == ["a", UNKNOWN, UNKNOWN, EOS]


def test_a_folder_has_three_files():
    Path("corpus").mkdir()
    contents = {"train": "one two\n", "valid": "two\n", "test": "three"}
    for name, content in contents.items():
        Path("corpus", f"{name}.txt").write_text(content)
    raw = read("corpus")
    assert [said(raw, split) for split in SPLITS] == [["one", "two", EOS], ["two", EOS], [UNKNOWN, EOS]]
    listing = "".join(f"{hashlib.sha256(contents[n].encode()).hexdigest()}  {n}.txt\n" for n in sorted(contents))
    assert raw.found.checksum == hashlib.sha256(listing.encode()).hexdigest()
    Path("corpus", "valid.txt").unlink()
    with pytest.raises(OptbenchError, match=r"corpus has no valid.txt; a folder of text holds train.txt, valid.txt"):
        text.find(None, path="corpus")


def test_the_checksum_follows_the_bytes(monkeypatch):
    file = Path("novel.txt")
    file.write_text(numbered(5))
    options = {"path": "novel.txt", "lowercase": False, "vocabulary": 0}
    first = datasets.checksum("text", options=options)
    assert first == hashlib.sha256(file.read_bytes()).hexdigest()
    assert read(file).found.provenance == "found in novel.txt"
    file.write_text(numbered(6))
    assert datasets.checksum("text", options=options) == hashlib.sha256(file.read_bytes()).hexdigest() != first
    assert len(read(file).splits["train"]) == 3 * 4
    monkeypatch.setattr(text, "summed", None)
    assert text.find(None, path="novel.txt").checksum == datasets.checksum("text", options=options)


def test_the_loaded_text_has_int32_tensors():
    Path("novel.txt").write_text(numbered(40))
    options = {"path": "novel.txt", "lowercase": True, "vocabulary": 5}
    loaded = datasets.load("text", options=options)
    assert loaded.kind == "text"
    assert len(loaded.vocabulary) == 5
    for split in SPLITS:
        assert getattr(loaded, split).dtype == torch.int32
    assert loaded.train.tolist() == text.read(None, None, **options).splits["train"].tolist()
    assert loaded.checksum == datasets.checksum("text", options=options)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has 0 lines, and needs 3 to be split; break it into lines, or give a folder"),
        (b"one line of words", "has 1 line, and needs 3"),
        (b"a\nb", "has 2 lines, and needs 3"),
        (b"a\rb\rc\rd", "has 1 line, and needs 3"),
        (b"a\nb\n\n", "has 1 token for test, which needs 2"),
        (b"a b\n" * 9 + b"\x80\n", "is not UTF-8: its byte 0 is 0x80"),
        (b"\x7fELF\0\n\n\n\n", "is no text: its byte 4 is NUL"),
        ("a b\nc d\ne f\n".encode("utf-16"), "is not UTF-8: its byte 0 is 0xff"),
    ],
)
def test_what_is_no_text_to_train_on_is_told(content, words):
    Path("novel.txt").write_bytes(content)
    with pytest.raises(OptbenchError, match=words) as caught:
        read("novel.txt")
    assert "novel.txt" in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "the data set 'text' has no path; write path = "),
        ("nowhere.txt", "there is no file or folder 'nowhere.txt'; write path = "),
        ("~nobody/novel.txt", "there is no file or folder '~nobody/novel.txt'"),
        ("/dev/null", "there is no file or folder '/dev/null'"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path, words):
    assert text.find(None, path=path) is None
    with pytest.raises(OptbenchError, match=words):
        read(path)


def test_the_command_tells_how_to_give_a_path():
    done = CliRunner().invoke(main, ["data", "fetch", "text"], catch_exceptions=False)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert 'write path = "FILE" in the [data] table' in line


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("path", ["novel.txt"], ["", " ", 1]),
        ("lowercase", [True, False], [0, "yes"]),
        ("vocabulary", [0, 3, 10_000], [-1, 1, 2, 2.5, True, "all"]),
    ],
)
def test_what_the_options_may_hold(key, good, bad):
    field = datasets.options("text")[key]
    assert not any(field.problem(value) for value in good)
    assert all(field.problem(value) for value in bad)


def oracle(data):
    """Split, count and number in the plainest way; None where the text will not do."""
    lines = io.StringIO(data.decode("utf-8-sig"), newline="\n").readlines()
    held_out = max(1, len(lines) // 20)
    if len(lines) < 3:
        return None
    cuts = [0, len(lines) - 2 * held_out, len(lines) - held_out, len(lines)]
    parts = [[w for line in lines[a:b] for w in [*line.split(), EOS]] for a, b in itertools.pairwise(cuts)]
    if min(map(len, parts)) < 2:
        return None
    known = {*Counter(parts[0]), UNKNOWN}
    return [[word if word in known else UNKNOWN for word in part] for part in parts]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([b"a", b" b", b"\n", b"a\n", b"\xc3\xa9", b"\xc3", b"\0", b"\r\n", b"\xef\xbb\xbf"])))
def test_any_file_is_read_right_or_refused(pieces):
    data = b"".join(pieces)
    with TemporaryDirectory() as folder, patch.dict(os.environ, XDG_CACHE_HOME=f"{folder}/cache"):
        file = Path(folder, "text")
        file.write_bytes(data)
        try:
            raw = read(file)
        except OptbenchError as error:
            assert str(file) in error.message
            assert "\n" not in str(error)
            with contextlib.suppress(UnicodeDecodeError):
                assert b"\0" in data or oracle(data) is None
        else:
            assert [said(raw, split) for split in SPLITS] == oracle(data)


def test_large_text_takes_little_memory():
    """16 MB of text are numbered in less than they would take with their tokens as strings, some 30 MB and more."""
    with Path("large.txt").open("w") as file:
        for _ in range(16):
            file.write("the same few words again and again\n" * 30_000)
    code = (
        "import resource, numpy; from optbench.datasets import text, _corpus, _corpus_cache, _download;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "raw = text.read(None, None, path='large.txt');"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000  # kilobytes
