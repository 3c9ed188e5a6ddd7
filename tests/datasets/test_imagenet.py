"""ImageNet's image folder, with four of its classes and small images."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import torch
from making_images import encoded, write
from PIL import Image

from optbench import datasets, tasks
from optbench.datasets import imagenet
from optbench.errors import OptbenchError

RANDOM = np.random.default_rng(0)
NAMES = imagenet.CLASSES[:4]


def photo(form="JPEG"):
    height, width = RANDOM.integers(20, 60, 2)
    return encoded(RANDOM.integers(0, 256, (height, width, 3), np.uint8), form)


FILES = {f"train/{name}/{name}_{k:02}.JPEG": photo() for name in NAMES for k in range(14)}
FILES |= {f"val/{name}/ILSVRC2012_val_{k}.JPEG": photo("PNG") for name in NAMES for k in range(3)}  # one is, in truth


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "root" / "imagenet", FILES)
    return tmp_path / "root"


@pytest.fixture
def data(root):
    found = datasets.load("imagenet", root=root)
    small = {name: replace(getattr(found, name), side=16, workers=0) for name in datasets.SPLITS}
    return replace(found, **small, shape=(3, 16, 16))


def test_there_are_workers_but_in_a_process_that_may_have_no_others(root, monkeypatch):
    assert datasets.load("imagenet", root=root).train.workers >= 1
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    assert datasets.load("imagenet", root=root).train.workers == 0


def test_the_classes_are_the_thousand_in_their_order():
    assert len(imagenet.CLASSES) == 1000
    assert list(imagenet.CLASSES) == sorted(imagenet.CLASSES)
    assert imagenet.CLASSES[0] == "n01440764"
    assert all(len(name) == 9 and name[0] == "n" and name[1:].isdigit() for name in imagenet.CLASSES)
    assert datasets.info("imagenet").splits == {"train": 1_271_167, "validation": 10_000, "test": 50_000}


def test_the_last_images_of_each_class_are_held_out(data, root):
    assert data.classes == NAMES
    sizes = {name: len(getattr(data, name)) for name in datasets.SPLITS}
    assert sizes == {"train": 28, "validation": 28, "test": 12}  # half of 14, since that is fewer than 10
    assert [path.decode() for path in data.train.paths[:7]] == [
        f"train/{NAMES[0]}/{NAMES[0]}_{k:02}.JPEG" for k in range(7)
    ]
    assert data.validation.paths[0].decode().endswith("_07.JPEG")
    assert data.test.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    facts = "image folder, 4 classes, 56 + 12 images, not the published bytes"
    assert data.provenance == f"found in {root / 'imagenet'} ({facts})"
    assert not data.exact
    assert data.top5


def test_the_whole_set_s_classes_and_counts_are_exact(root, monkeypatch):
    for name, value in (("CLASSES", NAMES), ("TRAIN", 56), ("TEST", 12)):
        monkeypatch.setattr(imagenet, name, value)
    assert datasets.locate("imagenet", root=root).exact
    assert datasets.exact("imagenet", "0" * 64) is None


def test_the_checksum_is_of_names_and_sizes_and_no_file_is_read(root, tmp_path):
    found = datasets.checksum("imagenet", root=root)
    same = {name: b"x" * len(content) for name, content in FILES.items()}
    write(tmp_path / "same", same)
    assert datasets.checksum("imagenet", root=tmp_path / "same") == found
    name = f"val/{NAMES[0]}/ILSVRC2012_val_0.JPEG"
    write(tmp_path / "longer", {**same, name: same[name] + b"x"})
    assert datasets.checksum("imagenet", root=tmp_path / "longer") != found
    (root / "imagenet" / name).rename(root / "imagenet" / name.replace("_0", "_9"))
    assert datasets.checksum("imagenet", root=root) != found


def test_images_to_score_are_resized_and_cut_as_pillow_does(data):
    (batch,) = data.test.batches([torch.tensor([0, 7])], None)
    assert batch.shape == (2, 3, 16, 16)
    for row, found in zip((0, 7), batch, strict=True):
        image = Image.open(data.test.folder / data.test.paths[row].decode()).convert("RGB")
        width, height = image.size
        short = min(width, height)  # 16 * 256 / 224 is 18 pixels
        image = image.resize((int(18 * width / short), int(18 * height / short)), Image.Resampling.BILINEAR)
        left, top = round((image.width - 16) / 2), round((image.height - 16) / 2)
        expected = np.asarray(image.crop((left, top, left + 16, top + 16))).transpose(2, 0, 1)
        np.testing.assert_array_equal(found.numpy(), expected)


def test_training_images_depend_on_seed_epoch_and_image_alone(data):
    task = tasks.create("classification", data, augmentation="resized-crop-flip")

    def epoch(seed, number, size):
        batches = list(task.batches(seed, number, size))
        return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])

    state = torch.get_rng_state()
    images, labels = epoch(0, 0, 8)
    assert images.shape == (28, 3, 16, 16)
    assert images.dtype == torch.float32
    assert labels.bincount().tolist() == [7] * 4
    assert torch.equal(epoch(0, 0, 5)[0], images)
    assert not torch.equal(epoch(0, 1, 8)[0], images)
    assert not torch.equal(epoch(1, 0, 8)[0], images)
    assert torch.equal(torch.get_rng_state(), state)


def test_without_augmentation_training_images_are_those_that_are_scored(data):
    task = tasks.create("classification", data, protocol="paper")
    assert len(task.train) == 56
    assert task.validation is None
    found = {round(image.sum().item(), 2) for images, _ in task.batches(0, 0, 9) for image in images}
    expected = {
        round(image.sum().item(), 2)
        for split in (data.train, data.validation)
        for pixels in split.batches([torch.arange(28)], None)
        for image in task.images(pixels)
    }
    assert found == expected


def test_scores_of_a_stream(data):
    task = tasks.create("classification", data)

    class Answers(torch.nn.Module):
        def forward(self, images):
            return torch.eye(4)[torch.arange(len(images)) % 4]  # 0 1 2 3 0 ..., the labels are 0 0 0 1 1 ...

    assert task.evaluate(Answers(), task.test)["accuracy"] == pytest.approx(100 * 4 / 12)
    assert task.evaluate(Answers(), task.test)["accuracy_top5"] == 100


def test_worker_processes_give_the_same_images_and_name_a_damaged_one(data):
    rows = list(torch.arange(28).split(8))
    alone = list(data.train.batches(rows, 5))
    path = damaged(data)
    found = replace(data.train, workers=1).batches(rows, 5)
    for expected in alone[:3]:
        assert torch.equal(next(found), expected)
    with pytest.raises(OptbenchError, match="is not an intact image") as caught:
        next(found)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def damaged(data):
    path = data.train.folder / data.train.paths[27].decode()
    path.write_bytes(path.read_bytes()[:40])
    return path


def test_a_damaged_image_is_named_in_a_line(data):
    with pytest.raises(OptbenchError, match=f"{damaged(data)} is not an intact image"):
        list(data.train.batches([torch.arange(20, 28)], None))


def test_an_image_that_is_gone_is_named(data):
    damaged(data).unlink()
    with pytest.raises(OptbenchError, match=r"_06\.JPEG cannot be read \(No such file or directory\)"):
        list(data.train.batches([torch.arange(20, 28)], None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({f"val/{imagenet.CLASSES[5]}/x.JPEG": b"x"}, "has a class 'n01496331' in only one of train/ and val/"),
        ({f"train/{imagenet.CLASSES[5]}/x.JPEG": b"x"}, "sort the images of val/ into a folder for each class"),
    ],
)
def test_a_folder_that_is_laid_out_otherwise_is_refused(root, change, message):
    write(root / "imagenet", change)
    with pytest.raises(OptbenchError, match=message):
        datasets.locate("imagenet", root=root)


def test_a_folder_without_images_is_refused(tmp_path):
    write(tmp_path / "imagenet", {f"{part}/{NAMES[0]}/note.txt": b"" for part in ("train", "val")})
    with pytest.raises(OptbenchError, match="has no images in train/"):
        datasets.load("imagenet", root=tmp_path)


def test_without_the_folder_it_is_said_how_to_get_it(tmp_path):
    assert datasets.locate("imagenet", root=tmp_path) is None
    assert datasets.checksum("imagenet", root=tmp_path) == datasets.info("imagenet").checksum
    with pytest.raises(OptbenchError, match=r"cannot be downloaded; get it from https://image-net\.org"):
        datasets.fetch("imagenet", root=tmp_path)
