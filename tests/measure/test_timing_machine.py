"""What timing needs of the machine: CUDA's events, other processes seen, another checkout's code found."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from optbench.errors import OptbenchError
from optbench.measure import _busy, _checkout
from optbench.measure._busy import Neighbours
from optbench.measure._clocks import DeviceClock, clock_of


def test_on_cuda_events_are_recorded_and_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 3.0, 7.0, 100.0, 110.0, 111.0])  # ms on the device
    waits: list[object] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self, stream: object) -> None:
            assert stream == "stream"
            self.at = next(now)

        def elapsed_time(self, later: "Event") -> float:
            assert waits
            return later.at - self.at

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "stream")
    monkeypatch.setattr(torch.cuda, "synchronize", waits.append)
    clock = clock_of(torch.device("cuda"))
    assert isinstance(clock, DeviceClock)
    for _ in range(2):
        clock.begin()
        clock("data")
        clock("step")
    # from an iteration's end to the next one's begin (93 ms, where the guard looks) is nobody's time
    assert clock.seconds() == pytest.approx({"data": 0.012, "step": 0.005})
    assert waits == [torch.device("cuda")]


def stat_line(core: int, busy: int, idle: int) -> str:
    return f"cpu{core} {busy} 0 0 {idle} 7 0 0 0 0 0"


def test_what_other_processes_do_is_seen_and_the_worst_look_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [  # two looks at cores 0 and 3; others' cores do not count
        [stat_line(0, 100, 100), stat_line(1, 0, 0), stat_line(3, 50, 50)],
        [stat_line(0, 190, 110), stat_line(1, 900, 0), stat_line(3, 90, 110)],
        [stat_line(0, 190, 110), stat_line(1, 900, 0), stat_line(3, 90, 110)],
        [stat_line(0, 191, 209), stat_line(1, 900, 0), stat_line(3, 91, 209)],
    ]
    monkeypatch.setattr(_busy, "_STAT", SimpleNamespace(read_text=lambda: "cpu 1 2 3\n" + "\n".join(texts.pop(0))))
    monkeypatch.setattr(_busy, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3})
    monkeypatch.setattr("optbench.environment.machine", lambda: {"cores": 2})
    neighbours = Neighbours("cpu")
    neighbours.look()
    neighbours.look()
    assert neighbours.sentences() == ("other processes kept 1.3 of 2 cores busy",)  # 0.9 + 0.4


def test_a_quiet_machine_has_nothing_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_busy, "_work", lambda: {0: (5, 100)})
    monkeypatch.setattr(_busy, "LOOK_SECONDS", 0.0)
    neighbours = Neighbours("cpu")
    neighbours.look()
    assert neighbours.sentences() == ()


SMI = """#!/bin/sh
case "$*" in
*utilization.gpu*--id=3*) echo 97;;
*utilization.gpu*--id=2*) echo 3;;
esac
"""


def test_another_process_on_the_gpu_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(SMI)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    monkeypatch.setattr(_busy, "_work", lambda: {0: (5, 100)})
    monkeypatch.setattr(_busy, "GPU_LOOK_SECONDS", 0.0)
    for device, expected in (
        ("cuda:1", ("another process kept the GPU 97 % busy",)),
        ("cuda:0", ()),
    ):
        neighbours = Neighbours(device)
        neighbours.look()
        assert neighbours.sentences() == expected
    monkeypatch.setenv("PATH", "/nowhere")
    neighbours = Neighbours("cuda:1")
    neighbours.look()
    assert neighbours.sentences() == ()


@pytest.mark.parametrize("folder", ["", "src"])
def test_a_checkout_provides_what_lies_in_it(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    root.mkdir(exist_ok=True)
    assert not _checkout.provides(tmp_path, "adamw")
    assert not _checkout.provides(tmp_path, "lib.sub.Mine")
    (root / "optbench" / "optimizers").mkdir(parents=True)
    assert not _checkout.provides(tmp_path, "adamw")
    (root / "optbench" / "optimizers" / "__init__.py").touch()
    (root / "lib.py").touch()
    assert _checkout.provides(tmp_path, "adamw")
    assert _checkout.provides(tmp_path, "lib.sub.Mine")
    assert not _checkout.provides(tmp_path, "torch.optim.SGD")


def run(program: str, *, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=cwd, check=False)
    return done.stdout + done.stderr


def test_code_of_a_checkout_comes_first_and_nothing_else_of_optbench_does(tmp_path: Path) -> None:
    old, here = tmp_path / "old", tmp_path / "here"
    (old / "optbench" / "optimizers").mkdir(parents=True)
    (old / "optbench" / "__init__.py").write_text("raise SystemExit('the old optbench itself is not for use')")
    (old / "optbench" / "recipe.py").write_text("raise SystemExit('nor is the rest of it')")
    (old / "optbench" / "optimizers" / "__init__.py").write_text("age = 'old'")
    (old / "optbench" / "optimizers" / "_inner.py").write_text("age = 'old'")
    here.mkdir()
    for folder, age in ((old, "old"), (here, "new")):
        (folder / "lib.py").write_text(f"age = '{age}'")
    program = (
        f"import sys; sys.path[:0] = ['', {str(Path(_checkout.__file__).parents[2])!r}]\n"
        "from pathlib import Path\nfrom optbench.measure import _checkout\n"
        f"old = Path({str(old)!r})\n_checkout.use(old)\n"
        "import lib, optbench.errors, optbench.schedules\nfrom optbench import optimizers\n"
        "from optbench.optimizers import _inner\n"
        "_checkout.check_origin(old, 'adamw'); _checkout.check_origin(old, 'lib.Mine')\n"
        "print(lib.age, optimizers.age, _inner.age, Path.cwd().name)\n"
    )
    assert run(program, cwd=here).split() == ["old", "old", "old", "here"]


def test_a_class_that_did_not_come_from_the_checkout_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "elsewhere.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    __import__("elsewhere")
    with pytest.raises(OptbenchError, match="'elsewhere.Mine' was imported from"):
        _checkout.check_origin(tmp_path / "old", "elsewhere.Mine")
    monkeypatch.delitem(sys.modules, "elsewhere")
