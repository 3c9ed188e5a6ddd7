"""Clocks that split an iteration into phases: the host's, and on CUDA the device's own events."""

import itertools
import time
from typing import Protocol

import torch


class Clock(Protocol):
    """Adds up the seconds of each phase over the iterations of a turn."""

    def begin(self) -> None:
        """An iteration begins now; what happened since the last phase is nobody's."""

    def __call__(self, phase: str) -> None:
        """A phase has ended."""

    def seconds(self) -> dict[str, float]:
        """Return the seconds by phase since the last call, once the device has done its work."""


class HostClock:
    """Reads the processor's clock: right wherever a call returns when its work is done."""

    def __init__(self) -> None:
        self._last = 0.0
        self._seconds: dict[str, float] = {}

    def begin(self) -> None:
        self._last = time.perf_counter()

    def __call__(self, phase: str) -> None:
        now = time.perf_counter()
        self._seconds[phase] = self._seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def seconds(self) -> dict[str, float]:
        found, self._seconds = self._seconds, {}
        return found


class DeviceClock:
    """Records an event on the CUDA stream where a phase ends, and waits for the device only when asked for the sum.

    The host runs ahead as it does in training, so a launch that the device waits for is part of the phase.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._events: list[tuple[str, torch.cuda.Event]] = []

    def begin(self) -> None:
        self._record("")

    def __call__(self, phase: str) -> None:
        self._record(phase)

    def _record(self, phase: str) -> None:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))
        self._events.append((phase, event))

    def seconds(self) -> dict[str, float]:
        torch.cuda.synchronize(self._device)
        found: dict[str, float] = {}
        for (_, before), (phase, event) in itertools.pairwise(self._events):
            if phase:
                found[phase] = found.get(phase, 0.0) + before.elapsed_time(event) / 1000  # it counts in ms
        self._events = []
        return found


def clock_of(device: torch.device) -> Clock:
    """Return the clock for work on a device."""
    return DeviceClock(device) if device.type == "cuda" else HostClock()
