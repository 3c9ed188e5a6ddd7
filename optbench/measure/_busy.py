"""Whether anything else runs on this machine: asked while nothing of ours does. No torch."""

import os
import subprocess
import time
from pathlib import Path

from optbench import environment

LOOK_SECONDS = 0.2
# NVIDIA's tool tells the GPU's use over the last second at most: by then our own work before is no longer in it.
GPU_LOOK_SECONDS = 1.2
# Cores: below this, what the system does for itself.
QUIET_CORES = 0.2
QUIET_GPU = 5.0  # percent
_STAT = Path("/proc/stat")


class Neighbours:
    """Collects what others do on this machine, over several looks.

    Args:
        device: that is measured; a CUDA device is looked at too.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._cores = 0.0
        self._gpu = 0.0

    def look(self) -> None:
        """Look now; this process must be idle and have no others at work."""
        gpu = self._device.startswith("cuda")
        before = _work()
        time.sleep(GPU_LOOK_SECONDS if gpu else LOOK_SECONDS)
        self._cores = max(self._cores, _difference(before, _work()))
        if gpu:
            self._gpu = max(self._gpu, _gpu_percent(self._device))

    def sentences(self) -> tuple[str, ...]:
        """Return what was seen, in sentences; none on a quiet machine."""
        found = []
        if self._cores > QUIET_CORES:
            found.append(f"other processes kept {self._cores:.1f} of {environment.machine()['cores']} cores busy")
        if self._gpu > QUIET_GPU:
            found.append(f"another process kept the GPU {self._gpu:.0f} % busy")
        return tuple(found)


Work = dict[int, tuple[int, int]]  # by core: ticks at work (a hypervisor's theft included), all ticks


def _work() -> Work:
    """Return what the cores that we may use have done; without the system's figures nothing."""
    try:
        lines = _STAT.read_text().splitlines()
    except OSError:
        return {}
    mine = os.sched_getaffinity(0)
    found = {}
    for line in lines:
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in mine:
            ticks = [int(field) for field in fields[:8]]  # user nice system idle iowait irq softirq steal
            found[int(name[3:])] = (sum(ticks) - ticks[3] - ticks[4], sum(ticks))
    return found


def _difference(before: Work, after: Work) -> float:
    """Return how many cores were at work in between; the load average where the system does not tell."""
    if not after:
        return os.getloadavg()[0]
    parts = [(after[core][0] - before[core][0], after[core][1] - before[core][1]) for core in after if core in before]
    return sum(busy / ticks for busy, ticks in parts if ticks)


def _gpu_percent(device: str) -> float:
    """Return how busy a GPU is, in percent, from the driver's tool; 0 where there is none.

    Processes that only have it open are not asked for: they disturb nobody, and in a container this one would be among
    them under another number.
    """
    number = int(device.partition(":")[2] or 0)
    visible = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    which = visible[number] if number < len(visible) else str(number)
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"--id={which}"]
    try:
        text = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return 0.0
    return float(text) if text.isdigit() else 0.0
