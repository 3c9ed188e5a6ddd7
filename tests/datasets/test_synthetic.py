import pytest
import torch

from optbench import datasets, tasks
from optbench.errors import OptbenchError


@pytest.fixture(autouse=True)
def _nothing_on_the_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", datasets.names())
def test_synthetic_data_have_the_set_s_shape_and_classes(name):
    facts, data = datasets.info(name), datasets.synthetic(name, size=40)
    assert (data.shape, data.classes, data.mean, data.normalisations) == (
        facts.shape,
        facts.classes,
        facts.mean,
        facts.normalisations,
    )
    assert [len(getattr(data, split)) for split in datasets.SPLITS] == [40, 4, 4]
    assert data.train.images.dtype == torch.uint8
    assert data.train.images.max() <= facts.pixel_max
    assert 0 <= data.train.labels.min() <= data.train.labels.max() < len(facts.classes)
    assert not data.exact
    assert data.provenance == "found in memory (40 synthetic images, not the published bytes)"
    images, labels = next(tasks.create("classification", data).batches(0, 0, 8))
    assert images.shape == (8, *facts.shape)
    assert labels.shape == (8,)


def test_synthetic_data_are_the_same_each_time():
    one, same, larger = (datasets.synthetic("digits", size=size) for size in (50, 50, 51))
    assert torch.equal(one.train.images, same.train.images)
    assert torch.equal(one.test.labels, same.test.labels)
    assert one.checksum == same.checksum != larger.checksum
    assert not torch.equal(one.train.images[:4], one.test.images[:4])
    assert one.train.images.float().mean() == pytest.approx(8, abs=0.5)  # uniform over 0 to 16


def test_imagenet_s_are_stored_larger_and_cropped():
    data = datasets.synthetic("imagenet", size=4)
    assert data.train.images.shape == (4, 3, 256, 256)
    task = tasks.create("classification", data, augmentation="resized-crop-flip")
    images, _ = next(task.batches(0, 0, 2))
    assert images.shape == (2, 3, 224, 224)


def test_no_images_are_refused():
    with pytest.raises(OptbenchError, match="0 synthetic images; make at least one"):
        datasets.synthetic("digits", size=0)
    with pytest.raises(OptbenchError, match="did you mean 'digits'"):
        datasets.synthetic("digit", size=1)
