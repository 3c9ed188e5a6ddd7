"""Starting worker processes from anywhere: a script without ``if __name__ == "__main__"``, a notebook, a test.

A process that multiprocessing spawns imports the main script again before it does anything, for what might be pickled
out of it. A script that calls optbench at its top level would then do so in every worker. Workers of ours take nothing
from the script, so it is kept from them.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from types import ModuleType

_lock = threading.Lock()


def start(process: BaseProcess) -> None:
    """Start a spawned process that does not import the main script."""
    with hidden_main():
        process.start()


@contextlib.contextmanager
def hidden_main() -> Iterator[None]:
    """While inside, processes that are spawned do not import the main script; one thread at a time is inside."""
    with _lock:
        main = sys.modules.get("__main__")
        # multiprocessing.spawn.get_preparation_data looks for its __spec__ and __file__, and this one has neither
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            if main is not None:
                sys.modules["__main__"] = main
