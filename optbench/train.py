"""Training one run: the only training loop. It is resumable, and divergence is a result, not an error."""

import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from optbench import environment, optimizers, tasks
from optbench._files import remove
from optbench.checkpoint import load_checkpoint, save_checkpoint
from optbench.failures import Stopped, reported
from optbench.plan import RunSpec
from optbench.progress import Progress, Silent
from optbench.results import RunResult, Status, finite
from optbench.session import Session, settings
from optbench.store import Store

# A training loss a thousand times that of the untrained model is lost: recoveries from there are not
# training.
EXPLOSION = 1e3


@dataclass
class _Trace:
    """What a run has produced so far; kept in its checkpoint beside the session's state."""

    history: list[dict[str, Any]] = field(default_factory=list)
    initial_loss: float = math.nan
    seconds: float = 0.0


def run(
    spec: RunSpec,
    *,
    store: Store,
    data_root: Path | None = None,
    progress: Progress | None = None,
    rerun: bool = False,
) -> RunResult:
    """Return the result of a run: from the store, or trained now, going on from its checkpoint if it has one.

    While another process trains the same run, this one waits and takes that result. Runs that ended out of
    memory or in an exception are tried again; diverged ones are not, they would diverge again.

    Args:
        spec: what to train.
        store: where results and checkpoints are found and kept.
        data_root: folder to look in for data first.
        progress: told what happens.
        rerun: train from the start even when there is a result.

    Raises:
        OptbenchError: for missing data, an optimizer that cannot be made, a store that cannot be written.
        KeyboardInterrupt: Ctrl-C; the checkpoint of the last epoch is in the store.
    """
    progress = progress or Silent()
    key = spec.key()
    result = None if rerun else _usable(store.result(key), spec)
    if result is None:
        name = f"{spec.optimizer.text} seed {spec.seed}"
        with store.lock(key, lambda: store.note(f"another process trains {name}: waiting for it")):
            result = None if rerun else _usable(store.result(key), spec)
            if result is None:
                if rerun:
                    remove(store.checkpoint(key))
                store.save_spec(key, spec.describe())
                progress.run_started(spec)
                with settings(spec, deterministic=True):
                    result = _train(spec, key, store, data_root, progress)
                store.save_result(key, result)
    progress.run_finished(spec, result)
    return result


def _usable(result: RunResult | None, spec: RunSpec) -> RunResult | None:
    """Return a stored result, marked as cached and named as it is now, if it need not be tried again."""
    if result is None or result.status in ("out_of_memory", "error"):
        return None
    return replace(result, cached=True, optimizer=spec.optimizer.text)


def _train(spec: RunSpec, key: str, store: Store, data_root: Path | None, progress: Progress) -> RunResult:
    """Train a run to its end, whatever end that is."""
    session: Session | None = None
    trace = _Trace()
    metrics: dict[str, float | None] = {
        metric.name: None for metric in tasks.info(spec.recipe.task, spec.recipe.data).metrics
    }
    status: Status = "ok"
    message = digest = ""
    try:
        with reported(memory_only=True):  # what else fails here is the user's mistake, or ours
            session = Session(spec, data_root)
        trace = _resume(session, key, store)
        while len(trace.history) < spec.recipe.epochs:
            with reported():
                row = _epoch(session, trace)
            save_checkpoint(store, key, {"session": session.state_dict(), "trace": vars(trace)})
            progress.epoch(spec, row["epoch"], spec.recipe.epochs, row)
        with reported():
            metrics = _final(session, trace)
            digest = session.weights_sha256()
    except Stopped as stop:
        status, message = stop.status, stop.message
    return RunResult(
        optimizer=spec.optimizer.text,
        canonical=spec.optimizer.canonical,
        seed=spec.seed,
        status=status,
        message=message,
        metrics=metrics,
        reported="best epoch" if spec.recipe.protocol == "paper" else "final weights",
        history=tuple(finite(row) for row in trace.history),
        executor=optimizers.executor_of(session.optimizer) if session else "",
        state_bytes=optimizers.state_bytes(session.optimizer) if session else None,
        parameters=session.parameters if session else None,
        seconds=trace.seconds,
        weights_sha256=digest,
        environment={"versions": environment.versions(), "machine": environment.machine()},
    )


def _resume(session: Session, key: str, store: Store) -> _Trace:
    """Take up the run's checkpoint, if it has a usable one; return what was there, or an empty trace."""
    saved = load_checkpoint(store, key)
    if saved is None:
        return _Trace()
    session.load_state_dict(saved["session"])
    return _Trace(**saved["trace"])


def _epoch(session: Session, trace: _Trace) -> dict[str, Any]:
    """Train one epoch, evaluate it, and add its row to the history.

    Raises:
        Stopped: when the loss is not finite or has exploded.
    """
    epoch = len(trace.history) + 1
    started = time.perf_counter()
    lr = float(session.optimizer.param_groups[0]["lr"])
    losses = [session.iteration(batch) for batch in session.batches(epoch)]
    # one synchronisation an epoch, here: until now the device ran ahead
    train_loss = float(torch.stack(losses).double().mean())
    trained = time.perf_counter()
    if epoch == 1:
        trace.initial_loss = float(losses[0])
    row: dict[str, Any] = {
        "epoch": epoch,
        "train_loss": train_loss,
        "lr": lr,
        "seconds": trained - started,
    }
    if math.isfinite(train_loss):
        session.advance_schedule()
        split = "test" if session.spec.recipe.protocol == "paper" else "validation"
        row[split] = session.evaluate(split)
    trace.history.append(row)
    trace.seconds += time.perf_counter() - started
    _check_divergence(trace, epoch)
    return row


def _check_divergence(trace: _Trace, epoch: int) -> None:
    """Raise Stopped when the last epoch's loss is NaN, infinite or far above that of the untrained model."""
    loss = trace.history[-1]["train_loss"]
    if not math.isfinite(loss):
        raise Stopped("diverged", f"training loss became {loss} in epoch {epoch}")
    if loss > EXPLOSION * max(trace.initial_loss, 1.0):
        raise Stopped("diverged", f"training loss rose from {trace.initial_loss:.3g} to {loss:.3g} in epoch {epoch}")


def _final(session: Session, trace: _Trace) -> dict[str, float | None]:
    """Return the figures to report: the final weights' on test, or each metric's best epoch."""
    recipe = session.spec.recipe
    values: dict[str, float | None] = {}
    if recipe.protocol == "paper":
        for metric in tasks.info(recipe.task, recipe.data).metrics:
            best = max if metric.direction == "higher" else min
            seen = [row["test"][metric.name] for row in trace.history if math.isfinite(row["test"][metric.name])]
            values[metric.name] = best(seen) if seen else None
    else:
        values.update(finite(session.evaluate("test")))
    if None in values.values():
        raise Stopped("diverged", "the trained model's test metrics are not finite")
    return values
