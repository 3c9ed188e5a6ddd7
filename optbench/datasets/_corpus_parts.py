"""Text as tokens, the way word-level language models read it: what white space separates, and `<eos>` after each line.

That is `line.split() + ["<eos>"]` for every line, blank ones included, as in AWD-LSTM's `data.py` and Transformer-XL's
`utils/vocabulary.py`. Lines end in a line feed; a carriage return is white space. A text is read piece by piece,
however long its lines are.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from optbench.errors import OptbenchError

EOS = "<eos>"
_BLOCK = 1 << 18
_LONGEST = 1 << 20  # bytes of a token: no word of any language comes near it
_BYTE_ORDER_MARK = "\ufeff"


class Readable(Protocol):
    """All that is needed of a file."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""


@dataclass(frozen=True)
class Part:
    """Bytes of text that can be read from their beginning as often as need be.

    Attributes:
        name: for messages.
        size: bytes, for progress.
        open: gives the bytes.
    """

    name: str
    size: int
    open: Callable[[], AbstractContextManager[Readable]]


def of_bytes(name: str, data: bytes) -> Part:
    """Return bytes that are in memory as a part."""
    return Part(name, len(data), lambda: io.BytesIO(data))


def of_file(path: Path, start: int = 0, stop: int | None = None) -> Part:
    """Return a file, or the bytes of it from `start` to `stop`, as a part.

    Raises:
        OptbenchError: the file cannot be looked at.
    """
    try:
        end = path.stat().st_size if stop is None else stop
    except OSError as error:
        raise unreadable(path, error) from None

    @contextlib.contextmanager
    def opened() -> Iterator[Readable]:
        try:
            with path.open("rb") as file:
                file.seek(start)
                yield _Bounded(file, end - start)
        except OSError as error:
            raise unreadable(path, error) from None

    return Part(str(path), end - start, opened)


def unreadable(path: Path, error: OSError) -> OptbenchError:
    """Return what to say of a file that the system does not give."""
    return OptbenchError(f"{path} cannot be read ({error.strerror or error})", "permit reading it")


def tokens(part: Part, lowercase: bool, tell: Callable[[int], None]) -> Iterator[list[str]]:
    """Yield the tokens of a text, some ten thousand at a time.

    Args:
        part: the text.
        lowercase: make its letters small.
        tell: called with the number of bytes that have been read since the last call.

    Raises:
        OptbenchError: it cannot be read, is no UTF-8, or holds a NUL or a token of more than a mebibyte.
    """
    rest, at, last = b"", 0, b"\n"  # what may be half a token, the bytes before it, the last byte
    with part.open() as file:
        while data := file.read(_BLOCK):
            tell(len(data))
            last = data[-1:]
            data = rest + data
            cut = 1 + max(data.rfind(b" "), data.rfind(b"\n"))
            if len(data) - cut > _LONGEST:
                where = f"{part.name} has no white space in {len(data) - cut:,} bytes from byte {at + cut:,} on"
                raise OptbenchError(where, "separate its words by white space")
            if found := _split(data[:cut], part.name, at, lowercase):
                yield found
            rest, at = data[cut:], at + cut
    if rest and (found := _split(rest, part.name, at, lowercase)):
        yield found
    if last != b"\n":
        yield [EOS]


def _split(data: bytes, name: str, at: int, lowercase: bool) -> list[str]:
    """Return the tokens of a piece of text that ends between two of them."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"{name} is not UTF-8: its byte {at + error.start:,} is 0x{data[error.start]:02x}"
        raise OptbenchError(where, "convert it, as by iconv -t UTF-8") from None
    if "\0" in text:
        raise OptbenchError(f"{name} is no text: its byte {at + data.index(0):,} is NUL", "convert it to UTF-8")
    if not at:
        text = text.removeprefix(_BYTE_ORDER_MARK)
    return (text.lower() if lowercase else text).replace("\n", f" {EOS} ").split()


class _Bounded:
    """The next so many bytes of a file."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self.file, self.left = file, left

    def read(self, size: int, /) -> bytes:
        data = self.file.read(min(size, self.left))
        self.left -= len(data)
        return data
