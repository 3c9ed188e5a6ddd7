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


def of_kind(kind):
    return [name for name in datasets.names() if datasets.info(name).kind == kind]


@pytest.mark.parametrize("name", of_kind("images"))
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


@pytest.mark.parametrize("name", of_kind("text"))
def test_synthetic_texts_have_the_set_s_vocabulary(name):
    facts, data = datasets.info(name), datasets.synthetic(name, size=50)
    assert len(data.vocabulary) == (facts.vocabulary or 10_000)
    assert [len(getattr(data, split)) for split in datasets.SPLITS] == [50, 5, 5]
    assert data.train.dtype == torch.int32
    assert 0 <= data.train.min() <= data.train.max() < len(data.vocabulary)
    assert data.provenance == "found in memory (50 synthetic tokens, not the published bytes)"
    small = datasets.synthetic(name, size=5000, vocabulary=1000)
    assert len(small.vocabulary) == 1000 > small.train.max() > 900


@pytest.mark.parametrize("name", of_kind("parallel"))
def test_synthetic_pairs_have_the_set_s_subwords_and_lengths(name):
    facts, data = datasets.info(name), datasets.synthetic(name, size=400, vocabulary=1000)
    assert data.languages == facts.languages
    assert data.pieces == 1000
    assert [len(getattr(data, split)) for split in datasets.SPLITS] == [400, 40, 40]
    pairs = data.train
    lengths = pairs.target.lengths
    assert lengths.double().mean() == pytest.approx(facts.sentence_tokens, rel=0.2)
    assert lengths.min() >= 1
    assert 4 <= pairs.source.ids.min() <= pairs.source.ids.max() < 1000  # the special ids are no subwords
    for side, text in ((pairs.source, pairs.source_text), (pairs.target, pairs.target_text)):
        assert data.tokenizer.decode(side.row(7).tolist()) == text[7]
        assert data.tokenizer.encode(text[7]) == side.row(7).tolist()


def test_synthetic_data_take_the_recipe_s_options():
    data = datasets.synthetic("multi30k", size=3, options={"vocabulary": 77, "source": "en", "target": "de"})
    assert data.languages == ("en", "de")
    assert data.pieces == 77


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
