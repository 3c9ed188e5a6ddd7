"""Training one run: the only training loop. It is resumable, and divergence is a result, not an error."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from optbench import environment, optimizers, tasks
from optbench._files import remove
from optbench.checkpoint import load_checkpoint, save_checkpoint, save_weights
from optbench.failures import Stopped, reported
from optbench.plan import RunSpec
from optbench.progress import Progress, Silent
from optbench.results import RunResult, Status, finite
from optbench.session import Session, settings
from optbench.store import Store

# A training loss a thousand times that of the untrained model is lost: recoveries from there are not
# training.
EXPLOSION = 1e3
CHECKPOINT_SECONDS = 300.0  # of training after which an epoch that has not ended is checkpointed
TELL_SECONDS = 2.0  # between two words on how far an epoch is
STRETCHES = 50  # of an epoch, over each of which the training loss is averaged for its curve


@dataclass
class _Trace:
    """What a run has produced so far; kept in its checkpoint beside the session's state."""

    history: list[dict[str, Any]] = field(default_factory=list)
    initial_loss: float = math.nan
    seconds: float = 0.0
    updates: int = 0  # up to the last epoch that has ended
    # of the epoch that has not ended
    losses: list[torch.Tensor] = field(default_factory=list)  # 0-d, on the device
    training_seconds: float = 0.0
    lr: float = math.nan  # with which it began


def run(
    spec: RunSpec,
    *,
    store: Store,
    data_root: Path | None = None,
    progress: Progress | None = None,
    rerun: bool = False,
    keep_weights: bool = False,
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
        keep_weights: leave the weights that the test split was scored with in the store, as `weights.pt`; a run whose
            weights were not kept is trained again.

    Raises:
        OptbenchError: for missing data, an optimizer that cannot be made, a store that cannot be written.
        KeyboardInterrupt: Ctrl-C; a checkpoint, of the last epoch or newer, is in the store.
    """
    progress = progress or Silent()
    key = spec.key()

    def stored() -> RunResult | None:
        found = None if rerun else store.usable(key, with_weights=keep_weights)
        return found and replace(found, optimizer=spec.optimizer.text)  # it may have been written otherwise

    result = stored()
    if result is None:
        name = f"{spec.optimizer.text} seed {spec.seed}"
        with store.lock(key, lambda: store.note(f"another process trains {name}: waiting for it")):
            result = stored()
            if result is None:
                if rerun:
                    remove(store.checkpoint(key))
                store.save_spec(key, spec.describe(), recipe_name=spec.recipe.name, reference=spec.optimizer.text)
                progress.run_started(spec)
                with settings(spec, deterministic=True):
                    result = _train(spec, key, store, data_root, progress, keep_weights)
                store.save_result(key, result)
    progress.run_finished(spec, result)
    return result


def _train(
    spec: RunSpec, key: str, store: Store, data_root: Path | None, progress: Progress, keep_weights: bool
) -> RunResult:
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
        save = partial(_save, session, trace, key, store)
        while len(trace.history) < spec.recipe.epochs:
            with reported():
                row = _epoch(session, trace, save, progress)
            save()
            progress.epoch(spec, row["epoch"], spec.recipe.epochs, row)
        with reported():
            metrics = _final(session, trace)
            digest = session.weights_sha256()
        if keep_weights:
            with session.reported_weights() as model:
                save_weights(store, key, model)
    except Stopped as stop:
        status, message = stop.status, stop.message
    return RunResult(
        optimizer=spec.optimizer.text,
        canonical=spec.optimizer.canonical,
        seed=spec.seed,
        status=status,
        message=message,
        metrics=metrics,
        reported=_reported(spec),
        history=tuple(finite(row) for row in trace.history),
        executor=optimizers.executor_of(session.optimizer) if session else "",
        state_bytes=optimizers.state_bytes(session.optimizer) if session else None,
        parameters=session.parameters if session else None,
        seconds=trace.seconds,
        weights_sha256=digest,
        environment=_environment(session),
    )


def _environment(session: Session | None) -> dict[str, Any]:
    """Return what the figures were made with; of BLEU, which differs between tools, how it was computed."""
    found = {"versions": environment.versions(), "machine": environment.machine()}
    signature = getattr(session.task, "signature", None) if session else None
    return found | ({"bleu": signature()} if signature else {})


def _reported(spec: RunSpec) -> str:
    """Return which weights the reported figures are of."""
    if spec.recipe.protocol == "paper":
        return "best epoch"
    if (last := spec.recipe.average_last) > 1:
        return f"mean of the last {min(last, spec.recipe.epochs)} epochs' weights"
    return "best validation epoch" if tasks.info(spec.recipe.task).reports == "best" else "final weights"


def _save(session: Session, trace: _Trace, key: str, store: Store) -> None:
    """Checkpoint a run."""
    losses = torch.stack(trace.losses) if trace.losses else torch.zeros(0)
    save_checkpoint(store, key, {"session": session.state_dict(), "trace": {**vars(trace), "losses": losses}})


def _resume(session: Session, key: str, store: Store) -> _Trace:
    """Take up the run's checkpoint, if it has a usable one; return what was there, or an empty trace."""
    saved = load_checkpoint(store, key)
    if saved is None:
        return _Trace()
    session.load_state_dict(saved["session"])
    losses = list(saved["trace"]["losses"].to(session.device))
    return _Trace(**{**saved["trace"], "losses": losses})


def _epoch(session: Session, trace: _Trace, save: Callable[[], None], progress: Progress) -> dict[str, Any]:
    """Train one epoch, or what is left of it, evaluate it, and add its row to the history.

    Raises:
        Stopped: when the loss is not finite or has exploded.
    """
    epoch = len(trace.history) + 1
    if not trace.losses:
        trace.lr = float(session.optimizer.param_groups[0]["lr"])
    losses = _train_epoch(session, trace, save, progress)
    trained = time.perf_counter()
    if epoch == 1:
        trace.initial_loss = float(losses[0])
    train_loss = float(losses.mean())
    row: dict[str, Any] = {
        "epoch": epoch,
        "train_loss": train_loss,
        "lr": trace.lr,
        "seconds": trace.training_seconds,
        "updates": trace.updates + len(losses),
        "losses": _curve(losses, trace.updates),
    }
    if session.histograms:
        row["gradients"] = [[update, counts.tolist()] for update, counts in session.histograms]
    if math.isfinite(train_loss):
        session.end_epoch()
        paper = session.spec.recipe.protocol == "paper"
        split = "test" if paper else "validation"
        row[split] = session.evaluate(split)
        if not paper:
            session.keep(epoch, row[split][tasks.info(session.recipe.task).primary])
    trace.history.append(row)
    trace.updates = row["updates"]
    trace.seconds += trace.training_seconds + time.perf_counter() - trained
    trace.losses, trace.training_seconds, session.histograms = [], 0.0, []
    _check_divergence(trace, epoch)
    return row


def _train_epoch(session: Session, trace: _Trace, save: Callable[[], None], progress: Progress) -> torch.Tensor:
    """Train to the end of an epoch, from where its checkpoint was; return the loss of each iteration, in float64."""
    epoch, epochs = len(trace.history) + 1, session.recipe.epochs
    began = saved = told = time.perf_counter()
    for batch in session.batches(epoch, start=len(trace.losses)):
        trace.losses.append(session.iteration(batch))
        now = time.perf_counter()
        if now - told > TELL_SECONDS:
            progress.within(session.spec, epoch, epochs, min(1.0, len(trace.losses) / session.steps))
            told = now
        if now - saved > CHECKPOINT_SECONDS:
            trace.training_seconds += now - began
            began = now
            if not math.isfinite(float(trace.losses[-1])):
                break  # the rest of a long epoch would be lost too
            save()
            began = saved = time.perf_counter()
    # one synchronisation an epoch, here: until now the device ran ahead
    losses = torch.stack(trace.losses).double().cpu()
    trace.training_seconds += time.perf_counter() - began
    return losses


def _curve(losses: torch.Tensor, done: int) -> list[list[float]]:
    """Return the mean loss of at most `STRETCHES` stretches of an epoch that begins after `done` updates."""
    size = -(-len(losses) // STRETCHES)
    parts = torch.split(losses, size)
    return [[done + min((n + 1) * size, len(losses)), float(part.mean())] for n, part in enumerate(parts)]


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
        values.update(finite(session.evaluate("test", kept=True)))
    if None in values.values():
        raise Stopped("diverged", "the trained model's test metrics are not finite")
    return values
