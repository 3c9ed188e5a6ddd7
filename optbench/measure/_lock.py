"""One measuring at a time on this machine, whatever folders the runs are kept in. No torch."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from optbench._files import user_errors, wait_for_lock

NAME = "optbench-measures.lock"


@contextlib.contextmanager
def alone(on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the machine's lock, waiting for it; the system lifts it when its holder ends in any way.

    Args:
        on_wait: called once when another process holds it.
    """
    path = Path(tempfile.gettempdir()) / NAME
    with user_errors(path):
        descriptor = _open(path)
    try:
        wait_for_lock(descriptor, path, on_wait)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open a lock file that another user may have made: in a sticky folder such a file may be read, not created."""
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
