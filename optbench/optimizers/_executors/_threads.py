"""Runs a compiled kernel on several threads: torch's own OpenMP threads where they can be had, else a thread pool."""

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

SERIAL_BELOW = 32768  # elements: waking a thread takes as long as stepping about so many

_forked = False
_pool: ThreadPoolExecutor | None = None


def _after_fork() -> None:
    """An OpenMP pool does not survive a fork: its child would wait for threads that are gone."""
    global _forked, _pool
    _forked, _pool = True, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def wanted(elements: int) -> int:
    """Return the number of threads for a step over so many elements: torch's, or 1 for a small one."""
    return 1 if elements < SERIAL_BELOW or _forked else torch.get_num_threads()


@cache
def openmp() -> ctypes.CDLL | None:
    """Return the GNU OpenMP library that torch has loaded, or None (macOS and Windows have another one)."""
    home = Path(torch.__file__).parent
    bundled = [*home.glob("lib/libgomp*.so*"), *home.parent.glob("torch.libs/libgomp*.so*")]
    for name in (*map(str, bundled), "libgomp.so.1"):
        try:
            library = ctypes.CDLL(name)
            library.GOMP_parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
            library.GOMP_parallel.restype = None
            for ask in (library.omp_get_thread_num, library.omp_get_num_threads):
                ask.argtypes, ask.restype = [], ctypes.c_int
        except (OSError, AttributeError):
            continue
        return library
    return None


KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
"""A compiled kernel as Python calls it; the GIL is released meanwhile."""


def run(kernel: Any, arguments: np.ndarray, threads: int) -> None:
    """Run the kernel on so many threads.

    The last two of its arguments are the thread's number and the team's size; a number of -1 asks OpenMP for both.
    """
    library = openmp()
    if threads == 1:
        _call(kernel, arguments, 0, 1)
    elif library is not None:
        library.GOMP_parallel(kernel, arguments.ctypes.data, threads, 0)
    else:
        list(_workers(threads).map(lambda i: _call(kernel, arguments, i, threads), range(threads)))


def _call(kernel: Any, arguments: np.ndarray, number: int, team: int) -> None:
    own = arguments.copy()
    own[-2:] = number, team
    kernel(own.ctypes.data)


def _workers(threads: int) -> ThreadPoolExecutor:
    global _pool
    if _pool is None or _pool._max_workers < threads:
        _pool = ThreadPoolExecutor(threads)
    return _pool
