import hashlib
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_images import encoded, tar_of, write

from optbench.datasets import _cifar, _images, cifar10, cifar100
from optbench.datasets._cifar import CifarSource
from optbench.datasets._cifar_binary import parse
from optbench.errors import OptbenchError

CLASSES = ("cat", "dog", "emu")
RANDOM = np.random.default_rng(0)
RECORDS = {name: (RANDOM.integers(0, 3, n), RANDOM.integers(0, 256, (n, 3, 32, 32), np.uint8)) for name, n in
           (("one.bin", 4), ("two.bin", 4), ("test.bin", 5))}  # fmt: skip


def packed(labels, images, coarse=None):
    """Write records one by one, as the authors' page describes them."""
    parts = []
    for row, (label, image) in enumerate(zip(labels, images, strict=True)):
        parts.append(bytes([label]) if coarse is None else bytes([coarse[row], label]))
        parts += [image[channel].tobytes() for channel in range(3)]
    return b"".join(parts)


FILES = {f"toy-bin/{name}": packed(*records) for name, records in RECORDS.items()}
SHA1 = {name.rpartition("/")[2]: hashlib.sha1(data).hexdigest() for name, data in FILES.items()}
ARCHIVE = tar_of({**FILES, "toy-bin/readme.html": b"hello"})
IMAGES = {
    f"{part}/{name}/{number:04}.png": encoded(RANDOM.integers(0, 256, (32, 32, 3), np.uint8))
    for part, n in (("train", 8), ("test", 5))
    for number, name in list(enumerate(CLASSES * 3))[:n]
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "xdg" / "optbench" / "toy"


@pytest.fixture
def source(cache):
    return CifarSource(
        name="toy",
        folder="toy-bin",
        archive="toy.tar.gz",
        archive_bytes=len(ARCHIVE),
        sha256=hashlib.sha256(ARCHIVE).hexdigest(),
        train={name: SHA1[name] for name in ("one.bin", "two.bin")},
        test={"test.bin": SHA1["test.bin"]},
        records=(4, 5),
        labels=(3,),
        classes=CLASSES,
        mirrors=("http://127.0.0.1:1/",),
        validation=3,
    )


def check_published(raw):
    images = np.concatenate([RECORDS["one.bin"][1], RECORDS["two.bin"][1]])
    labels = np.concatenate([RECORDS["one.bin"][0], RECORDS["two.bin"][0]])
    np.testing.assert_array_equal(raw.splits["train"][0], images[:5])
    np.testing.assert_array_equal(raw.splits["validation"][0], images[5:])
    np.testing.assert_array_equal(raw.splits["train"][1], labels[:5])
    np.testing.assert_array_equal(raw.splits["validation"][1], labels[5:])
    np.testing.assert_array_equal(raw.splits["test"][0], RECORDS["test.bin"][1])
    np.testing.assert_array_equal(raw.splits["test"][1], RECORDS["test.bin"][0])
    assert raw.measured[0] == pytest.approx((images / 255).mean(axis=(0, 2, 3)))
    assert raw.measured[1] == pytest.approx((images / 255).std(axis=(0, 2, 3)))
    assert raw.found.exact
    assert raw.found.variant == ""


@pytest.mark.parametrize("layout", ["folder", "inside", "archive", "packed again", "named", "cache"])
def test_the_binary_version_is_read_wherever_it_is(source, root, cache, layout):
    flat = {name.rpartition("/")[2]: data for name, data in FILES.items()}
    place = {
        "folder": lambda: write(root, flat),
        "inside": lambda: write(root, FILES) / "toy-bin",
        "archive": lambda: write(root, {"toy.tar.gz": ARCHIVE}) / "toy.tar.gz",
        "packed again": lambda: write(root, {"toy.tar.gz": tar_of(FILES, "w")}) / "toy.tar.gz",
        "named": lambda: write(root / "toy", FILES) / "toy-bin",
        "cache": lambda: write(cache, {"toy.tar.gz": ARCHIVE}) / "toy.tar.gz",
    }[layout]()
    found = source.find(root)
    assert (found.place, found.checksum) == (str(place), source.sha256)
    for _ in range(2):  # decoded, and from the cache
        raw = source.read(root, None)
        check_published(raw)
        assert raw.found == found
        assert found.provenance == f"found in {place}"


def test_a_download_is_verified_and_lands_in_the_cache(source, cache, mirror):
    mirror.files = {"toy.tar.gz": ARCHIVE}
    source = replace(source, mirrors=("http://127.0.0.1:1/", mirror.url))
    assert source.find(None) is None
    seen = []
    check_published(source.read(None, lambda *args: seen.append(args)))
    assert seen[-1] == ("toy.tar.gz", len(ARCHIVE), len(ARCHIVE))
    asked = len(mirror.requests)
    check_published(source.read(None, None))
    assert len(mirror.requests) == asked


def test_an_altered_download_is_refused(source, cache, mirror):
    mirror.files = {"toy.tar.gz": ARCHIVE[:-1] + b"x"}
    with pytest.raises(OptbenchError, match=r"toy: neither toy\.tar\.gz .* sent an altered file .*--data-root"):
        replace(source, mirrors=(mirror.url,)).read(None, None)
    assert not list(cache.glob("*.part"))


def test_offline_the_places_are_named(source, root, cache):
    with pytest.raises(OptbenchError) as caught:
        source.read(root, None)
    text = str(caught.value)
    assert "\n" not in text
    for part in (str(root), str(cache), "127.0.0.1:1", "toy-bin", "not the pickled one", "OPTBENCH_DATA"):
        assert part in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.pop("toy-bin/two.bin"), r"lacks two\.bin"),
        (lambda files: files.update({"toy-bin/two.bin": FILES["toy-bin/one.bin"]}), r"two\.bin in .* is altered"),
        (lambda files: files.update({"toy-bin/two.bin": b""}), r"two\.bin in .* is altered"),
        (lambda files: files.update({"toy-bin/two.bin": b"\0" * 20_000_000}), "more than this data set can have"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_altered_and_missing_files_are_refused(source, root, change, message, zipped):
    files = dict(FILES)
    change(files)
    write(root, {"toy.tar.gz": tar_of(files)} if zipped else files)
    for call in (source.find, lambda root: source.read(root, None)):
        with pytest.raises(OptbenchError, match=message):
            call(root)


def test_a_change_after_the_verification_is_noticed(source, root):
    write(root, FILES)
    source.read(root, None)
    write(root, {"toy-bin/one.bin": FILES["toy-bin/two.bin"]})
    with pytest.raises(OptbenchError, match=r"one\.bin in .* is altered"):
        source.read(root, None)


def listing(images):
    lines = sorted((path, hashlib.sha256(data).hexdigest()) for path, data in images.items())
    return hashlib.sha256("".join(f"{digest}  {path}\n" for path, digest in lines).encode()).hexdigest()


def image_layouts(root):
    yield write(root / "a" / "toy", IMAGES)
    yield write(root / "b" / "toy-png", IMAGES)
    yield write(root / "c", IMAGES)
    yield write(root / "d", {"toy-jpeg.tar.gz": tar_of(IMAGES)}) / "toy-jpeg.tar.gz"
    inner = {f"toy/{name}": data for name, data in IMAGES.items()}
    yield write(root / "e", {"toy.tar": tar_of({**inner, "toy/labels.txt": b"x"}, "w")}) / "toy.tar"
    yield write(root / "f", {**IMAGES, "train/cat/._x.png": b"junk", "README": b"x"})


def test_image_files_have_one_checksum_wherever_they_are_and_are_not_exact(source, root, tmp_path):
    for place in image_layouts(root):
        found = source.find(root / place.relative_to(root).parts[0])
        assert found.place == str(place)
        assert found.checksum == listing(IMAGES) != source.sha256
        assert not found.exact
        assert found.variant == ("image folder" if place.is_dir() else "archive of image files")
        assert found.provenance == f"found in {place} ({found.variant}, not the published bytes)"


def test_image_files_are_ordered_by_their_number_in_the_class_and_then_the_class(source, root):
    for place in image_layouts(root):
        raw = source.read(root / place.relative_to(root).parts[0], None)
        # 0000.png 0003.png 0006.png of cat; 0001 0004 0007 of dog; 0002 0005 of emu
        labels = np.concatenate([raw.splits["train"][1], raw.splits["validation"][1]])
        assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
        paths = [f"train/{CLASSES[label]}/{number:04}.png" for number, label in enumerate(labels)]
        images = np.concatenate([raw.splits["train"][0], raw.splits["validation"][0]])
        for image, path in zip(images, paths, strict=True):
            np.testing.assert_array_equal(image, _images.pixels(_images.rgb(IMAGES[path], path)))
        assert raw.splits["test"][1].tolist() == [0, 1, 2, 0, 1]
        assert raw.measured[0] == pytest.approx((images / 255).mean(axis=(0, 2, 3)))


def test_images_are_decoded_once(source, root, cache, monkeypatch):
    write(root, IMAGES)
    first = source.read(root, None)
    monkeypatch.setattr(_images, "rgb", None)
    again = source.read(root, None)
    np.testing.assert_array_equal(again.splits["test"][0], first.splits["test"][0])
    assert [path.name for path in cache.iterdir()] == [f"decoded-{first.found.checksum[:32]}"]


def test_a_damaged_cache_is_made_again(source, root, cache):
    write(root, IMAGES)
    first = source.read(root, None)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    np.testing.assert_array_equal(source.read(root, None).splits["test"][0], first.splits["test"][0])
    assert file.read_bytes() == whole


def test_a_changed_image_changes_the_checksum(source, root):
    write(root, IMAGES)
    before = source.find(root).checksum
    path = "train/cat/0000.png"
    write(root, {path: IMAGES["train/cat/0003.png"]})
    assert source.find(root).checksum == listing({**IMAGES, path: IMAGES["train/cat/0003.png"]}) != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.pop("train/cat/0000.png"), r"has 7 images in train/, not 8; replace it by a whole copy"),
        (lambda files: files.update({"test/cat/9.png": b"x"}), "has 6 images in test/, not 5"),
        (
            lambda files: files.update({"train/fox/0.png": b"x"}),
            "images of 'fox' in train/; its classes must be cat, dog",
        ),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_set_that_is_not_whole_is_refused(source, root, change, message, zipped):
    files = dict(IMAGES)
    change(files)
    write(root, {"toy-png.tar.gz": tar_of(files)} if zipped else files)
    with pytest.raises(OptbenchError, match=message):
        source.find(root)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no image", r"train/cat/0000\.png in .* is not an intact image"),
        (encoded(np.zeros((31, 32, 3), np.uint8)), r"train/cat/0000\.png in .* is 32x31 pixels, not 32x32"),
    ],
)
def test_an_image_that_will_not_do_is_named(source, root, data, message):
    write(root, {**IMAGES, "train/cat/0000.png": data})
    with pytest.raises(OptbenchError, match=message):
        source.read(root, None)


def test_two_sets_in_one_archive_are_refused(source, root):
    write(root, {"toy-png.tgz": tar_of({**IMAGES, "more/train/cat/0000.png": b"x"})})
    with pytest.raises(OptbenchError, match="images in several folders, such as more/train/cat"):
        source.find(root)


def test_the_binary_version_goes_before_images_and_the_root_before_the_cache(source, root, cache):
    write(cache, {"toy.tar.gz": ARCHIVE})
    assert source.find(root).place == str(cache / "toy.tar.gz")
    write(root, IMAGES)
    assert source.find(root).place == str(root)
    write(root, {"toy.tar.gz": ARCHIVE})
    assert source.find(root).place == str(root / "toy.tar.gz")


def test_another_set_s_image_folder_is_left_alone(source, root):
    write(root, {"train/n01440764/a.png": b"", "test/n01440764/a.png": b""})
    assert source.find(root) is None


@given(st.integers(1, 4), st.booleans(), st.data())
def test_records_come_back(count, coarse, data):
    labels = data.draw(st.lists(st.integers(0, 99), min_size=count, max_size=count))
    images = np.random.default_rng(count).integers(0, 256, (count, 3, 32, 32), np.uint8)
    found, read = parse(packed(labels, images, [19] * count if coarse else None), "x", count, (20, 100)[not coarse :])
    np.testing.assert_array_equal(found, images)
    assert read.tolist() == labels
    assert found.flags.writeable


@given(st.integers(0, 3 * 3074), st.binary(max_size=3))
def test_any_other_length_is_refused(cut, more):
    whole = packed([1, 2, 3], np.zeros((3, 3, 32, 32), np.uint8), [0, 0, 0])
    data = whole[:cut] + more
    if len(data) == len(whole):
        return
    with pytest.raises(OptbenchError, match=r"train\.bin (is truncated|has bytes after its end): "):
        parse(data, "train.bin", 3, (20, 100))


@pytest.mark.parametrize(("byte", "label"), [(0, 20), (1, 100), (3074, 255), (3075, 101)])
def test_a_label_out_of_range_is_refused(byte, label):
    data = bytearray(packed([0, 99], np.full((2, 3, 32, 32), 255, np.uint8), [19, 0]))
    parse(bytes(data), "x", 2, (20, 100))
    data[byte] = label
    with pytest.raises(OptbenchError, match=f"x is altered: record {byte // 3074} has label {label} of"):
        parse(bytes(data), "x", 2, (20, 100))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_an_altered_archive_is_refused_or_holds_the_same_data(data):
    altered = bytearray(ARCHIVE)
    if data.draw(st.booleans()):
        del altered[data.draw(st.integers(0, len(altered))) :]
    else:
        altered[data.draw(st.integers(0, len(altered) - 1))] ^= data.draw(st.integers(1, 255))
    source = CifarSource(
        "toy", "toy-bin", "toy.tar.gz", 0, "", {name: SHA1[name] for name in ("one.bin", "two.bin")},
        {"test.bin": SHA1["test.bin"]}, (4, 5), (3,), CLASSES, (), 3,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        place = write(Path(folder), {"toy.tar.gz": bytes(altered)}) / "toy.tar.gz"
        try:
            found = dict(source._verified(place))
        except OptbenchError as error:
            assert "toy.tar.gz" in str(error)
        else:
            assert found == {name.rpartition("/")[2]: content for name, content in FILES.items()}


@pytest.mark.parametrize("module", [cifar10, cifar100])
def test_the_published_facts_fit_each_other(module):
    source, info = module.SOURCE, module.INFO
    assert source.counts == {"train": 50_000, "test": 10_000}
    assert info.splits == {"train": 45_000, "validation": _cifar.VALIDATION, "test": 10_000}
    assert source.classes == info.classes
    assert len(info.classes) == source.labels[-1]
    sums = [*source.train.values(), *source.test.values()]
    assert {len(bytes.fromhex(each)) for each in sums} == {20}
    assert len(set(sums)) == len(sums)
    assert len(bytes.fromhex(source.sha256)) == 32
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in source.mirrors)


def test_the_classes_in_their_order():
    assert " ".join(cifar10.INFO.classes) == "airplane automobile bird cat deer dog frog horse ship truck"
    assert list(cifar100.INFO.classes) == sorted(cifar100.INFO.classes)


def test_the_two_normalisations_of_the_papers():
    for info in (cifar10.INFO, cifar100.INFO):
        assert list(info.normalisations) == ["train", "std", "mean-image-std"]
        assert info.normalisations["std"] == ((0.491, 0.482, 0.447), (0.247, 0.243, 0.262))
        assert info.normalisations["mean-image-std"] == ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
        assert info.normalisations["train"] == (info.mean, info.std)
