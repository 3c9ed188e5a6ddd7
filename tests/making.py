"""Made-up results for tests of statistics and reports: no training behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.results import Cost, RunResult
from optbench.stats import ArmResult


@dataclass(frozen=True)
class Measure:
    """A metric."""

    name: str
    unit: str
    direction: str
    title: str


ACCURACY = Measure("accuracy", "percent", "higher", "accuracy %")
CROSS_ENTROPY = Measure("cross_entropy", "nats", "lower", "cross-entropy")
METRICS = (ACCURACY, CROSS_ENTROPY)


def run(
    name: str, seed: int, accuracy: float | None, cross_entropy: float | None = 0.5, **changes: object
) -> RunResult:
    values: dict[str, object] = {
        "optimizer": name,
        "canonical": f"{name}:full=1",
        "seed": seed,
        "status": "ok",
        "message": "",
        "metrics": {"accuracy": accuracy, "cross_entropy": cross_entropy},
        "reported": "final weights",
        "history": (),
        "executor": "cpu",
        "state_bytes": 2048,
        "parameters": 256,
        "seconds": 1.0,
        "weights_sha256": "",
        "environment": {},
    }
    return RunResult(**(values | changes))  # type: ignore[arg-type]


def arm(name: str, accuracies: Sequence[float | None], role: str = "arm", price: Cost | None = None) -> ArmResult:
    """Return an arm with seeds 0, 1, ...; None is a run that diverged."""
    runs = [
        run(name, seed, None, None, status="diverged", message="the loss is NaN at epoch 3")
        if accuracy is None
        else run(name, seed, accuracy)
        for seed, accuracy in enumerate(accuracies)
    ]
    return ArmResult(name, role, "cpu", tuple(runs), price)
