import gzip
import hashlib
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_images import member, tar, tar_of
from making_pairs import PAIRS, SPLITS, contents, write

from optbench import datasets
from optbench.datasets import _bpe, _pairs_cache, _pairs_files, multi30k, parallel
from optbench.errors import OptbenchError

SMALL = {"vocabulary": 120}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def read(path, **options):
    return parallel.read(None, None, path=str(path), **SMALL | options)


def rows(side):
    return [side.ids[a:b].tolist() for a, b in zip(side.offsets[:-1], side.offsets[1:], strict=True)]


def check(raw, swapped=False):
    """See that the text is that of `SPLITS`."""
    for split, stem in zip(datasets.SPLITS, SPLITS, strict=True):
        german, english = (tuple(pair[side] for pair in SPLITS[stem]) for side in (0, 1))
        pairs = raw.splits[split]
        assert (pairs.source, pairs.target) == ((english, german) if swapped else (german, english))
        for lines, side in ((pairs.source, pairs.source_ids), (pairs.target, pairs.target_ids)):
            assert [raw.tokenizer.decode(ids) for ids in rows(side)] == list(lines)


def archive(path, files=None, mode="w:gz", prefix=""):
    path.write_bytes(tar_of({prefix + name: data for name, data in (files or contents()).items()}, mode))
    return path


def zipped(folder):
    return write(folder, {f"{name}.gz": gzip.compress(data) for name, data in contents().items()})


@pytest.mark.parametrize(
    "make",
    [
        lambda at: write(at / "corpus"),
        lambda at: write(at / "corpus", contents(ends="\r\n")),
        lambda at: write(at / "corpus", {name: b"\xef\xbb\xbf" + data for name, data in contents().items()}),
        lambda at: write(at / "corpus", {name: data.rstrip(b"\n") for name, data in contents().items()}),
        lambda at: write(at / "corpus", contents(dict(zip(("train", "val", "test"), SPLITS.values(), strict=True)))),
        lambda at: zipped(at / "corpus"),
        lambda at: archive(at / "corpus.tar.gz"),
        lambda at: archive(at / "corpus.tar", mode="w", prefix="data/of/mine/"),
    ],
    ids=["folder", "crlf", "byte-order-mark", "no-last-newline", "val", "gzipped", "tar.gz", "tar"],
)
def test_every_form_of_the_files_gives_the_same_pairs(tmp_path, make):
    place = make(tmp_path)
    raw = read(place)
    check(raw)
    assert raw.languages == ("de", "en")
    assert raw.pieces == raw.tokenizer.pieces == 120
    assert (raw.found.place, raw.found.variant, raw.found.exact) == (str(place), "", True)


def test_the_checksum_is_over_the_sums_of_the_files(tmp_path):
    write(tmp_path / "corpus")
    names = {name: name.replace("valid", "validation") for name in contents()}
    listing = "".join(
        f"{hashlib.sha256(contents()[old]).hexdigest()}  {new}\n"
        for old, new in sorted(names.items(), key=lambda pair: pair[1])
    )
    expected = hashlib.sha256(listing.encode()).hexdigest()
    options = {"path": "corpus"}
    assert datasets.checksum("parallel", root=tmp_path, options=options) == expected
    loaded = datasets.load("parallel", root=tmp_path, options=options | SMALL)
    assert loaded.checksum == expected
    assert loaded.test.source_text == tuple(pair[0] for pair in SPLITS["test"])
    assert loaded.tokenizer.decode(loaded.test.target.row(2).tolist()) == SPLITS["test"][2][1]


def test_a_path_is_in_the_data_root_or_from_here(tmp_path, monkeypatch):
    write(tmp_path / "here" / "corpus")
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "root").mkdir()
    assert datasets.locate("parallel", root=tmp_path / "root", options={"path": "corpus"}).place == "corpus"
    write(tmp_path / "root" / "corpus")
    found = datasets.locate("parallel", root=tmp_path / "root", options={"path": "corpus"})
    assert found.place == str(tmp_path / "root" / "corpus")
    assert datasets.locate("parallel") is None
    with pytest.raises(OptbenchError, match="no path says where the files are; name the folder"):
        datasets.fetch("parallel")
    with pytest.raises(OptbenchError, match="there is no folder and no archive .* at nowhere; correct its path"):
        datasets.locate("parallel", options={"path": "nowhere"})


def test_both_directions_have_the_same_subwords(tmp_path):
    write(tmp_path / "corpus")
    forth, back = read(tmp_path / "corpus"), read(tmp_path / "corpus", source="en")
    check(back, swapped=True)
    assert back.languages == ("en", "de")
    assert back.tokenizer.model == forth.tokenizer.model
    assert back.found.checksum == forth.found.checksum
    assert read(tmp_path / "corpus", target="de").languages == ("en", "de")
    np.testing.assert_array_equal(back.splits["test"].source_ids.ids, forth.splits["test"].target_ids.ids)


def test_what_was_cut_once_is_remembered_until_the_text_changes(tmp_path, monkeypatch):
    folder = write(tmp_path / "corpus")
    first = read(folder)
    with monkeypatch.context() as patch:
        patch.setattr(_bpe, "learn", None)
        second = read(folder)
        assert second.tokenizer.model == first.tokenizer.model
        for split in datasets.SPLITS:
            for side in ("source_ids", "target_ids"):
                one, other = getattr(first.splits[split], side), getattr(second.splits[split], side)
                np.testing.assert_array_equal(one.ids, other.ids)
                np.testing.assert_array_equal(one.offsets, other.offsets)
                assert other.ids.flags.writeable
        with pytest.raises(TypeError):
            read(folder, vocabulary=110)
        with pytest.raises(TypeError):
            read(folder, lowercase=True)
    (folder / "test.en").write_bytes(contents()["test.en"].replace(b"nice", b"fine"))
    third = read(folder)
    assert third.found.checksum != first.found.checksum
    assert "fine" in third.splits["test"].target[0]
    kept = next((tmp_path / "cache").rglob("pairs-*"))
    kept.write_bytes(b"damaged" + kept.read_bytes()[7:])
    assert "fine" in read(folder).splits["test"].target[0]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    check(read(write(tmp_path / "corpus")))


def test_finding_is_cheap_the_second_time(tmp_path, monkeypatch):
    folder = write(tmp_path / "corpus")
    found = datasets.locate("parallel", options={"path": str(folder)})
    monkeypatch.setattr(_pairs_files, "lines", None)
    assert datasets.locate("parallel", options={"path": str(folder)}) == found
    (folder / "train.de").write_bytes(b"x" + contents()["train.de"])
    with pytest.raises(TypeError):
        datasets.locate("parallel", options={"path": str(folder)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train.de": None}, "has train.en, which is not two languages; put the same lines"),
        ({"train.de": None, "train.en": None}, "has no train.<language>, which is not two languages"),
        ({"valid.en": None}, "has no valid.en or val.en or dev.en or validation.en"),
        ({"test.de": None}, "has no test.de; a folder needs all three splits in both languages"),
        ({"train.fr": b"x\n"}, "has train.de, train.en, train.fr: which two are meant is not clear; name source"),
        ({"train.en": b"one\n"}, "the train split has 80 lines in de and 1 in en; each line needs its translation"),
        ({"test.en": b"", "test.de": b""}, "the test split is empty"),
        ({"train.en": b"\n" * 80}, "no training pair has words on both sides"),
        ({"valid.de": b"gut\nsch\xf6n\n"}, "valid.de, line 2: byte 0xf6 is not UTF-8; convert it"),
        ({"valid.de": b"gut\nsch\0n\n"}, "valid.de, line 2: a byte 0"),
        ({"train.de": "Bär\n".encode("utf-16")}, "train.de, line 1: byte 0x.. is not UTF-8"),
        ({"test.en": None, "test.en.gz": gzip.compress(b"x\n" * 99)[:-9]}, "test.en.gz is truncated or altered"),
    ],
    ids=lambda value: None if isinstance(value, dict) else re.sub(r"\W+", "-", value)[:30],
)
def test_what_is_wrong_with_the_files_is_said_in_one_line(tmp_path, change, message):
    files = {name: data for name, data in (contents() | change).items() if data is not None}
    folder = write(tmp_path / "corpus", files)
    for call in (read, lambda path: datasets.locate("parallel", options={"path": str(path)})):
        with pytest.raises(OptbenchError, match=message) as caught:
            call(folder)
        assert "\n" not in str(caught.value)


def test_two_of_three_languages_can_be_named(tmp_path):
    folder = write(tmp_path / "corpus", contents() | {f"{stem}.fr": b"oui\n" * len(SPLITS[stem]) for stem in SPLITS})
    assert read(folder, source="fr", target="en").splits["test"].source[0] == "oui"
    with pytest.raises(OptbenchError, match=r"has no train.cs; it has train.de, train.en, train.fr"):
        read(folder, source="cs", target="en")


def test_options_that_will_not_do(tmp_path):
    folder = write(tmp_path / "corpus")
    for options, message in {
        ("source", "de", "target", "de"): "source and target are both 'de'",
        ("vocabulary", 0): "vocabulary = 0; it must be a whole number of at least 1",
        ("tokens", "letters"): "tokens = 'letters'; it must be one of sentencepiece, given",
        ("lower", True): "no option 'lower'; did you mean 'lowercase'",
        ("max_tokens", 2): "no training pair has 1 to 2 subwords a side",
    }.items():
        with pytest.raises(OptbenchError, match=message):
            read(folder, **dict(zip(options[::2], options[1::2], strict=True)))


def test_blank_training_pairs_are_left_out_and_counted(tmp_path):
    splits = {
        "train": [("", "nothing"), *PAIRS[:9], ("nichts", " \t"), ("", "")],
        "valid": [("", "nothing"), PAIRS[1]],
        "test": [PAIRS[2], ("", "")],
    }
    raw = read(write(tmp_path / "corpus", contents(splits)))
    assert raw.splits["train"].source == tuple(pair[0] for pair in PAIRS[:9])
    assert len(raw.splits["train"].target_ids) == 9
    assert raw.splits["validation"].source == ("", PAIRS[1][0])
    assert [len(ids) for ids in rows(raw.splits["test"].target_ids)][1] == 0
    assert "3 training pairs with a blank side left out" in raw.found.variant


def test_long_training_pairs_can_be_left_out(tmp_path):
    folder = write(tmp_path / "corpus")
    lengths = [max(map(len, pair)) for pair in zip(*both(read(folder), "train"), strict=True)]
    longest = sorted(lengths)[40]
    raw = read(folder, max_tokens=longest)
    expected = [pair for pair, length in zip(SPLITS["train"], lengths, strict=True) if length <= longest]
    assert list(zip(raw.splits["train"].source, raw.splits["train"].target, strict=True)) == expected
    assert max(len(ids) for side in both(raw, "train") for ids in side) == longest
    assert [raw.tokenizer.decode(ids) for ids in both(raw, "train")[1]] == [pair[1] for pair in expected]
    assert len(raw.splits["test"].source) == len(SPLITS["test"])


def both(raw, split):
    return [rows(raw.splits[split].source_ids), rows(raw.splits[split].target_ids)]


def test_lower_case(tmp_path):
    raw = read(write(tmp_path / "corpus"), lowercase=True)
    assert raw.splits["test"].source[0] == SPLITS["test"][0][0].lower()
    assert raw.tokenizer.decode(rows(raw.splits["test"].target_ids)[0]) == SPLITS["test"][0][1].lower()


def test_a_vocabulary_that_the_text_does_not_support_is_said(tmp_path):
    raw = read(write(tmp_path / "corpus"), vocabulary=8000)
    assert raw.pieces < 1000
    assert raw.found.variant == f"{raw.pieces} subwords, all that the text supports"


def test_files_that_are_cut_already(tmp_path):
    splits = {
        "train": [("der Apf@@ el", "the ap@@ ple"), ("ein Hu@@ nd .", "a do@@ g .")],
        "valid": [("der Hu@@ nd", "the do@@ g")],
        "test": [("ein Baum", "a tree"), ("ein Apf@@ el", "an ap@@ ple")],
    }
    raw = read(write(tmp_path / "corpus", contents(splits)), tokens="given")
    assert raw.splits["validation"].target == ("the dog",)
    assert raw.splits["train"].source == ("der Apfel", "ein Hund .")
    assert raw.tokenizer.decode(rows(raw.splits["validation"].source_ids)[0]) == "der Hund"
    assert raw.tokenizer.decode(rows(raw.splits["test"].target_ids)[1]) == "<unk> apple"
    assert raw.pieces == 4 + len({word for pair in splits["train"] for side in pair for word in side.split()})
    assert raw.found.variant == ""


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../train.de", b"1"), "which leads out of it"),
        (member("/train.de", b"1"), "which leads out of it"),
        (member("test.en", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "which is a link"),
        (member("test.en", type=tarfile.LNKTYPE, linkname="test.de"), "which is a link"),
        (member("more/test.en", b"1"), "more than one test.en"),
    ],
)
def test_an_archive_that_is_not_safe_is_refused(tmp_path, bad, reason):
    parts = [member(name, data) for name, data in contents().items() if name != "test.en" or "more" in reason]
    (tmp_path / "x.tar").write_bytes(tar([*parts, bad]))
    with pytest.raises(OptbenchError, match=reason):
        read(tmp_path / "x.tar")


def test_a_gzipped_file_may_not_expand_without_end(tmp_path):
    bomb = write(tmp_path / "multi30k", contents() | {"train.de.gz": gzip.compress(bytes(17_000_000)), "val.de": b""})
    (bomb / "train.de").unlink()
    (bomb / "train.en").unlink()
    (bomb / "train.en.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(OptbenchError, match="train.de.gz has more than 16000000 bytes"):
        datasets.fetch("multi30k", root=tmp_path)


PUBLISHED = {name.replace("valid", "validation"): hashlib.sha256(data).hexdigest() for name, data in contents().items()}
SOURCE = replace(multi30k.SOURCE, published=PUBLISHED, stems=_pairs_files.STEMS, folders=("x", "x.tar.gz"))
ARCHIVE = tar_of(contents(), "w:gz")
PLAIN = tar_of(contents(), "w")


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_truncated_or_altered_archive_is_refused_or_read_right(data):
    whole = bytearray(data.draw(st.sampled_from([ARCHIVE, PLAIN])))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    del whole[data.draw(st.integers(0, len(whole))) :]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", folder)
        Path(folder, "x.tar.gz").write_bytes(whole)
        try:
            check(SOURCE.read(Path(folder), SMALL))
        except OptbenchError as error:
            assert "\n" not in str(error)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(contents())), st.data())
def test_an_altered_file_is_refused_or_read_as_it_is(name, data):
    """Oracle: the file's lines as Python's universal reading of bytes gives them."""
    whole = bytearray(contents()[name])
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    expected = [line.removesuffix(b"\r") for line in bytes(whole).removesuffix(b"\n").split(b"\n")]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", folder)
        write(Path(folder), contents() | {name: bytes(whole)})
        try:
            raw = read(Path(folder))
        except OptbenchError as error:
            assert "\n" not in str(error)
            return
    stem, language = name.split(".")
    pairs = raw.splits[{"valid": "validation"}.get(stem, stem)]
    assert [line.encode() for line in (pairs.source if language == "de" else pairs.target)] == expected


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=5), st.binary(max_size=20), max_size=4), st.text(max_size=5), st.data())
def test_the_cache_gives_back_what_was_put_in_or_refuses(parts, key, data):
    packed = bytearray(_pairs_cache.pack(parts, key))
    assert {name: bytes(part) for name, part in _pairs_cache.unpack(bytes(packed), key).items()} == parts
    with pytest.raises(OptbenchError, match="another source"):
        _pairs_cache.unpack(bytes(packed), key + "x")
    at = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(OptbenchError, match="damaged"):
        _pairs_cache.unpack(bytes(packed[:at]), key)
    packed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(OptbenchError, match="damaged"):
        _pairs_cache.unpack(bytes(packed), key)
