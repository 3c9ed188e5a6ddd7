"""Files that appear whole or not at all, and the system's refusals in words for a user."""

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from optbench.errors import OptbenchError

TEMPORARY = ".tmp-"
POLL_SECONDS = 0.1


def write(path: Path, content: bytes | memoryview, sync: bool = True) -> None:
    """Put `content` at `path` so that a reader finds the old file or the whole new one, never a part.

    Args:
        path: its folder is made if need be.
        content: all of it.
        sync: wait until the bytes are on the disk, for what must outlive a power failure.

    Raises:
        OptbenchError: when the disk is full or may not be written; what was there before is untouched.
    """
    with user_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
        # not tempfile's, which nobody else may read: a report is to be shown, and a run folder may be shared
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            try:
                _write_all(descriptor, content)
                if sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def remove(path: Path) -> None:
    """Delete a file if it is there."""
    with user_errors(path):
        path.unlink(missing_ok=True)


def _write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write every byte (os.write may take fewer than it is given)."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def wait_for_lock(descriptor: int, path: Path, on_wait: Callable[[], None] | None = None) -> None:
    """Lock an open file for this process, waiting for it; closing the file, or any end of the process, lifts the lock.

    Args:
        descriptor: of the file.
        path: where it lies, for what the system refuses.
        on_wait: called once when another process holds the lock.
    """
    import fcntl  # not on every system, and few who read files lock them

    waited = False
    while True:
        try:
            with user_errors(path):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if on_wait and not waited:
                on_wait()
            waited = True
            time.sleep(POLL_SECONDS)  # asking again and again, so that Ctrl-C is heard


@contextlib.contextmanager
def user_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into an OptbenchError with a remedy; a held lock passes."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OptbenchError(
                f"no space left to write {path}",
                "free some space and give the same command again: what is stored is intact",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OptbenchError(
                f"no permission to write {path}", "choose another folder with --runs or OPTBENCH_RUNS"
            ) from error
        raise OptbenchError(f"cannot write {path}: {error.strerror}", "choose another folder with --runs") from error
