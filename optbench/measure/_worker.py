"""A measuring worker's side of the channel: build one arm, then time or weigh it whenever the parent asks.

Nothing heavy is imported at the top: where the optimizers come from is decided by the first message.
"""

import os
import select
import signal
import threading
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def main(descriptor: int) -> None:
    """Serve the parent at the other end of a socket until it is gone.

    Stray output of the classes that are measured cannot reach the socket: nobody but us knows its number.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends us
    threading.Thread(target=_end_with_the_parent, args=(descriptor,), daemon=True).start()
    channel = Connection(descriptor)
    try:
        channel.send(_answer(channel))
        channel.recv()  # what we have to say is said: wait to be ended
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(1)  # nobody is left to tell


def _end_with_the_parent(descriptor: int) -> None:
    """Wait, asleep in the kernel, until the parent's end of the socket closes, however it ended."""
    poll = select.poll()
    poll.register(descriptor, 0)  # a hang-up is always told
    poll.poll()
    os._exit(1)


def _answer(channel: Connection) -> tuple[Any, ...]:
    """Serve until something goes wrong; return that as a message."""
    from optbench.errors import OptbenchError

    checkout: Path | None = channel.recv()
    if checkout is not None:
        from optbench.measure import _checkout

        _checkout.use(checkout)
    try:
        from optbench.failures import Stopped

        try:
            _serve(channel)
        except Stopped as stop:
            return "failed", stop.status, stop.message
    except OptbenchError as error:
        return "refused", error.message, error.hint
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # an old checkout's code does not fit, or a mistake of ours: its traceback tells
        return "broken", f"{type(error).__name__}: {error}", traceback.format_exc()
    raise AssertionError("`_serve` does not return")


def _serve(channel: Connection) -> None:
    """Build the arm, warm it up, and do what is asked for ever after."""
    setup = channel.recv()
    from optbench.failures import reported
    from optbench.measure._subject import Subject

    with reported():
        subject = Subject(setup)
    channel.send(("done", subject.facts))
    while True:
        request, *arguments = channel.recv()
        with reported():
            answer: Any = subject.turn(*arguments) if request == "turn" else subject.ledger()
        channel.send(("done", answer))
