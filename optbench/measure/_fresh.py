"""One function call in a process of its own: what it allocates, compiles and leaves behind is gone afterwards."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar, cast

from optbench import _spawn
from optbench.errors import OptbenchError
from optbench.measure._launch import PINNED
from optbench.measure._messages import ArmFailed
from optbench.results import Status

P = ParamSpec("P")
T = TypeVar("T")


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function of a module's top level returns, called in a fresh process.

    Raises:
        ArmFailed: the function failed, or the system ended its process.
        OptbenchError: as it raised it there.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, function, args, kwargs), daemon=True)
    with _environment(PINNED):
        _spawn.start(process)
    theirs.close()  # so that its death reaches us as end of file
    try:
        kind, *content = ours.recv()
    except EOFError:
        process.join()
        raise ArmFailed(*_epitaph(process.exitcode or 0)) from None
    finally:
        process.terminate()
        process.join()
        ours.close()
    if kind == "refused":
        raise OptbenchError(*content)
    if kind == "stopped":
        raise ArmFailed(*content)
    return cast("T", content[0])


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Change the environment for as long as a process needs to start."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _epitaph(code: int) -> tuple[Status, str]:
    """Return status and message for a process that ended without a word; the system kills for memory."""
    name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    return ("out_of_memory" if code == -signal.SIGKILL else "error"), f"its process was ended ({name})"


def _serve(
    pipe: Connection, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    """Call the function and send what came of it; what the measured classes print goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends us
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        pipe.send(("done", function(*args, **kwargs)))
    except OptbenchError as error:
        pipe.send(("refused", error.message, error.hint))
    except Exception:
        from optbench.failures import Stopped, reported

        try:
            with reported():
                raise
        except Stopped as stop:
            pipe.send(("stopped", stop.status, stop.message))
