"""Where finished runs and measured costs are kept: a folder that several processes may use at once.

    store.json                 marks the folder and names its schema
    .gitignore                 `*`: git leaves the folder alone
    runs/KEY/spec.json         what was run, readable
    runs/KEY/checkpoint.pt     where a run that has not ended is: after its last epoch, or within one that takes long
    runs/KEY/result.json       the result of one that has
    runs/KEY/weights.pt        its weights, where they were asked for
    runs/KEY/lock              held by the process that trains it
    costs/KEY.json             what arms cost, measured together
    costs/KEY.arms             which arms those are: the key that `plan.cost_key` gives them by themselves
    costs/lock                 held by the process that measures

KEY is the SHA-256 of everything that can change the figures (`optbench.plan`). A file appears whole or not at
all, so a process killed at any moment, or a full disk, leaves a folder that can be read. No torch is imported
here.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from optbench._files import TEMPORARY, remove, user_errors, wait_for_lock, write
from optbench.errors import OptbenchError
from optbench.results import Measurement, RunResult, finite

__all__ = ["SCHEMA", "Measurement", "RunResult", "Store"]

SCHEMA = "optbench.store/1"
MARKER = "store.json"
IGNORE = b"*\n"
T = TypeVar("T")


def _silent(message: str) -> None:
    """Drop a note."""


class Store:
    """A run directory. Opening one creates it where it does not exist.

    Args:
        root: the folder.
        note: called with a sentence when something is worth telling (a damaged file was ignored, say).

    Raises:
        OptbenchError: when the folder belongs to another schema or to something else, or cannot be written.
    """

    def __init__(self, root: str | Path, note: Callable[[str], None] = _silent) -> None:
        self.root = Path(root)
        self.note = note
        marker = self.root / MARKER
        with user_errors(self.root):
            known = marker.exists()
        if not known:
            self._create(marker)
        self._check_schema(marker)

    def _create(self, marker: Path) -> None:
        """Make a new run directory, but never inside a folder that holds something else."""
        ignore = self.root / ".gitignore"
        with user_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            # what another process that creates the same store may have written by now is no stranger
            ours = {MARKER} | ({ignore.name} if ignore.exists() and ignore.read_bytes() == IGNORE else set())
            others = [e for e in self.root.iterdir() if e.name not in ours and not e.name.startswith(TEMPORARY)]
        if others:
            raise OptbenchError(
                f"{self.root} holds other files and is not a run directory", "name a new or empty folder"
            )
        write(ignore, IGNORE)
        # the marker comes last: a folder that has it is complete
        write(marker, json.dumps({"schema": SCHEMA}).encode() + b"\n")

    def _check_schema(self, marker: Path) -> None:
        """Raise OptbenchError unless the marker names the schema that this version reads and writes."""
        try:
            found = json.loads(marker.read_bytes())["schema"]
        except OSError as error:
            raise OptbenchError(f"cannot read {marker}: {error.strerror}", "choose another --runs") from error
        except (ValueError, KeyError, TypeError) as error:
            raise OptbenchError(f"{marker} is damaged", "name a new folder, or delete this one") from error
        if found != SCHEMA:
            raise OptbenchError(
                f"{self.root} has schema {found!r}, this optbench reads {SCHEMA!r}",
                "name another folder for the runs, or use the optbench that made this one",
            )

    # -- runs ------------------------------------------------------------------------------------------------

    def run_folder(self, key: str) -> Path:
        """Return the folder of one run (it may not exist yet)."""
        return self.root / "runs" / key

    def checkpoint(self, key: str) -> Path:
        """Return where the checkpoint of an unfinished run lies."""
        return self.run_folder(key) / "checkpoint.pt"

    def weights(self, key: str) -> Path:
        """Return where the weights of a run lie that keeps them."""
        return self.run_folder(key) / "weights.pt"

    def result(self, key: str) -> RunResult | None:
        """Return the stored result of a run, or None; a damaged one is noted and counts as missing."""
        return self._read(self.run_folder(key) / "result.json", RunResult.from_dict)

    def usable(self, key: str, *, with_weights: bool = False) -> RunResult | None:
        """Return the stored result of a run that need not be trained again, marked as cached; None where it must.

        Runs that ended out of memory or in an exception are tried again; diverged ones are not: they would diverge
        again.

        Args:
            key: of the run.
            with_weights: a run that went well without keeping its weights will not do.
        """
        found = self.result(key)
        if found is None or found.status not in ("ok", "diverged"):
            return None
        lacking = with_weights and found.status == "ok" and not self.weights(key).exists()
        return None if lacking else replace(found, cached=True)

    def save_spec(self, key: str, spec: Mapping[str, object], **names: str) -> None:
        """Write what a run is, for people to read, with the names that it goes by and the time."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write(self.run_folder(key) / "spec.json", _json({**spec, **names, "created": created}), sync=False)

    def save_result(self, key: str, result: RunResult) -> None:
        """Store the result of an ended run; its checkpoint, no longer needed, goes."""
        write(self.run_folder(key) / "result.json", _json(result.to_dict()))
        remove(self.checkpoint(key))

    def lock(self, key: str, on_wait: Callable[[], None] | None = None) -> contextlib.AbstractContextManager[None]:
        """Hold a run: only one process trains it. A second one waits here until the first is done or dead.

        The lock is `flock`'s, which the system lifts when its holder ends in any way, kill -9 included.

        Args:
            key: of the run.
            on_wait: called once when another process holds the run.
        """
        return self._hold(self.run_folder(key), on_wait)

    def costs_lock(self, on_wait: Callable[[], None] | None = None) -> contextlib.AbstractContextManager[None]:
        """Hold all measuring of costs, as `lock` holds a run: two at once would spoil each other's times."""
        return self._hold(self.root / "costs", on_wait)

    @contextlib.contextmanager
    def _hold(self, folder: Path, on_wait: Callable[[], None] | None) -> Iterator[None]:
        """Hold a folder's lock, waiting for it."""
        with user_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            wait_for_lock(descriptor, folder, on_wait)
            for stale in folder.glob(TEMPORARY + "*"):  # left by a writer that was killed
                remove(stale)
            yield
        finally:
            os.close(descriptor)  # lifts the lock

    # -- costs -----------------------------------------------------------------------------------------------

    def measurement(self, key: str) -> Measurement | None:
        """Return a stored measurement, or None."""
        return self._read(self.root / "costs" / f"{key}.json", Measurement.from_dict)

    def save_measurement(self, key: str, found: Measurement, arms: str = "") -> None:
        """Store what was measured together; `arms` is the key of the arms alone, however they were measured."""
        if arms:
            write(self._arms(key), arms.encode(), sync=False)
        write(self.root / "costs" / f"{key}.json", _json(found.to_dict()))

    def measured_arms(self, key: str) -> str:
        """Return the key of the arms that a stored measurement is of; empty where that is not known."""
        try:
            return self._arms(key).read_text()
        except (OSError, UnicodeDecodeError):
            return ""

    def _arms(self, key: str) -> Path:
        return self.root / "costs" / f"{key}.arms"

    def _read(self, path: Path, build: Callable[[Any], T]) -> T | None:
        """Return what `build` makes of a JSON file; None when it is missing or damaged (which is noted)."""
        try:
            return build(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OptbenchError(f"cannot read {path}: {error.strerror}", "mend its permissions") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            self.note(f"{path} is damaged and was ignored")
            return None


def _json(document: Mapping[str, object]) -> bytes:
    """Return a document as JSON text; numbers that are not finite become null."""
    return (json.dumps(finite(document), indent=1, allow_nan=False) + "\n").encode()
