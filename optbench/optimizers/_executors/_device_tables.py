"""What the cuda kernels read about tensors: a table of addresses and lists of chunks, kept on the device.

Both are copied from pinned memory without waiting, and kept for the next step: lists of chunks as long as the shapes
stay, a table as long as the addresses do (`zero_grad` gives gradients new ones, but mostly the same few in turn).
"""

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

Tensor = torch.Tensor

MOST_TABLES = 64  # kept at a time on a stream: one to three for each batch of parameters that is stepped


class Chunks:
    """The chunks of tensors, for one size of block.

    Attributes:
        rows: (chunks, 2) int32: tensor, number of the block within it.
        first: (tensors + 1,) int32: where each tensor's chunks begin.
        count: number of chunks.
    """

    def __init__(self, lengths: np.ndarray, block: int, device: torch.device, hosts: list[Tensor]) -> None:
        blocks = -(-lengths // block)
        first = np.concatenate([[0], np.cumsum(blocks)])
        tensors = np.repeat(np.arange(len(lengths)), blocks)
        within = np.arange(first[-1]) - np.repeat(first[:-1], blocks)
        self.rows = _upload(np.stack([tensors, within], 1).astype(np.int32), device, hosts)
        self.first = _upload(first.astype(np.int32), device, hosts)
        self.count = int(first[-1])


class Table:
    """The addresses of tensors that step together, all multiples of 16 bytes or all treated as if they were not.

    Attributes:
        addresses: (tensors, rows + 1) int64: addresses, then the number of elements.
        tensors: their number.
        aligned: whether every address is a multiple of 16 bytes.
    """

    def __init__(self, numbers: np.ndarray, aligned: bool, device: torch.device) -> None:
        self.hosts: list[Tensor] = []
        self.addresses = _upload(numbers, device, self.hosts)
        self.tensors, self.aligned = len(numbers), aligned
        self.lengths = np.ascontiguousarray(numbers[:, -1])
        self.own: dict[int, Chunks] = {}

    def chunks(self, block: int) -> Chunks:
        """Return the chunks for a size of block."""
        if block not in self.own:
            self.own[block] = _chunks(self.lengths, block, self.addresses.device, self.hosts)
        return self.own[block]


_Kept = OrderedDict[tuple[Any, ...], Any]
_tables: _Kept = OrderedDict()
_chunk_lists: _Kept = OrderedDict()
_graphs: Any = WeakTensorKeyDictionary()


def tables(rows: list[list[Tensor]]) -> list[Table]:
    """Return the tables of tensors given row by row; the first row holds the parameters.

    A table is good on the stream that copied it. A graph that is being captured gets its own, which it copies again
    at every replay: host and device memory live as long as the first parameter.
    """
    theta = rows[0]
    device = theta[0].device
    addresses = [t.data_ptr() for row in rows for t in row]
    lengths = [p.numel() for p in theta]
    if captured(device):
        made = _build(addresses, lengths, device)
        _graphs.setdefault(theta[0], []).append(made)
        return made
    stream = torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else None
    key = (device, stream, len(rows), *addresses, *lengths)
    found: list[Table]
    if device.type == "cpu" or key not in _tables:
        found = _keep(_tables, key, _build(addresses, lengths, device))
    else:
        found = _tables[key]
        _tables.move_to_end(key)
    return found


def captured(device: torch.device) -> bool:
    """Tell whether the current stream is being captured into a CUDA graph."""
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def _build(addresses: list[int], lengths: list[int], device: torch.device) -> list[Table]:
    own = np.array(addresses, dtype=np.int64).reshape(-1, len(lengths)).T
    numbers = np.column_stack([own, np.array(lengths, dtype=np.int64)])
    odd = (own % 16 != 0).any(axis=1)
    return [Table(numbers[mine], aligned, device) for aligned, mine in ((True, ~odd), (False, odd)) if mine.any()]


def _chunks(lengths: np.ndarray, block: int, device: torch.device, hosts: list[Tensor]) -> Chunks:
    """Return a list of chunks; a graph uses one that the steps before its capture have left, where there is one."""
    shape = (device, block, lengths.tobytes())
    if captured(device):
        known = [kept for key, kept in _chunk_lists.items() if key[1:] == shape]
        return known[-1] if known else Chunks(lengths, block, device, hosts)
    key = (torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else None, *shape)
    if key not in _chunk_lists:
        _keep(_chunk_lists, key, Chunks(lengths, block, device, hosts))
    _chunk_lists.move_to_end(key)
    return _chunk_lists[key]  # type: ignore[no-any-return]


def _keep(kept: _Kept, key: tuple[Any, ...], value: Any) -> Any:
    kept[key] = value
    while len(kept) > MOST_TABLES:
        kept.popitem(last=False)
    return value


def _upload(numbers: np.ndarray, device: torch.device, hosts: list[Tensor]) -> Tensor:
    host = torch.from_numpy(np.ascontiguousarray(numbers))
    if device.type == "cpu":
        return host
    hosts.append(host.pin_memory())  # what a graph copies at every replay has to stay
    return hosts[-1].to(device, non_blocking=True)
