"""What a figure was made with: versions of the software, and the machine. No torch is imported."""

import functools
import os
import platform
from importlib import metadata

import optbench

PACKAGES = ("torch", "numpy", "numba", "triton")
TRANSLATING = ("sentencepiece", "sacrebleu")  # subwords and BLEU are theirs


@functools.cache
def versions(further: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the versions of optbench, Python and the packages that compute, and further ones, from their metadata."""
    found = {"optbench": optbench.__version__, "python": platform.python_version()}
    for package in (*PACKAGES, *further):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def machine() -> dict[str, str | int]:
    """Return processor, cores that this process may use, memory in bytes and operating system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_bytes": _memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    """Return the processor's name as the system gives it, or the architecture where it gives none."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass  # no /proc: not Linux
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    """Return the machine's memory in bytes, 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0
