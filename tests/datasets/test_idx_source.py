import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.datasets._idx_source import File, IdxSource
from optbench.datasets._places import data_root
from optbench.errors import OptbenchError

TRAIN, TEST, SIDE = 5007, 11, 2
RANDOM = np.random.default_rng(0)
IMAGES = {n: RANDOM.integers(0, 256, (n, SIDE, SIDE), np.uint8) for n in (TRAIN, TEST)}
LABELS = {n: RANDOM.integers(0, 10, n, np.uint8) for n in (TRAIN, TEST)}


def images(n):
    return struct.pack(">4I", 0x803, n, SIDE, SIDE) + IMAGES[n].tobytes()


def labels(n):
    return struct.pack(">2I", 0x801, n) + LABELS[n].tobytes()


CONTENTS = {
    "train-images-idx3-ubyte": images(TRAIN),
    "train-labels-idx1-ubyte": labels(TRAIN),
    "t10k-images-idx3-ubyte": images(TEST),
    "t10k-labels-idx1-ubyte": labels(TEST),
}
FILES = {
    name: File(hashlib.sha256(data).hexdigest(), len(data), len(gzip.compress(data))) for name, data in CONTENTS.items()
}
ONE = "t10k-labels-idx1-ubyte"


def write(folder, zipped=True, only=CONTENTS):
    folder.mkdir(parents=True, exist_ok=True)
    for name in only:
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(CONTENTS[name]))
        else:
            (folder / name).write_bytes(CONTENTS[name])
    return folder


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("OPTBENCH_DATA", raising=False)
    return tmp_path / "xdg" / "optbench" / "toy"


@pytest.fixture
def source(tmp_path, cache):
    return IdxSource("toy", ("toy", "Toy/raw"), FILES, (), (tmp_path / "system",), "`install toys`")


def test_the_four_files_become_three_splits(source, root):
    write(root)
    raw = source.read(root, None)
    assert {name: len(found) for name, (_, found) in raw.splits.items()} == {
        "train": TRAIN - 5000,
        "validation": 5000,
        "test": TEST,
    }
    together = np.concatenate([raw.splits[name][0] for name in ("train", "validation")])
    np.testing.assert_array_equal(together, IMAGES[TRAIN].reshape(-1, 1, SIDE, SIDE))
    together = np.concatenate([raw.splits[name][1] for name in ("train", "validation")])
    np.testing.assert_array_equal(together, LABELS[TRAIN])
    np.testing.assert_array_equal(raw.splits["test"][0], IMAGES[TEST][:, None])
    np.testing.assert_array_equal(raw.splits["test"][1], LABELS[TEST])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("folder", [".", "toy", "Toy/raw"])
def test_a_root_may_hold_the_files_or_a_folder_of_them(source, root, folder, zipped):
    write(root / folder, zipped)
    assert source.read(root, None).found.provenance == f"found in {root / folder}"


def test_the_order_of_places(source, root, cache, tmp_path, monkeypatch):
    system = write(tmp_path / "system")
    assert source.read(root, None).found.provenance == f"found in {system}"
    write(cache)
    assert source.read(root, None).found.provenance == f"found in {cache}"
    write(root)
    assert source.read(None, None).found.provenance == f"found in {cache}"
    assert source.read(root, None).found.provenance == f"found in {root}"
    monkeypatch.setenv("OPTBENCH_DATA", str(root))
    assert source.read(None, None).found.provenance == f"found in {root}"
    other = write(tmp_path / "other")
    assert source.read(other, None).found.provenance == f"found in {other}"


def test_find_says_where_the_files_are_and_verifies_them_once(source, root, cache, monkeypatch):
    write(root, only=[ONE])
    assert source.find(root) is None
    write(root)
    assert source.find(root).place == str(root)
    assert source.find(root).checksum == source.checksum()
    monkeypatch.setattr(IdxSource, "_verified", None)
    assert source.find(root).exact
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent.parent))
    (root / f"{ONE}.gz").write_bytes(b"other")
    with pytest.raises(OptbenchError, match=f"{ONE}.gz is truncated"):
        source.find(root)


def test_files_may_lie_in_several_places(source, root, cache):
    write(root, only=[ONE])
    write(cache)
    assert source.read(root, None).found.provenance == f"found in {cache}, {root}"


def test_a_root_that_does_not_exist_is_an_error(source, tmp_path, monkeypatch):
    with pytest.raises(OptbenchError, match="nowhere does not exist; correct --data-root or OPTBENCH_DATA"):
        source.read(tmp_path / "nowhere", None)
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(OptbenchError, match="nowhere does not exist"):
        data_root(None)
    monkeypatch.setenv("OPTBENCH_DATA", "")
    assert data_root(None) is None


def test_another_dataset_s_file_of_the_same_name_is_refused(source, root):
    write(root)
    other = bytearray(CONTENTS[ONE])
    other[-1] ^= 1
    (root / f"{ONE}.gz").write_bytes(gzip.compress(bytes(other)))
    with pytest.raises(OptbenchError, match=f"root/{ONE}.gz is altered, or not toy's: SHA-256 "):
        source.read(root, None)


@pytest.mark.parametrize("place", ["root", "cache", "system"])
def test_a_corrupt_file_is_refused_though_an_intact_one_follows(source, root, cache, tmp_path, place):
    folder = {"root": root, "cache": cache, "system": tmp_path / "system"}[place]
    write(folder)
    write(tmp_path / "system")
    (folder / f"{ONE}.gz").write_bytes(gzip.compress(CONTENTS[ONE])[:-3])
    with pytest.raises(OptbenchError, match=f"{folder.name}/{ONE}.gz is") as caught:
        source.read(root, None)
    expected = "delete it, and the next run downloads it again" if place == "cache" else "replace it by"
    assert caught.value.hint.startswith(expected)


def outcome(content, suffix):
    """Put a file in place of the intact one; return the error, or what was read in spite of it."""
    with TemporaryDirectory() as folder:
        write(Path(folder))
        (Path(folder) / f"{ONE}.gz").unlink()
        (Path(folder) / f"{ONE}{suffix}").write_bytes(content)
        try:
            return None, IdxSource("toy", ("toy",), FILES, ()).read(Path(folder), None)
        except OptbenchError as error:
            return str(error), None


def refused_or_the_same(content, suffix):
    error, raw = outcome(content, suffix)
    if raw is None:
        return f"{ONE}{suffix}" in error
    return raw.splits["test"][1].tolist() == LABELS[TEST].tolist()


@settings(deadline=None, max_examples=40)
@given(st.data(), st.sampled_from(["", ".gz"]))
def test_a_truncated_file_is_never_used(data, suffix):
    whole = gzip.compress(CONTENTS[ONE], mtime=0) if suffix else CONTENTS[ONE]
    cut = data.draw(st.integers(0, len(whole) - 1))
    error, raw = outcome(whole[:cut], suffix)
    assert raw is None
    assert f"{ONE}{suffix} is truncated" in error


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(["", ".gz"]))
def test_a_file_with_one_byte_altered_is_refused_or_holds_the_same_data(data, suffix):
    whole = bytearray(gzip.compress(CONTENTS[ONE], mtime=0) if suffix else CONTENTS[ONE])
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    assert refused_or_the_same(bytes(whole), suffix)


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\x1f\x8b\x08" + tail))
def test_any_bytes_in_a_file_s_place_are_refused(content):
    assert refused_or_the_same(content, ".gz")


def test_a_gzip_bomb_is_not_expanded(source, root):
    write(root)
    (root / f"{ONE}.gz").write_bytes(gzip.compress(b"\0" * 30_000_000))
    with pytest.raises(OptbenchError, match="altered"):
        source.read(root, None)


def test_a_download_lands_verified_in_the_cache(source, cache, mirror):
    mirror.files = {f"sub/{name}.gz": gzip.compress(data) for name, data in CONTENTS.items()}
    source = replace(source, mirrors=("http://127.0.0.1:1/", f"{mirror.url}sub/"))
    seen = set()
    raw = source.read(None, lambda name, here, total: seen.add(name))
    assert raw.found.provenance == f"found in {cache}"
    assert seen == {f"{name}.gz" for name in CONTENTS}
    np.testing.assert_array_equal(raw.splits["test"][1], LABELS[TEST])
    asked = len(mirror.requests)
    assert source.read(None, None).found.provenance == f"found in {cache}"
    assert len(mirror.requests) == asked


def test_altered_downloads_are_refused_and_leave_nothing(source, cache, mirror):
    mirror.files = {f"{name}.gz": gzip.compress(data + b"x") for name, data in CONTENTS.items()}
    with pytest.raises(OptbenchError, match=r"train-images-idx3-ubyte\.gz: sent an altered file"):
        replace(source, mirrors=(mirror.url,)).read(None, None)
    assert not list(cache.glob("*.gz")) + list(cache.glob("*.part"))


def test_without_network_the_places_and_the_remedies_are_named(source, root, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    offline = replace(source, mirrors=("http://127.0.0.1:1/",))
    with pytest.raises(OptbenchError) as caught:
        offline.read(root, None)
    text = str(caught.value)
    assert "\n" not in text
    for part in (
        "toy: train-images-idx3-ubyte.gz",
        *map(str, (root, cache, tmp_path / "system")),
        "http://127.0.0.1:1/",
        "--data-root",
        "OPTBENCH_DATA",
        "`install toys`",
    ):
        assert part in text
