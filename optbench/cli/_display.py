"""Progress on stderr: live bars on a terminal, a plain line now and then elsewhere, nothing with --quiet."""

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from rich.progress import TaskID

    from optbench.plan import RunSpec
    from optbench.results import RunResult

_EVERY_SECONDS = 5.0  # between two plain lines
_REDRAW_SECONDS = 0.1  # between two pictures of a live bar


class Quiet:
    """Says nothing. Also the interface: `train.Progress`, notes, downloads, and stages with steps to do."""

    def __init__(self) -> None:
        self._finished = 0  # runs of this stage that are done
        self._running: dict[tuple[str, int], float] = {}  # (optimizer, seed) -> part that is done, 0 to 1
        self._downloading = ""

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

    def stage(self, title: str, total: int) -> None:
        """Begin a stage of `total` steps."""
        self._finished = 0
        self._running.clear()

    def advance(self, done: float, detail: str) -> None:
        """Say how many steps of the stage are done, and what is going on."""

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
        if result.status != "ok" and not result.cached:
            status = result.status.replace("_", " ")
            self.note(f"{spec.optimizer.text} seed {spec.seed}: {status} ({result.message})")
        self.advance(self._finished + sum(self._running.values()), "")

    def _advance_run(self, spec: "RunSpec", part: float, text: str) -> None:
        self._running[spec.optimizer.text, spec.seed] = part
        done = self._finished + sum(self._running.values())
        self.advance(done, f"{spec.optimizer.text} seed {spec.seed}: {text}")


class Plain(Quiet):
    """Lines on a stderr that is no terminal: every note, and every few seconds how far the stage has come."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._total, self._began, self._said = "", 0, 0.0, 0.0

    def note(self, text: str) -> None:
        click.echo(text, err=True)

    def stage(self, title: str, total: int) -> None:
        super().stage(title, total)
        self._title, self._total = title, total
        self._began = self._said = time.monotonic()

    def advance(self, done: float, detail: str) -> None:
        now = time.monotonic()
        if now - self._said < _EVERY_SECONDS or not self._total:
            return
        self._said = now
        share = done / self._total
        left = f", about {(now - self._began) * (1 - share) / share:.0f} s left" if share > 0 else ""
        click.echo(f"{self._title}: {100 * share:.0f} %{left}" + (f" ({detail})" if detail else ""), err=True)


class Live(Quiet):
    """A bar on a terminal, with what is going on and the time that is left.

    It is drawn when something is told and never in between: a thread that redraws it would disturb what is timed.
    """

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[detail]}", style="dim"),
            console=Console(stderr=True, highlight=False),
            transient=True,  # results stay on the screen, progress does not
            auto_refresh=False,
        )
        self._drawn = 0.0
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def close(self) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False)

    def stage(self, title: str, total: int) -> None:
        super().stage(title, total)
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(title, total=total, detail="")
        self._progress.refresh()

    def advance(self, done: float, detail: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, detail=detail)
        if time.monotonic() - self._drawn >= _REDRAW_SECONDS:
            self._progress.refresh()
            self._drawn = time.monotonic()


def display(quiet: bool) -> Quiet:
    """Return what fits this stderr; a dumb terminal gets lines too."""
    if quiet:
        return Quiet()
    import os

    live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return Live() if live else Plain()
