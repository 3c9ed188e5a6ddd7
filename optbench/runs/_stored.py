"""The runs and measurements that a store's folder holds, each as a record."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from optbench._files import remove, user_errors
from optbench.digests import MEASURES, PRESENTS, source_digest
from optbench.environment import versions
from optbench.errors import OptbenchError
from optbench.results import STATUSES, Measurement, RunResult
from optbench.store import MARKER, Store

RUN_STATUSES = (*STATUSES, "running", "unfinished", "damaged")
"""Of a run: its result's; or a process holds it now; or it was cut short; or its result cannot be read."""


@dataclass(frozen=True)
class Stored:
    """One run's folder in a store.

    Attributes:
        key: the folder's name, 64 hex digits.
        folder: where it is.
        spec: `spec.json` as it stands; empty where it is missing or damaged.
        result: None where there is none, or a damaged one.
        recipe_name, reference, created: as `spec.json` names them (the time in ISO 8601); '' where the optbench that
            made it did not say, but the canonical text stands in for the reference.
        canonical: the optimizer in full; '' where it is not known.
        seed: None where it is not known.
        status: one of `RUN_STATUSES`.
        bytes: of all its files; `modified`: when the newest of them was written, in seconds since 1970.
    """

    key: str
    folder: Path
    spec: Mapping[str, Any]
    result: RunResult | None
    recipe_name: str
    reference: str
    canonical: str
    seed: int | None
    status: str
    bytes: int
    modified: float
    created: str

    @cached_property
    def current(self) -> bool:
        """Whether this very optbench, with these versions of torch and the like, made it."""
        made_with = self.spec.get("versions")
        if not isinstance(made_with, Mapping) or self.spec.get("source") != source_digest(PRESENTS + MEASURES):
            return False
        return made_with == versions(tuple(name for name in made_with if name not in versions()))

    @property
    def names(self) -> tuple[str, ...]:
        """What a pattern may match: the reference, its canonical text, and its optimizer without options."""
        return self.reference, self.canonical, self.reference.partition(":")[0]


@dataclass(frozen=True)
class StoredCost:
    """One measurement of costs in a store; `measurement` is None where its file is damaged."""

    key: str
    path: Path
    measurement: Measurement | None
    bytes: int
    modified: float

    @property
    def names(self) -> tuple[str, ...]:
        """What a pattern may match: of every arm what `Stored.names` has of a run."""
        arms = self.measurement.costs.values() if self.measurement else ()
        return tuple(n for arm in arms for n in (arm.optimizer, arm.canonical, arm.optimizer.partition(":")[0]))


def opened(root: str | Path, note: Callable[[str], None] = lambda text: None) -> Store:
    """Return the store in a folder.

    Raises:
        OptbenchError: where there is none; nothing is created.
    """
    if not (Path(root) / MARKER).exists():
        raise OptbenchError(f"no runs are stored in {root}", "name the folder with --runs, or train something")
    return Store(root, note)


def stored(store: Store) -> list[Stored]:
    """Return every run of a store, the one written to longest ago first."""
    folders = (entry for entry in _entries(store.root / "runs") if entry.is_dir())
    found = [run for entry in folders if (run := _run(store, Path(entry.path))) is not None]
    return sorted(found, key=lambda run: (run.modified, run.key))


def costs(store: Store) -> list[StoredCost]:
    """Return every measurement of a store, the oldest first."""
    found = []
    for entry in _entries(store.root / "costs"):
        path = Path(entry.path)
        if path.suffix == ".json":
            facts = entry.stat()
            measured = store.measurement(path.stem)
            found.append(StoredCost(path.stem, path, measured, facts.st_size, facts.st_mtime))
    return sorted(found, key=lambda one: (one.modified, one.key))


def delete(one: Stored | StoredCost) -> bool:
    """Remove a run, or a measurement, from the disk; False where a process holds the run, which is then left alone."""
    if isinstance(one, StoredCost):
        remove(one.path)
        remove(one.path.with_suffix(".arms"))
        return True
    with _held(one.folder) as ours:
        if not ours:
            return False
        with user_errors(one.folder), contextlib.suppress(FileNotFoundError):
            # the lock goes last: while it is there nobody else trains in this folder
            for path in sorted(one.folder.iterdir(), key=lambda path: path.name == "lock"):
                path.unlink(missing_ok=True)
            one.folder.rmdir()
    return True


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds; nothing where it is not there."""
    with user_errors(folder), contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        return list(found)
    return []


def _run(store: Store, folder: Path) -> Stored | None:
    """Return the record of a run's folder; None where it went in the meantime."""
    try:
        files = [(entry.name, entry.stat()) for entry in _entries(folder)]
        modified = max((facts.st_mtime for _, facts in files), default=folder.stat().st_mtime)
    except FileNotFoundError:
        return None
    spec = _spec(folder / "spec.json")
    result = store.result(folder.name)
    canonical = result.canonical if result else _text(spec.get("optimizer"))
    seed = result.seed if result else spec.get("seed")
    return Stored(
        key=folder.name,
        folder=folder,
        spec=spec,
        result=result,
        recipe_name=_text(spec.get("recipe_name")),
        reference=_text(spec.get("reference")) or (result.optimizer if result else canonical),
        canonical=canonical,
        seed=seed if isinstance(seed, int) else None,
        status=_status(folder, result, {name for name, _ in files}),
        bytes=sum(facts.st_size for _, facts in files),
        modified=modified,
        created=_text(spec.get("created")),
    )


def _status(folder: Path, result: RunResult | None, files: set[str]) -> str:
    """Return how a run stands; one that is trained anew is running, whatever its old result says."""
    with _held(folder) as ours:
        if not ours:
            return "running"
    if result:
        return result.status
    return "damaged" if "result.json" in files else "unfinished"


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold a run's lock for a moment and tell whether that was possible; a folder without a lock is held by nobody."""
    import fcntl  # not on every system, and few who read a store hold its locks

    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)  # lifts the lock


def _spec(path: Path) -> Mapping[str, Any]:
    """Return a run's `spec.json`; nothing where it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
