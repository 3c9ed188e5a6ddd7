"""Traces: the file is JSON, and its slices are named and nested as training is."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from optbench import plan, recipe
from optbench.measure import CostSettings
from optbench.measure._messages import Setup
from optbench.measure._tracks import tracks_of
from optbench.measure.trace import ITERATIONS, _slices, write_memory_snapshot, write_trace

PHASES = ("data", "forward", "backward", "step")


def setups(*references: str) -> dict[str, Setup]:
    small = recipe.load("digits-cnn").override(batch_size=400)
    arms = plan.build(small, references, [], seeds=[0])
    return {track.text: track.setup for track in tracks_of(arms, CostSettings(), None)}


def inside(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return other["ts"] <= one["ts"] and one["ts"] + one["dur"] <= other["ts"] + other["dur"]


def test_every_arm_has_its_iterations_with_their_phases_and_an_evaluation(tmp_path: Path) -> None:
    write_trace(setups("sgdm:impl=eager", "xgrad+sgdm:impl=eager"), tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    slices = [event for event in events if event.get("ph") == "X" and event.get("cat") == "user_annotation"]
    for arm in ("sgdm:impl=eager", "xgrad+sgdm:impl=eager"):
        (whole,) = [each for each in slices if each["name"] == arm]
        own = [each for each in slices if inside(each, whole) and each is not whole]
        iterations = [each for each in own if each["name"].startswith("iteration ")]
        assert [each["name"] for each in iterations] == [f"iteration {n}" for n in range(1, ITERATIONS + 1)]
        assert sum(each["name"] == "evaluation" for each in own) == 1
        for iteration in iterations:
            phases = sorted((each for each in own if inside(each, iteration)), key=lambda each: each["ts"])
            assert [each["name"] for each in phases if each["name"] in PHASES] == list(PHASES)
    operators = [event for event in events if event.get("cat") == "cpu_op"]
    (convolution, *_) = [each for each in operators if each["name"] == "aten::convolution"]
    assert any(inside(convolution, each) for each in slices if each["name"] == "forward")


def test_a_compressed_trace_is_written_where_the_name_says_so(tmp_path: Path) -> None:
    write_trace(setups("sgdm:impl=eager"), tmp_path / "trace.json.gz")
    assert (tmp_path / "trace.json.gz").read_bytes().startswith(b"\x1f\x8b")


def test_slices_begin_where_the_last_phase_ended() -> None:
    with torch.profiler.profile() as profiler, _slices(["one", "two"]) as ended:
        torch.zeros(3)
        ended("one")
        torch.ones(3)
        ended("two")
    found = {event.key: event.count for event in profiler.key_averages()}
    assert (found["one"], found["two"]) == (1, 1)


def test_a_memory_snapshot_is_torchs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU torch's three calls stand in for it: recording, writing, and an end of recording."""
    calls: list[tuple[Any, ...]] = []
    recording = itertools.count()

    def record(**options: Any) -> None:
        calls.append((next(recording), options))

    monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", record)
    monkeypatch.setattr(torch.cuda.memory, "_dump_snapshot", lambda path: calls.append((path,)))
    write_memory_snapshot(setups("sgdm:impl=eager"), tmp_path / "memory.pickle")
    assert [len(call) for call in calls] == [2, 1, 2]
    assert calls[1] == (str(tmp_path / "memory.pickle"),)
    assert calls[2] == (1, {"enabled": None})
