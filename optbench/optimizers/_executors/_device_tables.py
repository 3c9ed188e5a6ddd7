"""What the cuda kernels read about tensors: a table of addresses and lists of chunks, kept on the device.

They are made without waiting, and kept for the next step: lists of chunks as long as the shapes stay, a table as long
as the addresses do (`zero_grad` gives gradients new ones, but mostly the same few in turn).
"""

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from optbench.optimizers._executors._triton_write import written

Tensor = torch.Tensor

MOST_TABLES = 512  # kept at a time: one to three for each batch of parameters that is stepped


class Chunks:
    """The chunks of tensors, for one size of block.

    Attributes:
        rows: (chunks, 2) int32: tensor, number of the block within it.
        first: (tensors + 1,) int32: where each tensor's chunks begin.
        count: number of chunks.
    """

    def __init__(self, lengths: Tensor, block: int, count: int) -> None:
        """Take the lengths, int64 on the device; how many chunks there are is known here, so that nothing waits."""
        blocks = (lengths + (block - 1)) // block
        device, tensors = lengths.device, len(lengths)
        self.count = count
        self.first = torch.zeros(tensors + 1, dtype=torch.int32, device=device)
        torch.cumsum(blocks, 0, out=self.first[1:], dtype=torch.int32)
        numbers = torch.arange(tensors, device=device)
        tensor = torch.repeat_interleave(numbers, blocks, output_size=count)
        within = torch.arange(count, device=device) - self.first[tensor]
        self.rows = torch.stack([tensor, within], 1).to(torch.int32)


class Table:
    """The addresses of tensors that step together, all multiples of 16 bytes or all treated as if they were not.

    Attributes:
        addresses: (tensors, rows + 1) int64: addresses, then the number of elements.
        tensors: their number.
        aligned: whether every address is a multiple of 16 bytes.
    """

    def __init__(self, numbers: np.ndarray, aligned: bool, device: torch.device, in_arguments: bool) -> None:
        self.addresses = _upload(numbers, device, in_arguments)
        self.tensors, self.aligned = len(numbers), aligned
        self.lengths = np.ascontiguousarray(numbers[:, -1])
        self.own: dict[int, Chunks] = {}

    def chunks(self, block: int) -> Chunks:
        """Return the chunks for a size of block."""
        if block not in self.own:
            self.own[block] = _chunks(self, block)
        return self.own[block]


_Kept = OrderedDict[tuple[Any, ...], Any]
_tables: _Kept = OrderedDict()
_chunk_lists: _Kept = OrderedDict()
_graphs: Any = WeakTensorKeyDictionary()


def tables(rows: list[list[Tensor]], in_arguments: bool = False) -> list[Table]:
    """Return the tables of tensors given row by row; the first row holds the parameters.

    A table is good on the stream that wrote it. A graph that is being captured gets its own, which it writes again at
    every replay, and which lives as long as the first parameter.

    Args:
        rows: lists of tensors of one length.
        in_arguments: whether the numbers travel in the arguments of a kernel, as a captured graph needs it, rather
            than through pinned memory, which cannot be had there. A step that may be captured later asks for it too,
            so that the kernel is compiled before.
    """
    theta = rows[0]
    device = theta[0].device
    addresses = [t.data_ptr() for row in rows for t in row]
    lengths = [p.numel() for p in theta]
    if captured(device):
        made = _build(addresses, lengths, device, True)
        _graphs.setdefault(theta[0], []).append(made)
        return made
    key = (_place(device), len(rows), *addresses, *lengths)
    found: list[Table]
    if device.type == "cpu" or key not in _tables:
        found = _keep(_tables, key, _build(addresses, lengths, device, in_arguments))
    else:
        found = _tables[key]
        _tables.move_to_end(key)
    return found


def captured(device: torch.device) -> bool:
    """Tell whether the current stream is being captured into a CUDA graph."""
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def _place(device: torch.device) -> tuple[Any, ...]:
    """Return the device and its current stream."""
    return device, torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else None


def _build(addresses: list[int], lengths: list[int], device: torch.device, in_arguments: bool) -> list[Table]:
    own = np.array(addresses, dtype=np.int64).reshape(-1, len(lengths)).T
    numbers = np.column_stack([own, np.array(lengths, dtype=np.int64)])
    odd = (own % 16 != 0).any(axis=1)
    parts = ((True, ~odd), (False, odd))
    return [Table(numbers[mine], aligned, device, in_arguments) for aligned, mine in parts if mine.any()]


def _chunks(table: Table, block: int) -> Chunks:
    """Return a list of chunks; a graph uses one that the steps before its capture have left, where there is one."""
    device = table.addresses.device
    shape = (block, table.lengths.tobytes())
    if captured(device):
        known = [kept for (on, *key), kept in _chunk_lists.items() if on[0] == device and tuple(key) == shape]
        return known[-1] if known else _new_chunks(table, block)
    key = (_place(device), *shape)
    if key not in _chunk_lists:
        _keep(_chunk_lists, key, _new_chunks(table, block))
    _chunk_lists.move_to_end(key)
    return _chunk_lists[key]  # type: ignore[no-any-return]


def _new_chunks(table: Table, block: int) -> Chunks:
    return Chunks(table.addresses[:, -1], block, int((-(-table.lengths // block)).sum()))


def _keep(kept: _Kept, key: tuple[Any, ...], value: Any) -> Any:
    kept[key] = value
    while len(kept) > MOST_TABLES:
        kept.popitem(last=False)
    return value


def _upload(numbers: np.ndarray, device: torch.device, in_arguments: bool) -> Tensor:
    if in_arguments:
        return written(numbers, device)
    host = torch.from_numpy(np.ascontiguousarray(numbers))
    # The allocator of pinned memory keeps it from being used again before the copy has run.
    return host if device.type == "cpu" else host.pin_memory().to(device, non_blocking=True)
