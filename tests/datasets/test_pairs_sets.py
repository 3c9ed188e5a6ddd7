"""The named sets: Multi30k, the papers' prepared ones, and the numbers."""

import gzip
import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from making_images import tar_of
from making_pairs import SPLITS, contents, write

from optbench import datasets
from optbench.datasets import _pairs_files, multi30k, numbers
from optbench.errors import OptbenchError

PLACES = [os.environ.get("OPTBENCH_DATA", ""), Path(__file__).parents[3] / "shared" / "data"]
ROOT = next((Path(place) for place in PLACES if place and Path(place, "multi30k.tar.gz").is_file()), None)
SMALL = {"vocabulary": 120}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "optbench"


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Where the numbers are kept, so that they are generated once."""
    return tmp_path_factory.mktemp("numbers")


@pytest.mark.skipif(ROOT is None, reason="multi30k.tar.gz is nowhere")
def test_multi30k():
    found = datasets.load("multi30k", root=ROOT)
    facts = datasets.info("multi30k")
    assert found.exact
    assert found.checksum == facts.checksum == datasets.checksum("multi30k", root=ROOT)
    assert {split: len(getattr(found, split)) for split in datasets.SPLITS} == facts.splits
    assert found.languages == ("de", "en")
    assert found.pieces == facts.vocabulary == 8000
    assert found.train.source_text[0] == "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche."
    assert found.train.target_text[0] == "Two young, White males are outside near many bushes."
    assert found.train.target.lengths.float().mean().item() == pytest.approx(facts.sentence_tokens, abs=0.05)
    for split in (found.validation, found.test):
        for rows, lines in ((split.source, split.source_text), (split.target, split.target_text)):
            for number, line in enumerate(lines):
                assert found.tokenizer.decode(rows.row(number).tolist()) == " ".join(line.split())


FILES = contents(dict(zip(("train", "val", "test_2016_flickr"), SPLITS.values(), strict=True)))
ZIPPED = {f"{name}.gz": gzip.compress(data) for name, data in FILES.items()}


@pytest.fixture
def _tiny(monkeypatch, mirror):
    """A Multi30k of a few lines, which the mirror on this machine has."""
    names = {name: name.replace("val.", "validation.").replace("test_2016_flickr", "test") for name in FILES}
    sums = {names[name]: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    info = replace(multi30k.INFO, splits=dict(zip(datasets.SPLITS, map(len, SPLITS.values()), strict=True)))
    monkeypatch.setattr(multi30k, "SOURCE", replace(multi30k.SOURCE, published=sums, info=info))
    downloads = {name: (hashlib.md5(data).hexdigest(), len(data)) for name, data in ZIPPED.items()}
    monkeypatch.setattr(multi30k, "DOWNLOADS", downloads)
    monkeypatch.setattr(multi30k, "MIRRORS", (mirror.url,))
    mirror.files = dict(ZIPPED)


@pytest.mark.usefixtures("_tiny")
def test_multi30k_is_downloaded_once(mirror, cache):
    assert datasets.locate("multi30k") is None
    raw = multi30k.read(None, None, **SMALL)
    assert raw.splits["test"].target == tuple(pair[1] for pair in SPLITS["test"])
    assert datasets.locate("multi30k").place == str(cache / "multi30k")
    multi30k.read(None, None, **SMALL)
    assert len(mirror.requests) == 6


@pytest.mark.usefixtures("_tiny")
def test_a_download_that_was_cut_off_goes_on(mirror):
    del mirror.files["test_2016_flickr.en.gz"]
    with pytest.raises(OptbenchError, match="there is no .*, and test_2016_flickr.en.gz could not be downloaded .*404"):
        multi30k.read(None, None)
    assert datasets.locate("multi30k") is None
    mirror.files = dict(ZIPPED)
    multi30k.read(None, None, **SMALL)
    assert len(mirror.requests) == 7


@pytest.mark.usefixtures("_tiny")
def test_altered_downloads_and_files_are_refused(mirror, tmp_path):
    mirror.files["val.de.gz"] = gzip.compress(b"other\n")
    with pytest.raises(OptbenchError, match="val.de.gz could not be downloaded .*altered"):
        multi30k.read(None, None)
    altered = FILES | {"val.en": FILES["val.en"].replace(b"The", b"A")}
    (tmp_path / "multi30k.tar.gz").write_bytes(tar_of(altered))
    with pytest.raises(OptbenchError, match="val.en is altered, or not multi30k's: SHA-256 .* replace it"):
        datasets.locate("multi30k", root=tmp_path)
    write(tmp_path / "multi30k", FILES)  # a folder comes before an archive
    assert datasets.locate("multi30k", root=tmp_path).exact


def test_multi30k_has_two_languages(tmp_path):
    write(tmp_path / "multi30k", FILES)
    with pytest.raises(OptbenchError, match="multi30k has no language 'fr'; it has de and en"):
        datasets.locate("multi30k", root=tmp_path, options={"target": "fr"})


def test_the_checksum_of_multi30k_is_over_the_sums_of_its_files():
    assert multi30k.INFO.checksum == _pairs_files.checksum(multi30k.SHA256)
    listing = "".join(f"{multi30k.SHA256[name]}  {name}\n" for name in sorted(multi30k.SHA256))
    assert multi30k.INFO.checksum == hashlib.sha256(listing.encode()).hexdigest()


PREPARED = {
    "iwslt14": ("iwslt14.tokenized.de-en", ("train", "valid", "test"), "3/1/1 pairs, not 160,239/7,283/6,750"),
    "wmt14": ("wmt14", ("train", "newstest2013", "newstest2014"), "3/1/1 pairs, not 4,520,620/3,000/3,003"),
    "wmt16": (
        "wmt16_en_de",
        ("train.tok.clean.bpe.32000", "newstest2013.tok.bpe.32000", "newstest2014.tok.bpe.32000"),
        "3/1/1 pairs, not 4,500,966/3,000/3,003",
    ),
}
CUT = [("ein Apf@@ el", "an ap@@ ple"), ("der Hu@@ nd", "the do@@ g"), ("ein Baum", "a tree")]


@pytest.mark.parametrize("name", PREPARED)
def test_prepared_sets_are_found_by_the_names_that_their_scripts_give(tmp_path, name):
    folder, stems, variant = PREPARED[name]
    splits = dict(zip(stems, (CUT, CUT[1:2], CUT[:1]), strict=True))
    write(tmp_path / folder, contents(splits) | {"vocab.bpe.32000": b"x", "train.tok.en": b"y\n"})
    found = datasets.load(name, root=tmp_path, options={"tokens": "given"})
    assert found.languages == datasets.info(name).languages
    german = found.languages.index("de")
    assert (found.test.source_text, found.test.target_text)[german] == ("ein Apfel",)
    assert (found.variant, found.exact) == (variant, False)
    assert datasets.exact(name, found.checksum) is None
    elsewhere = datasets.locate(name, options={"path": str(tmp_path / folder)})
    assert elsewhere.checksum == found.checksum


@pytest.mark.parametrize("name", PREPARED)
def test_a_set_that_is_not_here_says_where_its_preparation_is_told(tmp_path, name):
    assert datasets.locate(name, root=tmp_path) is None
    with pytest.raises(OptbenchError, match=f"{name}: there is no .*{name}.*README.md, under 'Translation data'"):
        datasets.fetch(name, root=tmp_path)


def test_gnmts_own_validation_set_comes_first(tmp_path):
    names = ("train", "newstest_dev.tok.clean", "newstest2013.tok")
    stems = [f"{name}.bpe.32000" for name in names]
    files = contents(dict(zip((f"{names[0]}.tok.clean.bpe.32000", *stems[1:]), (CUT, CUT[:2], CUT[:1]), strict=True)))
    write(tmp_path / "wmt16", files | contents({"newstest2014.tok.bpe.32000": CUT[2:]}))
    assert len(datasets.load("wmt16", root=tmp_path).validation) == 2


ONES = ["", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"]
ONES += ["dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"]
ZIG = ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
WORDS = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
WORDS += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TY = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def german(number):
    """Write 1 to 999,999 by the rules of German, with a final "eins"."""
    thousands, rest = divmod(number, 1000)
    text = (german_below(thousands) + "tausend" if thousands else "") + german_below(rest)
    return text + "s" if number % 100 == 1 else text


def german_below(number):
    hundreds, rest = divmod(number, 100)
    text = ONES[hundreds] + "hundert" if hundreds else ""
    tens, ones = divmod(rest, 10)
    return text + (ONES[rest] if rest < 20 else (ONES[ones] + "und" if ones else "") + ZIG[tens])


def english(number):
    """Write 1 to 999,999 in British English: "and" before tens and ones, a comma after thousands before hundreds."""
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return english_below(rest)
    join = "" if not rest else " and " if rest < 100 else ", "
    return f"{english_below(thousands)} thousand{join}{english_below(rest)}"


def english_below(number):
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    last = WORDS[rest] if rest < 20 else TY[tens] + (f"-{WORDS[ones]}" if ones else "")
    return " and ".join(filter(None, (f"{WORDS[hundreds]} hundred" if hundreds else "", last)))


def test_numbers_are_written_right_and_never_in_two_splits(generated, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(generated))
    found = datasets.load("numbers")
    assert (found.exact, found.languages, found.pieces) == (True, ("de", "en"), 200)
    assert found.checksum == datasets.info("numbers").checksum == datasets.checksum("numbers")
    assert german(421_357) == "vierhunderteinundzwanzigtausenddreihundertsiebenundfünfzig"
    assert english(421_357) == "four hundred and twenty-one thousand, three hundred and fifty-seven"
    seen = set()
    for split, chosen in numbers.chosen().items():
        pairs = getattr(found, split)
        assert len(pairs) == len(chosen) == datasets.info("numbers").splits[split]
        assert pairs.source_text == tuple(german(number) if number else "null" for number in chosen)
        assert pairs.target_text == tuple(english(number) if number else "zero" for number in chosen)
        assert not seen & set(pairs.target_text)
        seen |= set(pairs.target_text)
    assert len(seen) == 22_000
    assert found.train.target.lengths.float().mean().item() == pytest.approx(12.2, abs=0.1)
    first = int(hashlib.sha256(b"optbench numbers 0").hexdigest()[:16], 16) % 1_000_000
    assert numbers.chosen()["train"][0] == first
    assert found.tokenizer.decode(found.train.source.row(0).tolist()) == german(first)


def test_numbers_are_generated_once(generated, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(generated))
    before = datasets.load("numbers")
    monkeypatch.setattr(numbers, "_generated", None)
    back = datasets.load("numbers", options={"source": "en"})
    assert back.languages == ("en", "de")
    assert back.test.source_text == before.test.target_text
    with pytest.raises(OptbenchError, match="numbers has no language 'fr'; it has de and en"):
        datasets.load("numbers", options={"target": "fr"})
    with pytest.raises(OptbenchError, match="numbers has no option 'path'"):
        datasets.load("numbers", options={"path": "x"})


def test_numbers_say_that_they_stand_in():
    assert "IWSLT'14" in datasets.info("numbers").stand_in_for


def shouting(number, lang):
    return f"{lang} {number}".upper()


def test_another_versions_words_are_a_variant(monkeypatch):
    monkeypatch.setattr(numbers, "_num2words", lambda: SimpleNamespace(num2words=shouting))
    with pytest.raises(OptbenchError, match=f"num2words {numbers.TESTED} here writes other words than it should"):
        datasets.fetch("numbers")
    monkeypatch.setattr(numbers, "_version", lambda: "9.9")
    found = datasets.locate("numbers")
    assert not found.exact
    assert found.checksum == datasets.checksum("numbers") != datasets.info("numbers").checksum
    assert found.provenance == "found in num2words 9.9 (other words than those of 0.5.14, not the published bytes)"
    loaded = datasets.load("numbers")
    assert (loaded.checksum, loaded.exact) == (found.checksum, False)
    assert loaded.train.source_text[0].startswith("DE ")


def test_without_num2words_there_are_no_numbers(monkeypatch):
    monkeypatch.setitem(sys.modules, "num2words", None)
    assert datasets.locate("numbers") is None
    with pytest.raises(OptbenchError, match="needs? the package num2words; pip install 'optbench"):
        datasets.fetch("numbers")
