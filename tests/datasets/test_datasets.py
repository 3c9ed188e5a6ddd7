import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from optbench import datasets
from optbench.datasets import fashion_mnist, mnist
from optbench.errors import OptbenchError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def test_the_names_are_found_without_torch_or_numpy():
    code = (
        "import sys; from optbench import datasets;"
        "print(*[datasets.info(name).name for name in datasets.names()]);"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    images = ["cifar10", "cifar100", "digits", "fashion-mnist", "imagenet", "mnist"]
    text = ["asv", "one-billion-word", "ptb", "text", "wikitext103", "wikitext2"]
    parallel = ["iwslt14", "multi30k", "numbers", "parallel", "wmt14", "wmt16"]
    assert done.stdout.split() == sorted(images + text + parallel)


def test_names_by_pattern():
    assert datasets.names("*mnist") == ["fashion-mnist", "mnist"]
    assert datasets.names("x*") == []


@pytest.mark.parametrize("call", [datasets.info, datasets.checksum, datasets.locate, datasets.fetch, datasets.load])
def test_an_unknown_name_gets_the_nearest(call):
    with pytest.raises(OptbenchError, match="unknown dataset 'digit'; did you mean 'digits'"):
        call("digit")


@pytest.mark.parametrize("name", datasets.names())
def test_every_dataset_states_its_facts(name, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    facts = datasets.info(name)
    assert facts.name == name
    assert tuple(facts.splits) == datasets.SPLITS
    assert next(iter(facts.normalisations)) == "train"
    if facts.kind == "images":
        assert len(facts.mean) == len(facts.std) == facts.shape[0]
        assert len(set(facts.classes)) == len(facts.classes)
        assert facts.top5 == (name in ("cifar10", "cifar100", "imagenet"))
    if name not in ("text", "parallel"):  # those are files of the user's
        assert len(bytes.fromhex(datasets.checksum(name))) in (0, 32)
        assert all(facts.splits.values())
    for text in (facts.title, facts.source, facts.licence, facts.doc):
        assert text.strip()


@pytest.mark.parametrize("module", [fashion_mnist, mnist])
def test_the_published_files_have_the_sizes_of_their_shapes_and_whole_checksums(module):
    sizes = {name: file.size for name, file in module.SOURCE.files.items()}
    assert sizes == {
        "train-images-idx3-ubyte": 16 + 60_000 * 784,
        "train-labels-idx1-ubyte": 8 + 60_000,
        "t10k-images-idx3-ubyte": 16 + 10_000 * 784,
        "t10k-labels-idx1-ubyte": 8 + 10_000,
    }
    assert len({bytes.fromhex(file.sha256) for file in module.SOURCE.files.values()}) == 4
    assert all(len(file.sha256) == 64 for file in module.SOURCE.files.values())


def test_fashion_mnist_s_checksum_is_that_of_its_sha256sum_listing():
    listing = (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte\n"
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte\n"
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte\n"
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte\n"
    )
    assert datasets.checksum("fashion-mnist") == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debian_s_fashion_mnist(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OPTBENCH_DATA", raising=False)
    found = datasets.load("fashion-mnist")
    assert found.provenance == f"found in {DEBIAN}"
    assert not any(tmp_path.iterdir())
    assert datasets.locate("fashion-mnist").provenance == found.provenance
    assert found.exact
    assert found.variant == ""
    for name, size in datasets.info("fashion-mnist").splits.items():
        split = getattr(found, name)
        assert split.images.shape == (size, 1, 28, 28)
        assert split.images.dtype == torch.uint8
        assert split.labels.shape == (size,)
    whole = torch.cat((found.train.labels, found.validation.labels))
    assert whole.bincount().tolist() == [6000] * 10
    assert whole[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]  # as every copy begins
    assert found.test.labels.bincount().tolist() == [1000] * 10
    pixels = torch.cat((found.train.images, found.validation.images)).double() / 255
    assert found.mean == pytest.approx((pixels.mean().item(),), abs=5e-5)
    assert found.std == pytest.approx((pixels.std().item(),), abs=5e-5)
