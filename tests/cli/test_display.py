"""What is told while runs go on: on a terminal, elsewhere, with -q and with -v."""

import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from running import CHECKOUT

from optbench import plan, recipe
from optbench.cli import _display, _memory, main
from optbench.cli._live import clock
from optbench.errors import OptbenchError
from optbench.results import RunResult

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def specs(folder: Path) -> tuple[plan.RunSpec, ...]:
    (arm,) = plan.build(recipe.load("tiny.toml"), ["adamw"], [], [0, 1])
    return arm.specs


def ended(spec: plan.RunSpec, **more: Any) -> RunResult:
    facts: dict[str, Any] = dict.fromkeys(RunResult.__dataclass_fields__)
    return RunResult(**{**facts, "status": "ok", "executor": "cpu", "seconds": 1.25, "cached": False, **more})


def told(show: _display.Quiet, specs: tuple[plan.RunSpec, ...]) -> None:
    """Tell a display of two runs, the second of which diverges."""
    row = {"train_loss": 0.5, "validation": {"accuracy": 97.0}}
    with show:
        show.stage("training", 2)
        for spec in specs:
            show.run_started(spec)
            show.within(spec, 1, 2, 0.5)
            show.epoch(spec, 1, 2, row)
        show.run_finished(specs[0], ended(specs[0]))
        show.run_finished(specs[1], ended(specs[1], status="diverged", message="loss is nan"))


class Clock:
    """A clock that goes on by a second whenever it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_display, "time", Clock())
    monkeypatch.setattr(_display, "_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(_memory, "_resident", lambda: 3 * 2**20)


@pytest.mark.usefixtures("clocked")
def test_lines_where_there_is_no_terminal(specs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told(_display.Plain(), specs)
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"training: 25 %, about \d+ s left, 3.0 MiB \(adamw seed 0: epoch 1/2, loss 0.5000, accuracy 97\)", lines[2]
    )
    assert "adamw seed 1: diverged (loss is nan)" in lines
    assert lines[-1].startswith("training: 100 %, about 0 s left")
    assert not any("key" in line for line in lines)


@pytest.mark.usefixtures("clocked")
def test_verbose_says_keys_and_executors(specs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    show = _display.Plain()
    show.verbose = True
    told(show, specs)
    said = capsys.readouterr().err
    assert f"adamw seed 0 starts: {specs[0].optimizer.canonical}, key {specs[0].key()[:12]}\n" in said
    assert "adamw seed 0 is done: ok, executor cpu, 1.2 s\n" in said
    show.run_finished(specs[0], replace(ended(specs[0]), cached=True))
    assert "adamw seed 0 is done: ok, executor cpu, from the store\n" in capsys.readouterr().err


def test_quiet_says_nothing(specs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told(_display.Quiet(), specs)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("clocked")
def test_what_came_from_the_store_does_not_count_for_the_time_left(specs: Any) -> None:
    show = _display.Quiet()
    show.stage("training", 10)
    for _ in range(8):
        show.run_finished(specs[0], ended(specs[0], cached=True))
    assert show.seconds_left is None
    show.run_finished(specs[0], ended(specs[0]))
    began = show._began
    gone = _display.time.now + 1 - began  # type: ignore[attr-defined]
    assert show.seconds_left == pytest.approx(gone)  # one of two is done


def test_verbose_by_its_option_and_not_with_quiet(folder: Path) -> None:
    @click.command()
    @_display.verbosity
    @click.option("-q", "--quiet", is_flag=True)
    @click.option("--runs", default="stored")
    def command(quiet: bool, runs: str) -> None:
        with _display.display(quiet) as show:
            show.detail("a detail")

    said = CliRunner().invoke(command, ["-v"]).stderr.splitlines()
    assert re.match(r"optbench \S+ python 3\S+ torch ", said[0])
    assert said[1:] == [f"in {folder}; runs are in {folder / 'stored'}", "a detail"]
    assert CliRunner().invoke(command, []).stderr == ""
    assert isinstance(CliRunner().invoke(command, ["-v", "-q"]).exception, OptbenchError)


def on_terminal(*words: str, **env: str) -> str:
    """Run optbench on a terminal of 100 columns and return all that it draws."""
    ours, theirs = pty.openpty()
    more = {"PYTHONPATH": str(CHECKOUT), "TERM": "xterm-256color", "COLUMNS": "100", **env}
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen([sys.executable, *words], stdout=theirs, stderr=theirs, env={**kept, **more})
    os.close(theirs)
    drawn = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        drawn += part
    os.close(ours)
    assert process.wait(timeout=60) == 0, drawn.decode()
    return drawn.decode()


LIVE = """
import sys
sys.path[:0] = {paths!r}
from test_display import ended, told
from optbench import plan, recipe
from optbench.cli import _display, _live
_live._REDRAW_SECONDS = 0.0
(arm,) = plan.build(recipe.load("tiny.toml"), ["adamw"], [], [0, 1])
show = _display.display(False)
assert type(show).__name__ == {kind!r}, type(show)
told(show, arm.specs)
"""


@pytest.mark.parametrize(
    ("env", "kind", "coloured"),
    [({}, "Live", True), ({"NO_COLOR": "1"}, "Live", False), ({"TERM": "dumb"}, "Plain", False)],
    ids=["terminal", "no colour", "dumb"],
)
def test_bars_on_a_terminal(folder: Path, env: dict[str, str], kind: str, coloured: bool) -> None:
    drawn = on_terminal("-c", LIVE.format(paths=[str(Path(__file__).parent)], kind=kind), **env)
    assert bool(COLOUR.search(drawn)) == coloured
    assert "adamw seed 1: diverged (loss is nan)" in ANSI.sub("", drawn)
    if kind == "Live":
        lines = [line.rstrip() for line in ANSI.sub("", drawn).replace("\r", "\n").splitlines()]
        assert any(re.match(r"training .* 50 % +\d+:\d\d 0 of 2 runs, [\d.]+ [MG]iB at most$", line) for line in lines)
        assert any(
            re.match(r"  adamw seed 1 .* 50 % +\d+:\d\d epoch 1/2, loss 0.5000, accuracy 97$", line) for line in lines
        )
        assert max(map(len, lines)) <= 100


def test_no_color_is_honoured_by_every_page() -> None:
    assert COLOUR.search(on_terminal("-m", "optbench", "show", "sgd"))
    assert not COLOUR.search(on_terminal("-m", "optbench", "show", "sgd", NO_COLOR="1"))


def test_memory_of_the_tree_of_processes() -> None:
    alone = _memory._resident()
    assert alone > 10 * 2**20
    hog = "import sys; x = bytearray(b'x') * (64 << 20); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hog], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert _memory._resident() - alone > 60 * 2**20
    peak = _memory.Peak()
    assert str(peak) == ""
    peak.sample()
    assert re.match(r"[\d.]+ [MG]iB", str(peak))


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.4, "0:00"), (59.6, "1:00"), (760, "12:40"), (11100, "3:05:00")]
)
def test_times(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        found += [(*path, name)]
        found += commands(command, *path, name) if isinstance(command, click.Group) else []
    return found


@pytest.mark.parametrize("words", commands(main), ids=" ".join)
def test_every_command_shows_an_example_of_itself(words: tuple[str, ...]) -> None:
    page = CliRunner().invoke(main, [*words, "--help"]).output
    lines = [line for line in page.splitlines() if f"optbench {' '.join(words)}" in line and "Usage:" not in line]
    assert lines, page
