"""Worker processes: a launch is one fresh set of them, one for each arm, all of which end with it. No torch.

Each is a new interpreter (a fork would share memory layout, threads and a CUDA context), with glibc's allocator kept
from giving memory back: with its moving thresholds the same arm's time differs by a quarter from process to process.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from optbench.errors import OptbenchError
from optbench.measure._messages import ArmFailed, Setup

# A/A ratios over ten launches of a LeNet spread from 0.77 to 1.51 without these, from 0.98 to 1.03 with them.
PINNED = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
BOOT = """import json, sys
sys.path[:] = json.loads(sys.argv[2])
from optbench.measure._worker import main
main(int(sys.argv[1]))
"""


class Worker:
    """The parent's handle of one worker process, which is being started.

    What the measured classes print goes nowhere; the last line of what they complain about is kept for when they die.
    """

    def __init__(self, setup: Setup) -> None:
        self._old = setup.checkout is not None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the worker)
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BOOT, str(theirs.fileno()), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **PINNED},
            )
        finally:
            theirs.close()  # so that its death reaches us as end of file
        self._channel = Connection(ours.detach())
        self._send(setup.checkout)
        self._send(setup)

    def ask(self, *request: Any) -> Any:
        """Send a request and return the answer."""
        self._send(request)
        return self.answer()

    def answer(self) -> Any:
        """Wait for the worker's next answer.

        Raises:
            ArmFailed: the arm cannot be measured, or its process died.
            OptbenchError: the request as a whole is wrong (missing data, an optimizer that cannot be made).
        """
        try:
            kind, *content = self._channel.recv()
        except (EOFError, OSError):
            raise self._death() from None
        if kind == "done":
            return content[0]
        if kind == "failed":
            raise ArmFailed(*content)
        if self._old:  # other code need not know the reference, nor fit this optbench
            raise ArmFailed("error", content[0])
        if kind == "refused":
            raise OptbenchError(*content)
        raise RuntimeError(f"a measuring process failed:\n{content[1]}")

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        self._log.close()

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it died: `answer` tells so
            self._channel.send(message)

    def _death(self) -> ArmFailed:
        """Return what is known of a process that ended without a word."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return ArmFailed(
                "out_of_memory", "its process was killed (SIGKILL), as the system does when memory runs out"
            )
        reason = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ArmFailed("error", f"its process ended ({reason})" + (f": {last[:200]}" if last else ""))


@contextlib.contextmanager
def started(setups: Mapping[str, Setup]) -> Iterator[dict[str, Worker]]:
    """Start a worker for each arm, all at once; end every one of them on the way out, whatever happened."""
    workers: dict[str, Worker] = {}
    try:
        for name, setup in setups.items():
            workers[name] = Worker(setup)
        yield workers
    finally:
        for worker in workers.values():
            worker.end()
