"""Fetching one file over HTTP: several mirrors, resumed, verified before it gets its name."""

from __future__ import annotations

import contextlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from optbench import __version__
from optbench.datasets._base import Progress
from optbench.errors import OptbenchError

TIMEOUT_S = 30.0  # of silence, not of the whole download
ATTEMPTS = 3  # at one mirror, as long as each brings something
_BLOCK = 1 << 16
_USER_AGENT = f"optbench/{__version__}"  # some hosts refuse urllib's own


class MirrorError(Exception):
    """One mirror did not send the file; the text says why."""


def download(
    urls: Sequence[str],
    target: Path,
    *,
    verify: Callable[[Path], object],
    size_limit: int,
    progress: Progress | None = None,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Bring a file here: written to `<target>.part`, which a later call continues; renamed when verified.

    Args:
        urls: where the same file is; tried in turn.
        target: the file to make. Nothing is done if another process has made it meanwhile.
        verify: raises OptbenchError if the file it is given is not the right one.
        size_limit: no server may send more than this many bytes.
        progress: called with the file's name, the bytes here and the bytes in all.
        timeout_s: seconds without a byte after which a mirror is given up.

    Raises:
        MirrorError: no mirror sent the right file; the text gives each one's reason.
        OptbenchError: the folder cannot be written to.
    """
    part = target.with_name(target.name + ".part")
    reasons = []
    with writing(target.parent), one_writer(target):
        if target.exists():
            return
        for url in urls:
            try:
                _from_mirror(url, part, verify, _Transfer(target.name, size_limit, progress, timeout_s))
            except MirrorError as error:
                reasons.append(f"{url}: {error}")
            else:
                os.replace(part, target)
                return
    raise MirrorError("; ".join(reasons))


def _from_mirror(url: str, part: Path, verify: Callable[[Path], object], transfer: _Transfer) -> None:
    """Complete and verify `part` from one mirror.

    Wrong bytes are deleted, and fetched anew once if some were here before: it may have been those.
    """
    resumed = part.exists()
    while True:
        _complete(url, part, transfer)
        try:
            verify(part)
            return
        except OptbenchError as error:
            part.unlink()
            if not resumed:
                raise MirrorError(f"sent an altered file ({error.message})") from None
            resumed = False


def _complete(url: str, part: Path, transfer: _Transfer) -> None:
    """Ask until all bytes are here, at most `ATTEMPTS` times, and only while each answer brings some."""
    for attempt in range(ATTEMPTS):
        before = part.stat().st_size if part.exists() else 0
        try:
            transfer.once(url, part)
            return
        except MirrorError:
            after = part.stat().st_size if part.exists() else 0
            if after <= before or attempt == ATTEMPTS - 1:
                raise


class _Transfer:
    """One request after another for one file."""

    def __init__(self, name: str, size_limit: int, progress: Progress | None, timeout_s: float) -> None:
        self.name = name
        self.size_limit = size_limit
        self.progress = progress
        self.timeout_s = timeout_s

    def once(self, url: str, part: Path) -> None:
        """Send one request for what `part` lacks, and append the answer to it."""
        here = part.stat().st_size if part.exists() else 0
        response = self._open(url, here)
        if response is not None:
            with response:
                self._store(response, part, here)

    def _open(self, url: str, here: int) -> Any:
        """Return the response, or None when the server has nothing after the bytes that are here."""
        headers = {"User-Agent": _USER_AGENT} | ({"Range": f"bytes={here}-"} if here else {})
        try:
            return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and here:
                return None
            raise MirrorError(f"HTTP {error.code} {error.reason}") from None
        except urllib.error.URLError as error:
            raise MirrorError(_reason(error.reason)) from None
        except (http.client.HTTPException, OSError) as error:
            raise MirrorError(_reason(error)) from None

    def _store(self, response: Any, part: Path, here: int) -> None:
        if response.status == 206:
            start = response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
            if start != str(here):
                part.unlink()
                raise MirrorError(f"asked for bytes from {here} on, got '{start}'")
        else:
            here = 0  # the server sends the whole file, whatever we have
        length = response.headers.get("Content-Length")
        total = here + int(length) if length and length.isdigit() else None
        with part.open("ab" if here else "wb") as file:
            here = self._copy(response, file, here, total)
        if total is not None and here < total:
            raise MirrorError(f"the connection closed after {here} of {total} bytes")

    def _copy(self, response: Any, file: IO[bytes], here: int, total: int | None) -> int:
        while block := self._block(response):
            here += len(block)
            if here > self.size_limit:
                file.truncate(0)
                raise MirrorError(f"sent more than the file's {self.size_limit} bytes")
            file.write(block)
            if self.progress is not None:
                self.progress(self.name, here, total)
        return here

    def _block(self, response: Any) -> bytes:
        try:
            return bytes(response.read1(_BLOCK))  # read1: what has come is stored at once, so it can be resumed
        except (
            http.client.HTTPException,
            OSError,
        ) as error:  # apart from errors of writing, which are the user's
            raise MirrorError(_reason(error)) from None


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return text or type(error).__name__


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make the folder, and turn a full disk or a missing permission into the user's error."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise OptbenchError(
            f"cannot write to the data cache {folder} ({error.strerror or error})",
            "free space or permit writing there, or set XDG_CACHE_HOME to another folder",
        ) from None


@contextlib.contextmanager
def one_writer(target: Path) -> Iterator[None]:
    """Let one process at a time download a file; the others wait, and then find it."""
    try:
        import fcntl
    except ImportError:  # no such lock outside POSIX: two downloads at once would repeat work, and fail verification
        yield
        return
    with target.with_name(target.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
