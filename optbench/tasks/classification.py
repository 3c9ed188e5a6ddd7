"""Classification of images: cross-entropy is trained, accuracy decides.

The images stay on the device as bytes. A batch is gathered there by index, and normalised there:
(pixel / pixel_max - mean) / std, per channel, in fp32. Nothing is augmented.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optbench.tasks._base import Metric, TaskInfo

if TYPE_CHECKING:
    import torch

    from optbench.datasets import Dataset, Split

ACCURACY = Metric("accuracy", "percent", "higher", "accuracy %")
CROSS_ENTROPY = Metric("cross_entropy", "nats", "lower", "cross-entropy")

INFO = TaskInfo(
    name="classification",
    title="classification of images",
    metrics=(ACCURACY, CROSS_ENTROPY),
    primary=ACCURACY.name,
)

EVALUATION_BATCH = 500  # images; fixed, so that scores do not depend on the batch size of training


def create(dataset: Dataset, protocol: str) -> Classification:
    """Return the task over a dataset, with the training data that the protocol says."""
    return Classification(dataset, protocol)


class Classification:
    """See `optbench.tasks.Task`. A batch is (images, labels): fp32 (B, C, H, W) normalised, int64 (B,).

    Args:
        dataset: on the device to train on.
        protocol: "paper" adds the validation images, after the training images, to what is trained on.
    """

    def __init__(self, dataset: Dataset, protocol: str = "standard") -> None:
        import torch

        paper = protocol == "paper"
        self.dataset = dataset
        self.train: Split = _joined(dataset.train, dataset.validation) if paper else dataset.train
        self.validation: Split | None = None if paper else dataset.validation
        self.test: Split = dataset.test
        self.device = dataset.train.images.device
        # (pixel / pixel_max - mean) / std = pixel * scale + offset, with one rounding less and one pass fewer
        mean, std = (torch.tensor(each, dtype=torch.float64) for each in (dataset.mean, dataset.std))
        self._scale = (1 / (dataset.pixel_max * std)).float().view(1, -1, 1, 1).to(self.device)
        self._offset = (-mean / std).float().view(1, -1, 1, 1).to(self.device)

    def model(self, name: str, **options: object) -> torch.nn.Module:
        """Build a model for these images and classes, and put it on their device."""
        from optbench import models

        channels, height, _ = self.dataset.shape
        classes = len(self.dataset.classes)
        model = models.create(name, in_channels=channels, classes=classes, image_size=height, **options)
        return model.to(self.device)

    def steps(self, batch_size: int) -> int:
        """Return the number of batches in an epoch; the last one may be smaller."""
        return -(-len(self.train) // batch_size)

    def batches(self, seed: int, epoch: int, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the training data once, shuffled by a generator that is seeded by (seed, epoch) alone."""
        import torch

        generator = torch.Generator().manual_seed(_mix(seed, epoch))
        # The order is drawn on the CPU, so that every device sees the same batches.
        order = torch.randperm(len(self.train), generator=generator).to(self.device)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield self.images(self.train.images[rows]), self.train.labels[rows]

    def images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the normalised images (B, C, H, W) in fp32 of uint8 pixels."""
        return pixels.float().mul_(self._scale).add_(self._offset)

    def loss(self, model: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Return a batch's mean cross-entropy in nats, computed in fp32 whatever the model computes in."""
        from torch.nn.functional import cross_entropy

        images, labels = batch
        return cross_entropy(model(images).float(), labels)

    def evaluate(self, model: torch.nn.Module, split: Split) -> dict[str, float]:
        """Score a model in eval mode, and put it back into the mode it was in.

        Returns:
            accuracy in percent, and the mean cross-entropy in nats, summed in float64. An image whose logits
            are not all finite is not counted as right, and makes the cross-entropy nan or inf.
        """
        import torch
        from torch.nn.functional import cross_entropy

        was_training = model.training
        model.eval()
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        nats = torch.zeros((), dtype=torch.float64, device=self.device)
        try:
            with torch.no_grad():
                for start in range(0, len(split), EVALUATION_BATCH):
                    rows = slice(start, start + EVALUATION_BATCH)
                    labels = split.labels[rows]
                    logits = model(self.images(split.images[rows])).double()
                    sane = logits.isfinite().all(dim=1)
                    right += ((logits.argmax(dim=1) == labels) & sane).sum()
                    nats += cross_entropy(logits, labels, reduction="sum")
        finally:
            model.train(was_training)
        count = len(split)
        return {ACCURACY.name: 100 * right.item() / count, CROSS_ENTROPY.name: nats.item() / count}


def _joined(first: Split, second: Split) -> Split:
    import torch

    from optbench.datasets import Split

    return Split(images=torch.cat((first.images, second.images)), labels=torch.cat((first.labels, second.labels)))


def _mix(seed: int, epoch: int) -> int:
    """Return 63 bits of SHA-256: neighbouring seeds and epochs share no stream, nor do (1, 2) and (2, 1)."""
    digest = hashlib.sha256(f"optbench batches seed={seed} epoch={epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
