"""All of CIFAR-10 as JPEG files, where a copy lies beside the checkout or in `OPTBENCH_DATA`."""

import os
from pathlib import Path

import pytest
import torch

from optbench import datasets

PLACES = [os.environ.get("OPTBENCH_DATA", ""), Path(__file__).parents[3] / "shared" / "data"]
ROOT = next((Path(place) for place in PLACES if place and Path(place, "cifar10-jpeg.tar.gz").is_file()), None)


@pytest.mark.slow
@pytest.mark.skipif(ROOT is None, reason="cifar10-jpeg.tar.gz is nowhere")
def test_the_jpeg_copy_of_cifar10(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = datasets.load("cifar10", root=ROOT)
    assert found.checksum == datasets.checksum("cifar10", root=ROOT) != datasets.info("cifar10").checksum
    assert not found.exact
    assert "not the published bytes" in found.provenance
    for name, size in datasets.info("cifar10").splits.items():
        split = getattr(found, name)
        assert split.images.shape == (size, 3, 32, 32)
        assert split.images.dtype == torch.uint8
        assert split.labels.bincount().tolist() == [size // 10] * 10
    # the figures that were measured on this copy by hand
    assert found.mean == pytest.approx((0.4912, 0.4821, 0.4465), abs=2e-4)
    assert found.std == pytest.approx((0.2452, 0.2428, 0.2606), abs=1e-4)
    images = torch.cat((found.train.images, found.validation.images))
    deviations = torch.cat([part.float().div(255).std(dim=(2, 3)) for part in images.split(1000)])
    assert deviations.mean(dim=0).tolist() == pytest.approx((0.2004, 0.1987, 0.2008), abs=2e-4)
    again = datasets.load("cifar10", root=ROOT)
    assert torch.equal(again.train.images, found.train.images)
    assert torch.equal(again.test.labels, found.test.labels)
