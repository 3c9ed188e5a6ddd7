"""One measuring at a time on this machine, whatever folders the runs are kept in. No torch."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from optbench._files import user_errors

NAME = "optbench-measures.lock"
POLL_SECONDS = 0.1


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
        waited = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    on_wait()
                waited = True
                time.sleep(POLL_SECONDS)  # asking again and again, so that Ctrl-C is heard
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open a lock file that another user may have made: in a sticky folder such a file may be read, not created."""
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
