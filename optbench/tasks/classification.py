"""Classification of images: cross-entropy is trained, accuracy decides.

The images stay on the device as bytes (ImageNet's come from the disk). A batch is gathered there by index, augmented
there (`optbench.tasks.AUGMENTATIONS`), and normalised there: (pixel / pixel_max - mean) / std, per channel, in fp32.
Images to score are never augmented.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optbench.tasks._base import Metric, TaskInfo

if TYPE_CHECKING:
    import torch

    from optbench.datasets import Dataset, Split, Stream
    from optbench.tasks import Carry
    from optbench.tasks._augment import Augment

ACCURACY = Metric("accuracy", "percent", "higher", "accuracy %")
TOP5 = Metric("accuracy_top5", "percent", "higher", "top-5 accuracy %")
CROSS_ENTROPY = Metric("cross_entropy", "nats", "lower", "cross-entropy")

INFO = TaskInfo(
    name="classification",
    title="classification of images",
    metrics=(ACCURACY, CROSS_ENTROPY),
    primary=ACCURACY.name,
    many_classes=(TOP5,),
)

EVALUATION_BATCH = 500  # images; fixed, so that scores do not depend on the batch size of training


def examples(batch_size: int) -> int:
    """Return how many images a batch takes."""
    return batch_size


def create(
    dataset: Dataset, protocol: str, augmentation: str, normalisation: str, label_smoothing: float
) -> Classification:
    """Return the task over a dataset; the arguments are those of `optbench.tasks.create`, already checked."""
    return Classification(dataset, protocol, augmentation, normalisation, label_smoothing)


class Classification:
    """See `optbench.tasks.Task`. A batch is (images, labels): fp32 (B, C, H, W) normalised, int64 (B,).

    Args:
        dataset: on the device to train on.
        protocol: "paper" adds the validation images, after the training images, to what is trained on.
        augmentation: of training images.
        normalisation: one of the dataset's.
        label_smoothing: of the training loss.
    """

    def __init__(
        self,
        dataset: Dataset,
        protocol: str = "standard",
        augmentation: str = "none",
        normalisation: str = "train",
        label_smoothing: float = 0.0,
    ) -> None:
        import torch

        paper = protocol == "paper"
        self.dataset = dataset
        self.train = _joined(dataset.train, dataset.validation) if paper else dataset.train
        self.validation = None if paper else dataset.validation
        self.test = dataset.test
        self.augmentation = augmentation
        self.label_smoothing = label_smoothing
        self.device = dataset.train.labels.device
        # (pixel / pixel_max - mean) / std = pixel * scale + offset, with one rounding less and one pass fewer
        mean, std = (torch.tensor(each, dtype=torch.float64) for each in dataset.normalisations[normalisation])
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

    def batches(
        self, seed: int, epoch: int, batch_size: int, start: int = 0
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the training data once, shuffled and augmented by what is drawn from (seed, epoch) alone."""
        import torch

        generator = torch.Generator().manual_seed(_mix(seed, epoch))
        # The order is drawn on the CPU, so that every device sees the same batches.
        order = torch.randperm(len(self.train), generator=generator)
        augment = self._augment(_mix(seed, epoch, "augmentation"))
        crops = _mix(seed, epoch, "crops") if self.augmentation == "resized-crop-flip" else None
        at = start * batch_size
        for pixels, labels in self._examples(self.train, order[at:], batch_size, crops):
            yield self.images(augment(pixels, at)), labels
            at += len(labels)

    def _augment(self, seed: int) -> Augment:
        """Draw an epoch's augmentation; what is read from the disk has been cropped already."""
        from optbench.datasets import Stream
        from optbench.tasks import _augment

        side, name = self.dataset.shape[1], self.augmentation
        if isinstance(self.train, Stream):
            stored, name = (side, side), "flip" if name == "resized-crop-flip" else name
        else:
            stored = self.train.images.shape[2], self.train.images.shape[3]
        return _augment.epoch(name, len(self.train), seed, stored, side, self.device)

    def _examples(
        self, split: Split | Stream, order: torch.Tensor, batch_size: int, seed: int | None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield pixels and labels of each batch of rows; `seed` is of the crops that a stream makes."""
        import torch

        from optbench.datasets import Stream

        here = torch.split(order.to(self.device), batch_size)
        if isinstance(split, Stream):
            for rows, pixels in zip(here, split.batches(torch.split(order, batch_size), seed), strict=True):
                yield pixels, split.labels[rows]
        else:
            for rows in here:
                yield split.images[rows], split.labels[rows]

    def images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the normalised images (B, C, H, W) in fp32 of pixels from 0 to `pixel_max`."""
        return pixels.float().mul_(self._scale).add_(self._offset)

    def loss(
        self, model: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor], carry: Carry = None
    ) -> tuple[torch.Tensor, Carry]:
        """Return a batch's mean cross-entropy in nats, computed in fp32 whatever the model computes in."""
        from torch.nn.functional import cross_entropy

        images, labels = batch
        return cross_entropy(model(images).float(), labels, label_smoothing=self.label_smoothing), None

    def rate(self, batch: tuple[torch.Tensor, torch.Tensor]) -> float:
        """Return 1: images come in batches of one size, or in a smaller last one, which weighs the same."""
        return 1.0

    def samples(self, batch: tuple[torch.Tensor, torch.Tensor]) -> int:
        """Return the number of images."""
        return len(batch[0])

    def evaluate(self, model: torch.nn.Module, split: Split | Stream) -> dict[str, float]:
        """Score a model in eval mode, and put it back into the mode it was in.

        Returns:
            accuracy in percent (and top-5 accuracy, for a dataset that has it), and the mean cross-entropy in nats,
            summed in float64. An image whose logits are not all finite is not counted as right, and makes the
            cross-entropy nan or inf. Labels are not smoothed.
        """
        import torch
        from torch.nn.functional import cross_entropy

        was_training = model.training
        model.eval()
        right, right5 = (torch.zeros((), dtype=torch.int64, device=self.device) for _ in range(2))
        nats = torch.zeros((), dtype=torch.float64, device=self.device)
        try:
            with torch.no_grad():
                for pixels, labels in self._in_order(split):
                    logits = model(self.images(pixels)).double()
                    sane = logits.isfinite().all(dim=1)
                    right += ((logits.argmax(dim=1) == labels) & sane).sum()
                    if self.dataset.top5:
                        best = logits.topk(min(5, logits.shape[1]), dim=1).indices
                        right5 += ((best == labels[:, None]).any(dim=1) & sane).sum()
                    nats += cross_entropy(logits, labels, reduction="sum")
        finally:
            model.train(was_training)
        count = len(split)
        scores = {ACCURACY.name: 100 * right.item() / count, CROSS_ENTROPY.name: nats.item() / count}
        return scores | ({TOP5.name: 100 * right5.item() / count} if self.dataset.top5 else {})

    def _in_order(self, split: Split | Stream) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield pixels and labels of a whole split in batches, the squares in the centre."""
        import torch

        from optbench.datasets import Stream
        from optbench.tasks._augment import centre

        if isinstance(split, Stream):
            yield from self._examples(split, torch.arange(len(split)), EVALUATION_BATCH, None)
            return
        for start in range(0, len(split), EVALUATION_BATCH):
            rows = slice(start, start + EVALUATION_BATCH)  # views: nothing is gathered
            yield centre(split.images[rows], self.dataset.shape[1]), split.labels[rows]


def _joined(first: Split | Stream, second: Split | Stream) -> Split | Stream:
    import torch

    from optbench.datasets import Split, Stream

    if isinstance(first, Stream):
        assert isinstance(second, Stream)
        return first.joined(second)
    assert isinstance(second, Split)
    return Split(images=torch.cat((first.images, second.images)), labels=torch.cat((first.labels, second.labels)))


def _mix(seed: int, epoch: int, purpose: str = "") -> int:
    """Return 63 bits of SHA-256: neighbouring seeds and epochs share no stream, nor do (1, 2) and (2, 1)."""
    digest = hashlib.sha256(f"optbench batches seed={seed} epoch={epoch}{purpose and ' '}{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
