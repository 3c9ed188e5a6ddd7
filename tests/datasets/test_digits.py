import csv
import gzip
import hashlib
from collections import Counter
from pathlib import Path

import pytest
import torch

import optbench.datasets
from optbench import datasets
from optbench.datasets import digits
from optbench.errors import OptbenchError

FOLDER = Path(optbench.datasets.__file__).parent / "data"


@pytest.fixture(scope="module")
def rows():
    with gzip.open(FOLDER / "digits.csv.gz", "rt", newline="") as file:
        return [[int(value) for value in row] for row in csv.reader(file)]


@pytest.fixture(scope="module")
def loaded():
    return datasets.load("digits")


def test_the_vendored_file_is_small_and_the_one_that_is_stated_beside_it():
    data = (FOLDER / "digits.csv.gz").read_bytes()
    assert len(data) < 100_000
    stated = (FOLDER / "digits.txt").read_text()
    assert hashlib.sha256(data).hexdigest() in stated
    assert hashlib.sha256(gzip.decompress(data)).hexdigest() in stated
    assert datasets.checksum("digits") in stated
    for fact in ("10.24432/C50P49", "CC BY 4.0", "BSD-3-Clause", "Alpaydin", "Kaynak"):
        assert fact in stated


def test_the_splits_are_disjoint_whole_and_stratified(rows):
    labels = [row[64] for row in rows]
    parts = digits.split(labels)
    assert {name: len(part) for name, part in parts.items()} == datasets.info("digits").splits
    assert sorted(parts["train"] + parts["validation"] + parts["test"]) == list(range(1797))
    for name in ("validation", "test"):
        assert Counter(labels[row] for row in parts[name]) == dict.fromkeys(range(10), 30)


def test_the_splits_never_change(rows):
    parts = digits.split([row[64] for row in rows])
    digests = {name: hashlib.sha256(",".join(map(str, part)).encode()).hexdigest()[:16] for name, part in parts.items()}
    assert digests == {
        "train": "58664b3f3850960b",
        "validation": "5469ea7a717684ce",
        "test": "31ea3e341c121d60",
    }


def test_the_tensors_are_the_rows_of_the_file(rows, loaded):
    parts = digits.split([row[64] for row in rows])
    for name, part in parts.items():
        split = getattr(loaded, name)
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert split.images.shape == (len(split), 1, 8, 8)
        assert split.images.flatten(1).tolist() == [rows[row][:64] for row in part]
        assert split.labels.tolist() == [rows[row][64] for row in part]


def test_the_published_mean_and_deviation_are_those_of_the_training_split(loaded):
    pixels = loaded.train.images.double() / 16
    assert pixels.max() == 1
    assert loaded.mean == pytest.approx((pixels.mean().item(),), abs=5e-5)
    assert loaded.std == pytest.approx((pixels.std(correction=0).item(),), abs=5e-5)


def _with_file(monkeypatch, tmp_path, data):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "digits.csv.gz").write_bytes(data)
    monkeypatch.setattr(digits.resources, "files", lambda package: tmp_path)


def test_an_altered_file_is_refused_by_name(monkeypatch, tmp_path):
    text = gzip.decompress((FOLDER / "digits.csv.gz").read_bytes())
    _with_file(monkeypatch, tmp_path, gzip.compress(text.replace(b"16", b"15", 1)))
    with pytest.raises(OptbenchError, match=r"digits\.csv\.gz is altered; reinstall optbench"):
        datasets.load("digits")


@pytest.mark.parametrize("length", [0, 1, 100, 57_000, 57_522])
def test_a_truncated_file_is_refused_by_name(monkeypatch, tmp_path, length):
    _with_file(monkeypatch, tmp_path, (FOLDER / "digits.csv.gz").read_bytes()[:length])
    with pytest.raises(OptbenchError, match=r"digits\.csv\.gz .*reinstall optbench"):
        datasets.load("digits")
