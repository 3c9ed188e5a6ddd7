"""Data as they were read, made tensors on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from optbench.datasets._base import (
    SPLITS,
    AnyDataset,
    Dataset,
    DatasetInfo,
    ImageInfo,
    Pairs,
    ParallelText,
    Ragged,
    RaggedTensor,
    Raw,
    RawParallel,
    RawText,
    Split,
    Text,
)
from optbench.datasets._stream import Files, Stream, stream

if TYPE_CHECKING:
    import numpy as np
    import torch

LARGE_BYTES = 2**30  # of one split of a text: beyond, it stays where it is and batches are copied to the device


def on_device(facts: DatasetInfo, raw: Raw | RawText | RawParallel, device: str | torch.device) -> AnyDataset:
    """Return the dataset of data that were read."""
    import torch

    device = torch.device(device)
    if isinstance(raw, Raw):
        assert isinstance(facts, ImageInfo)
        return _images(facts, raw, device)
    if isinstance(raw, RawText):
        return _text(facts, raw, device)
    if isinstance(raw, RawParallel):
        return _parallel(facts, raw, device)
    assert_never(raw)


def _images(facts: ImageInfo, raw: Raw, device: torch.device) -> Dataset:
    import torch

    splits: dict[str, Split | Stream] = {}
    for split in SPLITS:
        part = raw.splits[split]
        if isinstance(part, Files):
            splits[split] = stream(part, facts.shape[1], device)
        else:
            images, labels = part
            splits[split] = Split(
                images=torch.from_numpy(images).to(device),
                labels=torch.from_numpy(labels.astype("int64")).to(device),
            )
    mean, std = raw.measured or (facts.mean, facts.std)
    return Dataset(
        name=facts.name,
        classes=raw.classes or facts.classes,
        shape=facts.shape,
        pixel_max=facts.pixel_max,
        mean=mean,
        std=std,
        checksum=raw.found.checksum,
        provenance=raw.found.provenance,
        variant=raw.found.variant,
        exact=raw.found.exact,
        top5=facts.top5,
        constants=facts.constants,
        **splits,
    )


def _text(facts: DatasetInfo, raw: RawText, device: torch.device) -> Text:
    import torch

    def tokens(ids: np.ndarray) -> torch.Tensor:
        if ids.nbytes > LARGE_BYTES:
            return torch.from_numpy(ids)
        return torch.from_numpy(ids.copy()).to(device)

    return Text(
        name=facts.name,
        **{split: tokens(raw.splits[split]) for split in SPLITS},
        device=device,
        vocabulary=raw.vocabulary,
        checksum=raw.found.checksum,
        provenance=raw.found.provenance,
        variant=raw.found.variant,
        exact=raw.found.exact,
    )


def _parallel(facts: DatasetInfo, raw: RawParallel, device: torch.device) -> ParallelText:
    import torch

    def ragged(rows: Ragged) -> RaggedTensor:
        return RaggedTensor(torch.tensor(rows.ids, dtype=torch.int32), torch.tensor(rows.offsets, dtype=torch.int64))

    return ParallelText(
        name=facts.name,
        **{
            split: Pairs(ragged(pairs.source_ids), ragged(pairs.target_ids), pairs.source, pairs.target)
            for split, pairs in raw.splits.items()
        },
        device=device,
        languages=raw.languages,
        pieces=raw.pieces,
        tokenizer=raw.tokenizer,
        checksum=raw.found.checksum,
        provenance=raw.found.provenance,
        variant=raw.found.variant,
        exact=raw.found.exact,
    )
