"""The display on a terminal: a bar for the stage, and one for each run that is at work."""

import os
import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from optbench.cli._display import Quiet, Run

if TYPE_CHECKING:
    from rich.progress import TaskID

    from optbench.plan import RunSpec
    from optbench.results import RunResult

_REDRAW_SECONDS = 0.1  # between two pictures


class Live(Quiet):
    """Bars with what is going on, the time that is left, and the memory taken at most.

    They are drawn when something is told and never in between: a thread that redraws would disturb what is timed.
    NO_COLOR leaves colours out.
    """

    def __init__(self) -> None:
        super().__init__()
        plain = bool(os.environ.get("NO_COLOR"))
        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, max_width=40, overflow="ellipsis")),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[left]}", justify="right"),
            TextColumn("{task.fields[detail]}", style="dim", table_column=Column(no_wrap=True, ratio=1)),
            console=Console(stderr=True, highlight=False, color_system=None if plain else "auto"),
            transient=True,  # results stay on the screen, progress does not
            auto_refresh=False,
            expand=True,
        )
        self._drawn = 0.0
        self._task: TaskID | None = None
        self._bars: dict[tuple[str, int], TaskID] = {}  # of runs at work

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def close(self) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, soft_wrap=True)

    def stage(self, title: str, total: int) -> None:
        super().stage(title, total)
        for bar in (*self._bars.values(), *([] if self._task is None else [self._task])):
            self._progress.remove_task(bar)
        self._bars.clear()
        self._task = self._progress.add_task(title, total=total, detail="", left="")
        self._progress.refresh()

    def advance(self, done: float, detail: str) -> None:
        super().advance(done, detail)
        if self._task is not None:
            if self._peak:  # of single runs their own bars tell; this one tells of all
                memory = str(self._peak)
                detail = f"{self._finished} of {self._total:.0f} runs" + (f", {memory} at most" if memory else "")
            self._progress.update(self._task, completed=done, detail=detail, left=clock(self.seconds_left))
        if time.monotonic() - self._drawn >= _REDRAW_SECONDS:
            self._progress.refresh()
            self._drawn = time.monotonic()

    def run_finished(self, spec: "RunSpec", result: "RunResult") -> None:
        if (bar := self._bars.pop((spec.optimizer.text, spec.seed), None)) is not None:
            self._progress.remove_task(bar)
        super().run_finished(spec, result)

    def _show_run(self, spec: "RunSpec", run: Run, text: str) -> None:
        key = spec.optimizer.text, spec.seed
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(f"  {key[0]} seed {key[1]}", total=1.0, detail="", left="")
        self._progress.update(self._bars[key], completed=run.part, detail=text, left=clock(run.left))


def clock(seconds: float | None) -> str:
    """Return seconds as 0:07, 12:40 or 3:05:00; empty for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
