"""Images that stay on the disk: decoded by worker processes when they are needed, never all in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.datasets import _crops, _images
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np
    import torch

MOST_WORKERS = 16
AHEAD = 2  # batches that each worker prepares before they are asked for


@dataclass(frozen=True, eq=False)
class Files:
    """Image files of one split: the folder, their paths in it as bytes (N,), and their labels (N,)."""

    folder: Path
    paths: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Stream:
    """A split whose images are read from the disk.

    Attributes:
        folder, paths: where the files are, as in `Files`.
        labels: int64 tensor (N,), on the device.
        side: height and width of the images as they are given out.
        workers: processes that decode; 0 means this one.
    """

    folder: Path
    paths: np.ndarray
    labels: torch.Tensor
    side: int
    workers: int

    def __len__(self) -> int:
        return len(self.labels)

    def joined(self, other: Stream) -> Stream:
        """Return a split of these images and then the other's."""
        import numpy as np
        import torch

        paths, labels = np.concatenate((self.paths, other.paths)), torch.cat((self.labels, other.labels))
        return Stream(self.folder, paths, labels, self.side, self.workers)

    def batches(self, rows: Sequence[torch.Tensor], seed: int | None) -> Iterator[torch.Tensor]:
        """Yield the images of each batch of rows, uint8 (B, 3, side, side), on the device of the labels.

        Args:
            rows: the images of each batch, tensors on the CPU.
            seed: of the random part of each image that is resized to the square, the same whichever worker does it;
                None for the square in the centre.

        Raises:
            OptbenchError: a file is no intact image, or Pillow is not installed.
        """
        import torch

        _images.pillow()
        loader: Any = torch.utils.data.DataLoader(
            _Decoder(self.folder, self.paths, self.side),  # type: ignore[arg-type]  # anything with __getitems__ will do
            batch_sampler=[[(row, seed) for row in batch.tolist()] for batch in rows],
            collate_fn=_as_it_is,
            num_workers=self.workers,
            multiprocessing_context="spawn" if self.workers else None,  # a fork would share torch's and Numba's threads
            prefetch_factor=AHEAD if self.workers else None,
            pin_memory=self.labels.device.type == "cuda",
            generator=torch.Generator(),  # it draws numbers, which must not be the model's
        )
        for images in loader:
            if isinstance(images, tuple):
                raise OptbenchError(*images)
            yield images.to(self.labels.device, non_blocking=True)


class _Decoder:
    """What the workers do: from (row, seed) of each image of a batch to the images."""

    def __init__(self, folder: Path, paths: np.ndarray, side: int) -> None:
        self.folder, self.paths, self.side = folder, paths, side

    def __len__(self) -> int:
        return len(self.paths)

    def __getitems__(self, batch: list[tuple[int, int | None]]) -> Any:
        """Return uint8 (B, 3, side, side), or message and hint of an error, which raised would come with a trace."""
        import numpy as np
        import torch

        try:
            return torch.from_numpy(np.stack([self._image(row, seed) for row, seed in batch]))
        except OptbenchError as error:
            return error.message, error.hint

    def _image(self, row: int, seed: int | None) -> np.ndarray:
        path = self.folder / os.fsdecode(self.paths[row])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise OptbenchError(f"{path} cannot be read ({error.strerror})", "permit reading it") from None
        image = _images.rgb(data, str(path))
        return _images.pixels(self._cut(image, row, seed))

    def _cut(self, image: Any, row: int, seed: int | None) -> Any:
        import numpy as np

        bilinear, side = _images.pillow().Resampling.BILINEAR, self.side
        width, height = image.size
        if seed is not None:
            random = np.random.Generator(np.random.Philox(key=[seed, row]))
            top, left, high, wide = _crops.random_boxes(1, height, width, random)[0].tolist()
            return image.crop((left, top, left + wide, top + high)).resize((side, side), bilinear)
        high, wide = _crops.resized(height, width, side)
        top, left = _crops.centre(high, wide, side)
        return image.resize((wide, high), bilinear).crop((left, top, left + side, top + side))


def _as_it_is(batch: Any) -> Any:
    return batch


def stream(files: Files, side: int, device: Any) -> Stream:
    """Return files as a split for a device.

    A worker for each core that this process may use; none in a process that may not start others (a worker of
    `--jobs`, which is one of several already).
    """
    import multiprocessing

    import torch

    labels = torch.from_numpy(files.labels.astype("int64")).to(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = 0 if multiprocessing.current_process().daemon else min(cores, MOST_WORKERS)
    return Stream(files.folder, files.paths, labels, side, workers)
