"""What tests call in fresh processes; nothing heavy is imported."""

import os
import signal

from optbench.errors import OptbenchError


def answer(number: int) -> tuple[int, int, str | None]:
    print("this must not reach anybody")
    return number + 1, os.getpid(), os.environ.get("MALLOC_MMAP_THRESHOLD_")


def refuse() -> None:
    raise OptbenchError("what is wrong", "what to do")


def fail() -> None:
    raise ValueError("it broke")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
