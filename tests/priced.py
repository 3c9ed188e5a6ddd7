"""Made-up comparisons for tests of reports, their costs included: no training and no measuring behind them."""

from collections.abc import Mapping, Sequence

from making import METRICS

from optbench.results import Cost, Ledger, Measurement
from optbench.stats import ArmSummary, Comparison, Difference, Summary
from optbench.stats.times import OWN, Ratio, overhead, ratio

KIB, MIB = 2**10, 2**20
SETTINGS = {"title": "small CNN", "data": "digits", "epochs": 2, "threads": 1, "protocol": "standard"}
MACHINE = {"processor": "A Processor", "cores": 2, "memory_bytes": 24 * 2**30, "torch": "2.13.0"}


def ledger(**changes: object) -> Ledger:
    values: dict[str, object] = {
        "parameters": 150 * KIB,
        "buffers": 0,
        "gradients": 150 * KIB,
        "batch": 16 * KIB,
        "state": 300 * KIB,
        "state_predicted": 300 * KIB,
        "prediction_cache": 0,
        "step_transient": 0,
        "peak": 3 * MIB,
        "peak_phase": "backward",
        "peaks": {"forward": 2 * MIB, "backward": 3 * MIB, "step": MIB},
        "method": "live tensors",
        "rss": 300 * MIB,
        "device": {},
    }
    return Ledger(**(values | changes))  # type: ignore[arg-type]


def samples(step: float, launches: int = 3, turns: int = 4) -> dict[str, tuple[tuple[float, ...], ...]]:
    """Return seconds by phase: 1 ms forward, 2 ms backward, `step` seconds; launch i is slower by i percent."""
    rows = {"data": 1e-5, "forward": 1e-3, "backward": 2e-3, "step": step}
    rows["iteration"] = sum(rows.values())
    return {
        phase: tuple((seconds * (1 + launch / 100),) * turns for launch in range(launches))
        for phase, seconds in rows.items()
    }


def cost(name: str, step: float = 1e-4, *, canonical: str = "", launches: int = 3, **changes: object) -> Cost:
    values: dict[str, object] = {
        "optimizer": name,
        "canonical": canonical or f"{name}:full=1",
        "status": "ok",
        "message": "",
        "executor": "cpu",
        "samples": samples(step, launches),
        "iterations": 10,
        "epoch_iterations": 100,
        "warmup_seconds": 1.5,
        "ledger": ledger(),
        "parameters": 38_282,
    }
    return Cost(**(values | changes))  # type: ignore[arg-type]


def measurement(*costs: Cost, **changes: object) -> Measurement:
    values: dict[str, object] = {
        "costs": {each.canonical: each for each in costs},
        "launches": 3,
        "turns": 4,
        "seconds": 12.0,
        "precision": 0.02,
        "reached": True,
        "busy": (),
        "synthetic": False,
        "machine": MACHINE,
    }
    return Measurement(**(values | changes))  # type: ignore[arg-type]


def summary(values: Sequence[float], against: Mapping[str, Difference] | None = None) -> Summary:
    mean = sum(values) / len(values)
    std = (sum((x - mean) ** 2 for x in values) / (len(values) - 1)) ** 0.5 if len(values) > 1 else None
    return Summary(mean, std, tuple(values), against or {})


def row(price: Cost, bases: Sequence[Cost], role: str = "arm", **changes: object) -> ArmSummary:
    """Return a row of costs alone, its ratios to the baselines as `optbench.stats.times` finds them."""

    def by_base(pick) -> dict[str, Ratio | None]:
        return {base.optimizer: None if base is price else pick(price, base) for base in bases}

    peaks = {base.optimizer: (price.peak_memory_bytes or 0) / (base.peak_memory_bytes or 1) for base in bases}
    values: dict[str, object] = {
        "optimizer": price.optimizer,
        "role": role,
        "status": price.status,
        "executor": price.executor,
        "metrics": {},
        "epoch_seconds": price.epoch_seconds,
        "epoch_ratio": by_base(ratio),
        "warmup_seconds": price.warmup_seconds,
        "timed_part": price.iterations / price.epoch_iterations,
        "peak_memory_bytes": price.peak_memory_bytes,
        "memory_ratio": peaks,
        "state_bytes": price.state_bytes,
        "canonical": price.canonical,
        "cost": price,
        "step_ratio": by_base(lambda mine, theirs: ratio(mine, theirs, OWN)),
        "overhead": by_base(overhead),
        "messages": (price.message,) if price.message else (),
    }
    return ArmSummary(**(values | changes))  # type: ignore[arg-type]


def costs_only(
    arms: Sequence[Cost], bases: Sequence[Cost] = (), *, extra: Sequence[Cost] = (), **changes
) -> Comparison:
    """Return a comparison of costs; `bases` are added after the arms, `extra` are twins that are no rows."""
    rows = [row(each, bases) for each in arms] + [row(each, bases, "baseline") for each in bases]
    values: dict[str, object] = {
        "recipe": "tiny",
        "settings": SETTINGS,
        "machine": MACHINE,
        "primary": "",
        "metrics": {},
        "baselines": tuple(base.optimizer for base in bases),
        "seeds": (),
        "arms": tuple(rows),
        "measurement": measurement(*arms, *bases, *extra),
    }
    return Comparison(**(values | changes))


def with_quality(found: Comparison, accuracies: Mapping[str, Sequence[float]], **changes) -> Comparison:
    """Return a comparison with an accuracy and a cross-entropy of 0.5 for each of its arms, without intervals."""
    from dataclasses import replace

    def against(name: str, values: Sequence[float]) -> dict[str, Difference]:
        means = {base: sum(accuracies[base]) / len(accuracies[base]) for base in found.baselines}
        own = sum(values) / len(values)
        return {base: Difference(own - mean, None, None, len(values)) for base, mean in means.items()}

    arms = [
        replace(
            arm,
            metrics={
                "accuracy": summary(accuracies[arm.optimizer], against(arm.optimizer, accuracies[arm.optimizer])),
                "cross_entropy": summary(
                    [0.5] * len(accuracies[arm.optimizer]),
                    {base: Difference(0.0, 0.0, 0.0, len(accuracies[arm.optimizer])) for base in found.baselines},
                ),
            },
            statuses={"ok": len(accuracies[arm.optimizer])},
        )
        for arm in found.arms
    ]
    seeds = tuple(range(len(next(iter(accuracies.values())))))
    metrics = {metric.name: metric for metric in METRICS}
    return replace(found, arms=tuple(arms), seeds=seeds, metrics=metrics, primary="accuracy", **changes)
