"""The run directory: whole files or none, one writer a run, and plain words when the disk refuses."""

import dataclasses
import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from optbench._files import write
from optbench.errors import OptbenchError
from optbench.results import Cost, Ledger, Measurement, RunResult
from optbench.store import SCHEMA, Store

KEY = "a" * 64


def make_result(**changes: object) -> RunResult:
    values: dict[str, object] = {
        "optimizer": "adamw",
        "canonical": "adamw:lr=0.1",
        "seed": 3,
        "status": "ok",
        "message": "",
        "metrics": {"accuracy": 1 / 3, "cross_entropy": 0.1},
        "reported": "final weights",
        "history": ({"epoch": 1, "train_loss": 0.1 + 0.2, "validation": {"accuracy": 50.0}},),
        "executor": "cpu",
        "state_bytes": 8,
        "parameters": 1,
        "seconds": 0.25,
        "weights_sha256": "0" * 64,
        "environment": {"versions": {"torch": "1"}},
    }
    return RunResult(**(values | changes))  # type: ignore[arg-type]


def make_cost(**changes: object) -> Cost:
    values: dict[str, object] = {
        "optimizer": "adamw",
        "canonical": "adamw:lr=0.1",
        "status": "ok",
        "message": "",
        "executor": "cpu",
        "samples": {"step": ((1.0, 0.5), (1.0,)), "iteration": ((3.0, 1.0), (2.0,))},
        "iterations": 5,
        "epoch_iterations": 10,
        "warmup_seconds": 1.5,
        "ledger": Ledger(40, 4, 40, 8, 80, None, 0, 1, 200, "step", {"step": 200}, "live tensors", None, {}),
        "parameters": 10,
    }
    return Cost(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_new_store_names_its_schema_and_hides_from_git(store: Store) -> None:
    assert json.loads((store.root / "store.json").read_text()) == {"schema": SCHEMA}
    assert (store.root / ".gitignore").read_text().split() == ["*"]


def test_result_comes_back_as_it_was(store: Store) -> None:
    result = make_result()
    store.save_result(KEY, result)
    assert Store(store.root).result(KEY) == result


def test_a_measurement_comes_back_as_it_was(store: Store) -> None:
    failed = make_cost(status="error", message="no", samples={}, ledger=None, warmup_seconds=None)
    costs = {"adamw:lr=0.1": make_cost(), "x": failed}
    found = Measurement(costs, 2, 1, 41.5, 0.02, False, ("load 3.1 on 2 cores",), False, {"cores": 2})
    store.save_measurement(KEY, found)
    assert store.measurement(KEY) == found
    assert store.measurement("b" * 64) is None


def test_figures_that_follow_from_a_cost() -> None:
    cost = make_cost()
    assert (cost.epoch_seconds, cost.peak_memory_bytes, cost.state_bytes, cost.scaled) == (20.0, 200, 80, True)
    bare = make_cost(samples={}, ledger=None, iterations=10)
    assert (bare.epoch_seconds, bare.peak_memory_bytes, bare.state_bytes, bare.scaled) == (None, None, None, False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_never_holds_a_number_that_is_not_finite(store: Store, value: float) -> None:
    store.save_result(KEY, make_result(metrics={"accuracy": value}, history=({"train_loss": value},)))
    text = (store.run_folder(KEY) / "result.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    found = store.result(KEY)
    assert found is not None
    assert found.metrics == {"accuracy": None}
    assert found.history == ({"train_loss": None},)


def test_cached_is_not_stored(store: Store) -> None:
    store.save_result(KEY, dataclasses.replace(make_result(), cached=True))
    found = store.result(KEY)
    assert found is not None
    assert not found.cached


@pytest.mark.parametrize(
    "content",
    [b"", b'{"optimizer": "ada', b"[]", b"3", b"{}", b"\xff\xfe", b'{"status": "ok", "metrics": 3}'],
)
def test_damaged_result_counts_as_missing_and_is_noted(tmp_path: Path, content: bytes) -> None:
    notes: list[str] = []
    store = Store(tmp_path / "runs", notes.append)
    store.save_result(KEY, make_result())
    (store.run_folder(KEY) / "result.json").write_bytes(content)
    assert store.result(KEY) is None
    assert len(notes) == 1
    assert "result.json" in notes[0]


@pytest.mark.parametrize("change", [{"status": "fine"}, {"metrics": {"accuracy": "high"}}, {"extra": 1}])
def test_result_of_another_shape_counts_as_missing(store: Store, change: dict[str, object]) -> None:
    path = store.run_folder(KEY) / "result.json"
    write(path, json.dumps(make_result().to_dict() | change).encode())
    assert store.result(KEY) is None


def test_a_finished_run_keeps_no_checkpoint(store: Store) -> None:
    write(store.checkpoint(KEY), b"weights")
    store.save_result(KEY, make_result())
    assert not store.checkpoint(KEY).exists()


def test_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text('{"schema": "optbench.store/99"}')
    with pytest.raises(OptbenchError, match=r"optbench\.store/99"):
        Store(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_damaged_marker_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "store.json").write_text(content)
    with pytest.raises(OptbenchError, match=r"store\.json is damaged"):
        Store(tmp_path)


def test_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(OptbenchError, match="not a run directory"):
        Store(tmp_path)
    assert files(tmp_path) == ["thesis.tex"]


def test_store_whose_creation_was_cut_short_is_completed(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / ".tmp-half").write_text("{")
    Store(tmp_path)
    assert (tmp_path / "store.json").exists()


def test_a_gitignore_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("build/\n")
    with pytest.raises(OptbenchError, match="not a run directory"):
        Store(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "build/\n"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("x")
    with pytest.raises(OptbenchError, match="runs"):
        Store(tmp_path / "runs")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "no permission"),
        (errno.EIO, "cannot write"),
    ],
)
def test_refused_write_leaves_what_was_there(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    store.save_result(KEY, make_result())
    before = files(store.root)
    written: list[int] = []

    def half_then_refuse(descriptor: int, content: memoryview) -> int:
        if written:
            raise OSError(number, os.strerror(number))
        written.append(real(descriptor, content[: len(content) // 2]))
        return written[0]

    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half_then_refuse)
        with pytest.raises(OptbenchError, match=words) as caught:
            store.save_result(KEY, make_result(seed=4))
    assert caught.value.hint
    assert files(store.root) == before
    assert store.result(KEY) == make_result()


def test_a_write_in_pieces_is_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:7]))
    store.save_result(KEY, make_result())
    assert store.result(KEY) == make_result()


def hold_lock(root: Path) -> "subprocess.Popen[str]":
    """Start a process that takes the lock, says so, and keeps it."""
    code = (
        "import sys, time\nfrom optbench.store import Store\n"
        f"with Store({str(root)!r}).lock({KEY!r}):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_second_process_waits_until_the_first_is_killed(store: Store) -> None:
    holder = hold_lock(store.root)
    waits: list[float] = []

    def kill() -> None:
        waits.append(time.monotonic())
        holder.send_signal(signal.SIGKILL)

    with store.lock(KEY, kill):
        assert len(waits) == 1
    holder.communicate()
    assert holder.returncode == -signal.SIGKILL


def test_other_runs_are_not_held_up(store: Store) -> None:
    def never() -> None:
        raise AssertionError("waited for the lock of another run")

    with store.lock(KEY, never), store.lock("b" * 64, never):
        pass
    with store.lock(KEY, never):
        pass


def test_taking_the_lock_clears_what_a_killed_writer_left(store: Store) -> None:
    write(store.checkpoint(KEY), b"weights")
    (store.run_folder(KEY) / ".tmp-abc").write_bytes(b"half")
    with store.lock(KEY):
        assert not (store.run_folder(KEY) / ".tmp-abc").exists()
    assert store.checkpoint(KEY).read_bytes() == b"weights"
