"""A made-up profile for tests of its reports: no measuring behind it."""

from typing import Any

from optbench.measure._profiled import ArmProfile, Profile, StepWork
from optbench.measure.scale import ScalePoint
from optbench.results import Ledger, Measurement

MIB = 2**20


def ledger(**changes: Any) -> Ledger:
    values: dict[str, Any] = {
        "parameters": 4 * MIB,
        "buffers": 0,
        "gradients": 4 * MIB,
        "batch": 1_000,
        "state": 8 * MIB,
        "state_predicted": 8 * MIB,
        "prediction_cache": 0,
        "step_transient": 0,
        "peak": 30 * MIB,
        "peak_phase": "backward",
        "peaks": {"data": 20 * MIB, "forward": 29 * MIB, "backward": 30 * MIB, "step": 16 * MIB},
        "method": "live tensors",
        "rss": 400 * MIB,
        "device": {},
    }
    return Ledger(**(values | changes))


def work(**changes: Any) -> StepWork:
    values: dict[str, Any] = {
        "launches": 3,
        "operators": 2,
        "kernels": 1,
        "device_kernels": None,
        "moved_bytes": 42 * MIB,
        "minimum_bytes": 28 * MIB,
        "bandwidth": 12.5e9,
        "roofline": 0.75,
    }
    return StepWork(**(values | changes))


def arm(name: str, **changes: Any) -> ArmProfile:
    values: dict[str, Any] = {
        "optimizer": name,
        "canonical": f"{name}:full=1",
        "role": "arm",
        "status": "ok",
        "message": "",
        "executor": "cpu",
        "parameters": MIB,
        "base": "",
        "parts": {"data": 0.1, "forward": 0.5, "backward": 1.0, "step": 0.3, "evaluation": 0.1},
        "iteration_seconds": 0.019,
        "step_seconds": 0.003,
        "iterations": 100,
        "samples_per_second": 6736.8,
        "step": work(),
        "ledger": ledger(),
    }
    return ArmProfile(**(values | changes))


def broken(name: str) -> ArmProfile:
    return arm(
        name,
        status="error",
        message="RuntimeError: no",
        parts={},
        iteration_seconds=None,
        step_seconds=None,
        samples_per_second=None,
        step=None,
        ledger=None,
    )


def points() -> tuple[ScalePoint, ...]:
    found = []
    for size in (10**6, 10**7, 10**8):
        found.append(ScalePoint("adamw", size, "ok", "", 2.8e-9 * size, 9, 8 * size, 0, 0.98))
        found.append(ScalePoint("my.Own", size, "ok", "", 1.4e-8 * size, 9, 8 * size, 4 * size, None))
    found[-1] = ScalePoint("my.Own", 10**8, "out_of_memory", "its process was killed")
    return tuple(found)


def profile(*arms: ArmProfile, scale: tuple[ScalePoint, ...] = (), **changes: Any) -> Profile:
    facts: dict[str, Any] = {
        "costs": {},
        "launches": 3,
        "turns": 7,
        "seconds": 20.0,
        "precision": 0.02,
        "reached": False,
        "busy": (),
        "synthetic": False,
        "machine": {},
    }
    return Profile(
        recipe="tiny",
        settings={"title": "a <test>", "data": "digits", "batch_size": 128, "device": "cpu", "threads": 1},
        machine={"processor": "a processor", "cores": 2},
        arms=arms,
        scale=scale,
        measurement=Measurement(**(facts | changes)),
    )


def predicting() -> Profile:
    """An optimizer, XGrad over it, and one that fails."""
    parts = {"data": 0.1, "forward": 0.5, "backward": 1.0, "step": 0.3, "prediction": 0.05, "evaluation": 0.1}
    over = arm("xgrad+adamw", base="adamw", parts=parts, ledger=ledger(state=12 * MIB, prediction_cache=4 * MIB))
    return profile(over, broken("my.Own"), arm("adamw", role="base"), scale=points(), busy=("another <process>",))
