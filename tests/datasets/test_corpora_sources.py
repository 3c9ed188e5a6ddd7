"""Penn Treebank, WikiText and One Billion Word in miniature: found, downloaded, verified, refused."""

import hashlib
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_images import member, tar

from optbench import datasets
from optbench.datasets import SPLITS, one_billion_word, ptb, wikitext2, wikitext103
from optbench.datasets._corpus_parts import EOS
from optbench.errors import OptbenchError

WORDS = {
    "train": " the <unk> sat \n N cats sat \n",
    "validation": " the dog \n",
    "test": " a bird sat \n N \n",
}
IN_ORDER = ("the", "<unk>", "sat", EOS, "N", "cats", "dog", "a", "bird")  # of first sight


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "xdg" / "optbench"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def md5(data):
    return hashlib.md5(data).hexdigest()


def write(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def said(raw, split):
    return " ".join(raw.vocabulary[number] for number in raw.splits[split])


# Penn Treebank


PTB = {ptb.FILES[split]: text.encode() for split, text in WORDS.items()}
TGZ = tar([member(f"simple-examples/data/{name}", data) for name, data in PTB.items()] + [member("README", b"x" * 999)])


@pytest.fixture
def toy_ptb(monkeypatch):
    monkeypatch.setattr(ptb, "MD5", {name: md5(data) for name, data in PTB.items()})
    monkeypatch.setattr(ptb, "BYTES", {name: len(data) for name, data in PTB.items()})
    monkeypatch.setattr(ptb, "ARCHIVE_MD5", md5(TGZ))
    monkeypatch.setattr(ptb, "MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setattr(ptb, "ARCHIVE_MIRRORS", ("http://127.0.0.1:1/x.tgz",))


def is_ptb(raw):
    assert raw.vocabulary == IN_ORDER
    assert said(raw, "train") == f"the <unk> sat {EOS} N cats sat {EOS}"
    assert said(raw, "validation") == f"the dog {EOS}"
    assert said(raw, "test") == f"a bird sat {EOS} N {EOS}"
    assert raw.counts == {"unknown in train": 1, "unknown in validation": 0, "unknown in test": 0}
    assert raw.found.checksum == ptb.INFO.checksum
    assert raw.found.exact


@pytest.mark.parametrize("folder", [".", "ptb", "simple-examples/data", "ptb/simple-examples/data"])
def test_ptb_is_three_files(toy_ptb, root, folder):
    assert ptb.find(root) is None
    write(root / folder, PTB)
    is_ptb(ptb.read(root, None))
    assert ptb.find(root).place == str(root / folder)


def test_ptb_is_mikolov_s_archive_too(toy_ptb, root):
    write(root, {"simple-examples.tgz": TGZ})
    is_ptb(ptb.read(root, None))
    assert ptb.find(root).place == str(root / "simple-examples.tgz")
    assert [path.name for path in root.iterdir()] == ["simple-examples.tgz"]


def test_ptb_is_verified_once(toy_ptb, root, monkeypatch):
    write(root, PTB)
    ptb.find(root)
    monkeypatch.setattr(ptb, "verify_md5", None)
    assert ptb.find(root).checksum == ptb.INFO.checksum
    monkeypatch.undo()


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: data.upper()])
@pytest.mark.parametrize("name", [*PTB, "simple-examples.tgz"])
def test_an_altered_ptb_is_refused(toy_ptb, root, name, change):
    files = {name: TGZ} if name not in PTB else PTB
    write(root, {**files, name: change(files[name])})
    for call in (ptb.find, lambda root: ptb.read(root, None)):
        with pytest.raises(OptbenchError, match=f"{name} is truncated or altered, or not ptb's: MD5 .*; replace it"):
            call(root)


def test_an_archive_without_the_files_is_refused(toy_ptb, root, monkeypatch):
    data = tar([member("simple-examples/data/ptb.train.txt", b"a b\n")])
    monkeypatch.setattr(ptb, "ARCHIVE_MD5", md5(data))
    write(root, {"simple-examples.tgz": data})
    with pytest.raises(OptbenchError, match=r"simple-examples.tgz lacks simple-examples/data/ptb.valid.txt"):
        ptb.read(root, None)


def test_ptb_is_downloaded_with_a_notice(toy_ptb, cache, mirror, monkeypatch):
    mirror.files = {f"data/{name}": data for name, data in PTB.items()}
    monkeypatch.setattr(ptb, "MIRRORS", ("http://127.0.0.1:1/", f"{mirror.url}data/"))
    seen = set()
    is_ptb(ptb.read(None, lambda name, here, total: seen.add(name)))
    assert seen == {*PTB, "reading ptb"}
    assert "Linguistic Data Consortium" in (cache / "ptb" / "NOTICE.txt").read_text()
    asked = len(mirror.requests)
    is_ptb(ptb.read(None, None))
    assert len(mirror.requests) == asked


def test_ptb_is_downloaded_as_an_archive_where_its_files_are_gone(toy_ptb, cache, mirror, monkeypatch):
    mirror.files = {"ptb.train.txt": b"another", "simple%2Dexamples.tgz": TGZ}
    monkeypatch.setattr(ptb, "MIRRORS", (mirror.url,))
    monkeypatch.setattr(ptb, "ARCHIVE_MIRRORS", (f"{mirror.url}gone.tgz", f"{mirror.url}simple%2Dexamples.tgz"))
    raw = ptb.read(None, None)
    is_ptb(raw)
    assert raw.found.place == str(cache / "ptb" / "simple-examples.tgz")
    assert (cache / "ptb" / "NOTICE.txt").is_file()


def test_without_network_every_mirror_of_ptb_is_named(toy_ptb, root):
    with pytest.raises(OptbenchError) as caught:
        ptb.read(root, None)
    text = str(caught.value)
    assert "\n" not in text
    for part in ("ptb.train.txt", str(root), "http://127.0.0.1:1/ptb.train.txt", "http://127.0.0.1:1/x.tgz"):
        assert part in text
    assert "--data-root" in caught.value.hint


def test_the_published_figures_of_ptb():
    assert sum(ptb.BYTES.values()) == 5_951_345  # the data set's card on Hugging Face
    assert sum(ptb.INFO.splits.values()) == 929_589 + 73_760 + 82_430
    listing = "".join(f"{ptb.MD5[f'ptb.{part}.txt']}  ptb.{part}.txt\n" for part in ("test", "train", "valid"))
    assert ptb.INFO.checksum == hashlib.sha256(listing.encode()).hexdigest()
    assert datasets.checksum("ptb") == ptb.INFO.checksum


# WikiText


LINES = {split: text.count("\n") for split, text in WORDS.items()}


def zipped(folder, texts=WORDS, more=()):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
            if split in texts:
                archive.writestr(f"{folder}/wiki.{name}.tokens", texts[split])
        for name, text in more:
            archive.writestr(name, text)
    return file.getvalue()


MODULES = pytest.mark.parametrize("module", [wikitext2, wikitext103], ids=lambda module: module.INFO.name)


def toy_wikitext(module, data, mirrors=("http://127.0.0.1:1/",)):
    return replace(module.SOURCE, md5=md5(data), archive_bytes=len(data), lines=LINES, mirrors=mirrors)


def unpacked(source):
    return {
        name: WORDS[split].encode()
        for split, name in (
            ("train", "wiki.train.tokens"),
            ("validation", "wiki.valid.tokens"),
            ("test", "wiki.test.tokens"),
        )
    }


def is_wikitext(raw):
    assert said(raw, "train") == f"the <unk> sat {EOS} N cats sat {EOS}"
    assert set(raw.splits) == set(SPLITS)


@MODULES
def test_wikitext_is_an_archive(module, root):
    data = zipped(module.SOURCE.folder)
    source = toy_wikitext(module, data)
    assert source.find(root) is None
    write(root, {source.archive: data})
    raw = source.read(root, None)
    is_wikitext(raw)
    assert raw.found == source.find(root)
    assert raw.found.checksum == source.checksum()
    assert raw.found.exact
    assert [path.name for path in root.iterdir()] == [source.archive]


@MODULES
def test_wikitext_is_an_unpacked_folder_too(module, root):
    source = toy_wikitext(module, b"")
    write(root, unpacked(source))
    assert source.find(root) is None  # which WikiText would that be?
    write(root / source.folder, unpacked(source))
    raw = source.read(root, None)
    is_wikitext(raw)
    assert not raw.found.exact
    assert "unpacked files" in raw.found.provenance
    listing = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(unpacked(source).items())
    )
    assert raw.found.checksum == hashlib.sha256(listing.encode()).hexdigest()
    assert source.find(root / source.folder) == raw.found
    assert source.find(root) == raw.found


def test_the_ids_of_the_two_wikitexts(root):
    for module, source in ((wikitext2, wikitext2.SOURCE), (wikitext103, wikitext103.SOURCE)):
        write(root / source.folder, unpacked(source))
        raw = replace(source, lines=LINES).read(root, None)
        if module is wikitext2:
            assert raw.vocabulary == IN_ORDER
        else:  # of train alone, the most frequent first
            assert raw.vocabulary == ("sat", EOS, "the", "N", "cats", "<unk>")
            assert said(raw, "test") == f"<unk> <unk> sat {EOS} N {EOS}"


def test_another_wikitext_s_files_are_told_by_their_lines(root):
    write(root / "wikitext-2", {**unpacked(None), "wiki.test.tokens": b"a b\n"})
    with pytest.raises(OptbenchError, match="wiki.test.tokens has 1 lines, wikitext2's has 2"):
        replace(wikitext2.SOURCE, lines=LINES).find(root)


@MODULES
def test_wikitext_is_downloaded(module, cache, mirror):
    data = zipped(module.SOURCE.folder)
    mirror.files = {module.SOURCE.archive: data}
    source = toy_wikitext(module, data, (mirror.url,))
    is_wikitext(source.read(None, None))
    ((path, _, agent),) = mirror.requests
    assert path == f"/{source.archive}"
    assert agent.startswith("optbench/")  # the mirror refuses urllib's own
    is_wikitext(source.read(None, None))
    assert len(mirror.requests) == 1


def test_an_altered_wikitext_is_never_used(cache, root, mirror):
    data = zipped("wikitext-2")
    mirror.files = {wikitext2.SOURCE.archive: data[:-1]}
    source = toy_wikitext(wikitext2, data, (mirror.url,))
    with pytest.raises(OptbenchError, match="could not be downloaded .*sent an altered file .*--data-root"):
        source.read(None, None)
    write(root, {source.archive: data[:-1]})
    with pytest.raises(OptbenchError, match="wikitext-2-v1.zip is truncated or altered, or not wikitext2's"):
        source.read(root, None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped("elsewhere"), r"holds wikitext-2/wiki.train.tokens 0 times, not once"),
        (zipped("wikitext-2", {**WORDS, "test": ""}), "has 0 tokens for test"),
        (zipped("wikitext-2", {**WORDS, "test": b"\xff"}), "wiki.test.tokens in .* is not UTF-8: its byte 0 is 0xff"),
        (b"PK\x05\x06" + bytes(10), "is truncated or altered"),
        (b"", "is truncated or altered"),
    ],
    ids=["names", "empty", "bytes", "end", "nothing"],
)
def test_an_archive_of_that_checksum_may_still_be_no_wikitext(root, data, words):
    source = toy_wikitext(wikitext2, data)
    write(root, {source.archive: data})
    with pytest.raises(OptbenchError, match=words):
        source.read(root, None)


def test_an_archive_that_expands_too_far_is_refused(root):
    data = zipped("wikitext-2", {**WORDS, "train": "a " * 1000})
    write(root, {wikitext2.SOURCE.archive: data})
    with pytest.raises(OptbenchError, match=r"wiki.train.tokens of 2,000 bytes, of 1,999 at most"):
        replace(toy_wikitext(wikitext2, data), file_bytes=1999).read(root, None)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_a_name_twice_is_refused(root):
    data = zipped("wikitext-2", more=[("wikitext-2/wiki.train.tokens", "other words\n")])
    source = toy_wikitext(wikitext2, data)
    write(root, {source.archive: data})
    with pytest.raises(OptbenchError, match="holds wikitext-2/wiki.train.tokens 2 times"):
        source.read(root, None)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_an_altered_archive_is_read_right_or_refused(data):
    """Even if its checksum were that of the altered bytes."""
    whole = zipped("wikitext-2")
    changed = bytearray(whole)
    if data.draw(st.booleans()):
        del changed[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        changed[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with TemporaryDirectory() as folder, patch.dict(os.environ, XDG_CACHE_HOME=f"{folder}/cache"):
        source = toy_wikitext(wikitext2, bytes(changed))
        write(Path(folder), {source.archive: bytes(changed)})
        try:
            is_wikitext(source.read(Path(folder), None))
        except OptbenchError as error:
            assert "wikitext-2" in error.message
            assert "\n" not in str(error)


@MODULES
def test_the_published_figures_of_wikitext(module):
    source, facts = module.SOURCE, module.INFO
    assert len(bytes.fromhex(source.md5)) == 16
    assert facts.checksum == hashlib.sha256(f"{source.md5}  {source.archive}\n".encode()).hexdigest()
    assert (source.lines["validation"], source.lines["test"]) == (3760, 4358)
    words = {"wikitext2": 2_051_910, "wikitext103": 101_425_671}[facts.name]  # Merity et al., Table 1; without <eos>
    assert facts.splits["train"] == words + source.lines["train"]


# One Billion Word


SHARDS = {
    f"{one_billion_word.TRAIN}/news.en-00001-of-00100": "a a b\nc a b\n",
    f"{one_billion_word.TRAIN}/news.en-00002-of-00100": "b a b c\nd c c\n",
    one_billion_word.TEST: "c d <unk> e a\n",
    one_billion_word.VALIDATION: "b\n",
    f"{one_billion_word.HELD_OUT}/news.en.heldout-00002-of-00050": "not read\n",
}


def shards(changes=()):
    return {name: text.encode() for name, text in {**SHARDS, **dict(changes)}.items() if text is not None}


@pytest.mark.parametrize("folder", [".", "one-billion-word", one_billion_word.RELEASE])
def test_one_billion_word_is_read_from_shards(root, monkeypatch, folder):
    monkeypatch.setattr(one_billion_word, "LINES", 4)
    write(root / folder, shards())
    raw = one_billion_word.read(root, None)
    # a, b, c and the end of a sentence come four times each; d, once, is unknown
    assert raw.vocabulary == ("a", "b", "c", EOS, "<unk>")
    assert said(raw, "train") == f"a a b {EOS} c a b {EOS} b a b c {EOS} <unk> c c {EOS}"
    assert said(raw, "validation") == f"b {EOS}"
    assert said(raw, "test") == f"c <unk> <unk> <unk> a {EOS}"
    assert raw.counts == {"unknown in train": 1, "unknown in validation": 0, "unknown in test": 3}
    assert raw.found == one_billion_word.find(root)
    assert raw.found.exact
    assert raw.found.variant == "4 sentences"


def test_one_billion_word_s_checksum_is_that_of_its_listing(root, monkeypatch):
    write(root, shards())
    read = {name: data for name, data in shards().items() if "00002-of-00050" not in name}
    listing = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(read.items()))
    found = one_billion_word.find(root)
    assert found.checksum == hashlib.sha256(listing.encode()).hexdigest()
    assert not found.exact
    assert datasets.checksum("one-billion-word", root=root) == found.checksum
    monkeypatch.setattr(one_billion_word, "summed", None)
    assert one_billion_word.find(root) == found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(name, None) for name in SHARDS if "training" in name], None),
        ([(one_billion_word.TEST, None)], "has no heldout-.*heldout-00000-of-00050; unpack the whole archive"),
        ([(one_billion_word.VALIDATION, None)], "has no heldout-.*heldout-00001-of-00050; unpack the whole archive"),
        ([(name, "") for name in SHARDS if "training" in name], "has 0 tokens for train"),
        ([(next(iter(SHARDS)), "a \0\n")], "news.en-00001-of-00100 is no text"),
    ],
    ids=["train", "test", "validation", "empty", "nul"],
)
def test_incomplete_shards_are_told(root, changes, words):
    write(root, shards(changes))
    if words is None:
        (root / one_billion_word.TRAIN).mkdir()
        words = "has no shards news.en-"
    with pytest.raises(OptbenchError, match=words):
        one_billion_word.read(root, None)


def test_where_one_billion_word_comes_from_is_told(root):
    assert one_billion_word.find(root) is None
    with pytest.raises(OptbenchError) as caught:
        one_billion_word.read(root, None)
    assert "\n" not in str(caught.value)
    assert str(root / one_billion_word.TRAIN) in caught.value.message
    assert "http://www.statmt.org/lm-benchmark/" in caught.value.hint
