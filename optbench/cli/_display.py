"""Progress on stderr: live bars on a terminal, a plain line a minute elsewhere, nothing with --quiet.

With --verbose it also says what is not news to most: versions, keys, executors, what came from the store.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.cli._memory import Peak
    from optbench.plan import RunSpec
    from optbench.results import RunResult

F = TypeVar("F", bound=Callable[..., Any])

_EVERY_SECONDS, _VERBOSE_SECONDS = 60.0, 5.0  # between two plain lines
_VERBOSE = "optbench.verbose"


def verbosity(function: F) -> F:
    """Add -v/--verbose to a command; its display knows of it without being told."""

    def remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        ctx.meta[_VERBOSE] = value

    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Say also versions, paths, keys, executors, and what came from the store.",
    )(function)


@dataclass
class Run:
    """A run that is at work: the part of it that is done, and what the part was and the time when it was first told."""

    part: float
    first: float
    began: float

    @property
    def left(self) -> float | None:
        """The seconds that are left, were it to go on as it has."""
        gone = self.part - self.first
        return (time.monotonic() - self.began) * (1 - self.part) / gone if gone > 0 else None


class Quiet:
    """Says nothing. Also the interface: `train.Progress`, notes, downloads, and stages with steps to do."""

    verbose = False

    def __init__(self) -> None:
        self._finished = 0  # runs of this stage that are done
        self._running: dict[tuple[str, int], Run] = {}  # by optimizer and seed
        self._downloading = ""
        self._total, self._done, self._given, self._began = 0.0, 0.0, 0, 0.0
        self._peak: Peak | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take what is live off the screen."""

    def note(self, text: str) -> None:
        """Say a sentence."""

    def detail(self, text: str) -> None:
        """Say a sentence that --verbose asks for."""
        if self.verbose:
            self.note(text)

    def stage(self, title: str, total: int) -> None:
        """Begin a stage of `total` steps."""
        self._finished = 0
        self._running.clear()
        self._total, self._done, self._given, self._began = total, 0.0, 0, time.monotonic()
        self._peak = None

    def advance(self, done: float, detail: str) -> None:
        """Say how many steps of the stage are done, and what is going on."""
        self._done = done

    @property
    def seconds_left(self) -> float | None:
        """What is left of the stage, were it to go on as it has; runs from the store took no time and do not count."""
        done, total = self._done - self._given, self._total - self._given
        return (time.monotonic() - self._began) * (total - done) / done if done > 0 else None

    def download(self, name: str, done: int, total: int | None) -> None:
        """Say how many bytes of a file have come."""
        if total and self._downloading != name:
            self._downloading = name
            self.stage(f"downloading {name}", total)
        if total:
            self.advance(done, f"{done / 2**20:.1f} of {total / 2**20:.1f} MiB")

    def measuring(self, title: str) -> Callable[[float, float, str], None]:
        """Return what tells how many of the expected seconds have passed; its first call begins the stage."""
        begun = False

        def told(done: float, expected: float, detail: str) -> None:
            nonlocal begun
            if not begun:
                self.stage(title, 1)
                begun = True
            self.advance(min(done / expected, 1.0) if expected > 0 else 0.0, detail)

        return told

    # train.Progress: a run is one step of the stage, and its epochs are parts of that step

    def run_started(self, spec: "RunSpec") -> None:
        from optbench.cli._memory import Peak

        self._peak = self._peak or Peak()  # asked for while training alone: nothing is timed then
        self.detail(f"{_named(spec)} starts: {spec.optimizer.canonical}, key {spec.key()[:12]}")
        self._advance_run(spec, 0.0, "starts")

    def epoch(self, spec: "RunSpec", epoch: int, epochs: int, row: Mapping[str, Any]) -> None:
        scores = row.get("validation") or row.get("test") or {}
        parts = [f"epoch {epoch}/{epochs}", f"loss {row['train_loss']:.4f}"]
        parts += [f"{name.replace('_', ' ')} {value:.4g}" for name, value in scores.items() if value is not None]
        self._advance_run(spec, epoch / epochs, ", ".join(parts))

    def within(self, spec: "RunSpec", epoch: int, epochs: int, part: float) -> None:
        self._advance_run(spec, (epoch - 1 + part) / epochs, f"epoch {epoch}/{epochs}")

    def run_finished(self, spec: "RunSpec", result: "RunResult") -> None:
        self._running.pop((spec.optimizer.text, spec.seed), None)
        self._finished += 1
        self._given += result.cached
        if result.status != "ok" and not result.cached:
            self.note(f"{_named(spec)}: {result.status.replace('_', ' ')} ({result.message})")
        how = "from the store" if result.cached else f"{result.seconds:.1f} s"
        self.detail(f"{_named(spec)} is done: {result.status}, executor {result.executor}, {how}")
        self.advance(self._finished + sum(run.part for run in self._running.values()), "")

    def _advance_run(self, spec: "RunSpec", part: float, text: str) -> None:
        run = self._running.setdefault((spec.optimizer.text, spec.seed), Run(part, part, time.monotonic()))
        run.part = part
        if self._peak:
            self._peak.sample()
        self._show_run(spec, run, text)
        done = self._finished + sum(run.part for run in self._running.values())
        self.advance(done, f"{_named(spec)}: {text}")

    def _show_run(self, spec: "RunSpec", run: Run, text: str) -> None:
        """Say how far a run is, where each has a place of its own."""


class Plain(Quiet):
    """Lines on a stderr that is no terminal: every note, and once a minute how far the stage has come."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._said = "", 0.0

    def note(self, text: str) -> None:
        click.echo(text, err=True)

    def stage(self, title: str, total: int) -> None:
        super().stage(title, total)
        self._title, self._said = title, self._began

    def advance(self, done: float, detail: str) -> None:
        super().advance(done, detail)
        now = time.monotonic()
        every = min(_EVERY_SECONDS, _VERBOSE_SECONDS) if self.verbose else _EVERY_SECONDS
        if now - self._said < every or not self._total:
            return
        self._said = now
        left = "" if (seconds := self.seconds_left) is None else f", about {seconds:.0f} s left"
        peak = f", {memory}" if self._peak and (memory := str(self._peak)) else ""
        more = f" ({detail})" if detail else ""
        click.echo(f"{self._title}: {100 * done / self._total:.0f} %{left}{peak}{more}", err=True)


def display(quiet: bool) -> Quiet:
    """Return what fits this stderr; a dumb terminal gets lines too.

    Raises:
        OptbenchError: for --quiet together with --verbose.
    """
    context = click.get_current_context(silent=True)
    verbose = bool(context and context.meta.get(_VERBOSE))
    if quiet:
        if verbose:
            raise OptbenchError("-q and -v contradict each other", "give one of them")
        return Quiet()
    show: Quiet = Plain()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from optbench.cli._live import Live

        show = Live()
    show.verbose = verbose
    if verbose:
        from optbench import environment

        software = " ".join(f"{name} {version}" for name, version in environment.versions().items())
        show.detail(f"{software}; optbench is in {Path(__file__).parent.parent}")
        folder = Path(str(context.params.get("runs"))).resolve() if context and context.params.get("runs") else None
        show.detail(f"in {Path.cwd()}" + (f"; runs are in {folder}" if folder else ""))
    return show


def _named(spec: "RunSpec") -> str:
    return f"{spec.optimizer.text} seed {spec.seed}"
