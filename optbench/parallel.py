"""Many runs: one after the other here, or side by side in fresh processes; finished ones are in the store."""

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from optbench import _spawn
from optbench.errors import OptbenchError
from optbench.plan import RunSpec
from optbench.progress import Progress, Silent
from optbench.results import RunResult
from optbench.store import Store
from optbench.train import run


def run_all(
    specs: Sequence[RunSpec],
    *,
    store: Store,
    data_root: Path | None = None,
    progress: Progress | None = None,
    rerun: bool = False,
    jobs: int = 1,
    keep_weights: bool = False,
) -> list[RunResult]:
    """Return the results of all specs, in their order.

    Args:
        specs: what to run.
        store: where results are found and kept.
        data_root: folder to look in for data first.
        progress: told what happens.
        rerun: train again what has a result.
        jobs: how many runs train at once, each in a process of its own when more than one.
        keep_weights: leave each run's weights in the store, see `optbench.train.run`.

    Raises:
        OptbenchError: as `optbench.train.run`, and for jobs < 1; the other processes are stopped.
        KeyboardInterrupt: Ctrl-C; processes are stopped, what was finished or checkpointed is in the store.
    """
    if jobs < 1:
        raise OptbenchError(f"jobs {jobs}: must be a whole number of at least 1", "give another --jobs")
    progress = progress or Silent()
    if jobs == 1 or len(specs) < 2:
        return [
            run(spec, store=store, data_root=data_root, progress=progress, rerun=rerun, keep_weights=keep_weights)
            for spec in specs
        ]
    pool = _Pool(specs, store, progress, (data_root, rerun, keep_weights))
    try:
        return pool.work(min(jobs, len(specs)))
    finally:
        pool.stop()


@dataclass
class _Worker:
    """A training process, our end of its pipe, and the index of the spec that it works on."""

    process: SpawnProcess
    pipe: Connection
    index: int | None = None


class _Pool:
    """Training processes fed one spec at a time, each over a pipe of its own.

    Not a `concurrent.futures` pool: a worker that the system kills (out of memory) must not take the others
    with it, and Ctrl-C must end all of them at once.
    """

    def __init__(
        self, specs: Sequence[RunSpec], store: Store, progress: Progress, how: tuple[Path | None, bool, bool]
    ) -> None:
        self.specs = specs
        self.store = store
        self.arguments = (str(store.root), *how)
        self.progress = progress
        self.waiting = list(range(len(specs)))
        self.results: dict[int, RunResult] = {}
        self.workers: list[_Worker] = []

    def work(self, jobs: int) -> list[RunResult]:
        """Train everything; return the results in order."""
        while len(self.results) < len(self.specs):
            while self.waiting and len(self.workers) < jobs:
                self._start()
            for ready in wait([worker.pipe for worker in self.workers]):
                worker = next(w for w in self.workers if w.pipe is ready)
                try:
                    message = worker.pipe.recv()
                except (EOFError, OSError):
                    self._died(worker)
                else:
                    self._hear(worker, *message)
        return [self.results[index] for index in range(len(self.specs))]

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share torch's and Numba's threads
        ours, theirs = context.Pipe()
        process = context.Process(target=_worker, args=(theirs, *self.arguments), daemon=True)
        _spawn.start(process)
        theirs.close()  # so that its death reaches us as end of file
        worker = _Worker(process, ours)
        self.workers.append(worker)
        self._feed(worker)

    def _feed(self, worker: _Worker) -> None:
        """Give a worker its next spec; one without any more to do ends."""
        worker.index = self.waiting.pop(0) if self.waiting else None
        with contextlib.suppress(OSError):  # it died: its pipe tells `work` so
            worker.pipe.send(None if worker.index is None else self.specs[worker.index])
        if worker.index is None:
            self.workers.remove(worker)
            worker.pipe.close()
            worker.process.join()

    def _hear(self, worker: _Worker, kind: str, *content: Any) -> None:
        """Act on a worker's message."""
        if kind == "finished":
            assert worker.index is not None
            self.results[worker.index] = content[0]
            self.progress.run_finished(self.specs[worker.index], content[0])
            self._feed(worker)
        elif kind == "started":
            assert worker.index is not None
            self.progress.run_started(self.specs[worker.index])
        elif kind == "epoch":
            assert worker.index is not None
            self.progress.epoch(self.specs[worker.index], *content)
        elif kind == "within":
            assert worker.index is not None
            self.progress.within(self.specs[worker.index], *content)
        elif kind == "note":
            self.store.note(content[0])
        elif kind == "refused":
            raise OptbenchError(*content)
        else:
            raise RuntimeError(f"a training process failed:\n{content[0]}")

    def _died(self, worker: _Worker) -> None:
        """Stop with what is known of a process that ended without a word."""
        worker.process.join()
        code = worker.process.exitcode
        assert worker.index is not None
        spec = self.specs[worker.index]
        reason = signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"
        raise OptbenchError(
            f"the process that trained {spec.optimizer.text} seed {spec.seed} was ended ({reason})",
            "if memory ran out use fewer --jobs; the same command continues from the last epochs",
        )

    def stop(self) -> None:
        """End every process that is still there."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()


def _worker(pipe: Connection, root: str, data_root: Path | None, rerun: bool, keep_weights: bool) -> None:
    """Train the specs that come through the pipe until None comes, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends us
    try:
        store = Store(root, lambda message: pipe.send(("note", message)))
        while (spec := pipe.recv()) is not None:
            result = run(
                spec,
                store=store,
                data_root=data_root,
                progress=_Sender(pipe),
                rerun=rerun,
                keep_weights=keep_weights,
            )
            pipe.send(("finished", result))
    except (EOFError, BrokenPipeError):
        os._exit(1)  # nobody is left to tell
    except OptbenchError as error:
        pipe.send(("refused", error.message, error.hint))
    except Exception:  # a mistake of ours: its traceback must reach the parent
        pipe.send(("failed", traceback.format_exc()))


class _Sender:
    """A `Progress` that tells the parent process. The result itself goes by `finished`."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def run_started(self, spec: RunSpec) -> None:
        """Tell that a run began."""
        self.pipe.send(("started",))

    def epoch(self, spec: RunSpec, epoch: int, epochs: int, row: dict[str, Any]) -> None:
        """Tell an epoch."""
        self.pipe.send(("epoch", epoch, epochs, row))

    def within(self, spec: RunSpec, epoch: int, epochs: int, part: float) -> None:
        """Tell how far an epoch is."""
        self.pipe.send(("within", epoch, epochs, part))

    def run_finished(self, spec: RunSpec, result: RunResult) -> None:
        """Leave it to the worker, which sends the result."""
