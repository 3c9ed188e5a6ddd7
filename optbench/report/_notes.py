"""The lines below a table: what was compared, how to read it, and what went wrong."""

from collections.abc import Mapping

from optbench.stats import ArmSummary, Comparison

_SETTINGS = (  # key in Comparison.settings, how it reads
    ("data", "data {}"),
    ("model", "model {}"),
    ("epochs", "{} epochs"),
    ("batch_size", "batch size {}"),
    ("schedule", "{} schedule"),
    ("precision", "{}"),
    ("device", "on {}"),
    ("threads", "{} threads"),
    ("protocol", "protocol {}"),
)
_WARMUP_WORTH_TELLING = 0.1  # seconds
_VERSIONED = ("optbench", "python", "torch", "numpy", "numba", "triton")  # keys of Comparison.machine


def title(comparison: Comparison) -> str:
    """Return the one line above the table."""
    name = comparison.settings.get("title")
    return f"{comparison.recipe}: {name}" if name else comparison.recipe


def notes(comparison: Comparison) -> list[str]:
    """Return the lines below the table, each one sentence or list."""
    lines = [_seeds(comparison)]
    lines.append(_settings(comparison.settings))
    lines.append(_directions(comparison))
    lines.append(_cost(comparison))
    lines.append(_machine(comparison.machine))
    lines.append(_cached(comparison))
    lines += [_failure(arm) for arm in comparison.arms if arm.status != "ok"]
    return [line for line in lines if line]


def _settings(settings: Mapping[str, object]) -> str:
    forms = {key: form.removesuffix("s") if settings.get(key) == 1 else form for key, form in _SETTINGS}
    return ", ".join(form.format(settings[key]) for key, form in forms.items() if settings.get(key))


def _seeds(comparison: Comparison) -> str:
    seeds = comparison.seeds
    if len(seeds) == 1:
        return f"1 seed ({seeds[0]}): no spread and no interval with one seed; use --seeds 2 or more"
    text = f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]}): mean ± standard deviation"
    if comparison.baselines:
        text += "; differences paired by seed with their 95 % interval"
    return text


def _directions(comparison: Comparison) -> str:
    parts = [f"{metric.title}: {metric.direction} is better" for metric in comparison.metrics.values()]
    return "; ".join(parts)


def _cost(comparison: Comparison) -> str:
    timed = [arm for arm in comparison.arms if arm.epoch_seconds is not None]
    if not timed:
        return ""
    text = (
        "epoch time: training only, median over rounds in which the arms take turns, warm-up and compilation excluded"
    )
    longest = max(timed, key=lambda arm: arm.warmup_seconds or 0.0)
    if (longest.warmup_seconds or 0.0) >= _WARMUP_WORTH_TELLING:
        text += f" (up to {longest.warmup_seconds:.1f} s, {longest.optimizer})"
    part = min((arm.timed_part for arm in timed if arm.timed_part is not None), default=1.0)
    if part < 1:
        text += f", scaled up from {100 * part:.0f} % of an epoch"
    return text + "; peak memory: of a training iteration, data set excluded"


def _machine(machine: Mapping[str, object]) -> str:
    return ", ".join(_item(key, value) for key, value in machine.items() if value not in (None, ""))


def _item(key: str, value: object) -> str:
    if key == "cores":
        return f"{value} core" if value == 1 else f"{value} cores"
    if key == "memory_bytes" and isinstance(value, int):
        return f"{value / 2**30:.0f} GiB"
    return f"{key} {value}" if key in _VERSIONED else str(value)


def _cached(comparison: Comparison) -> str:
    cached = sum(arm.cached for arm in comparison.arms)
    total = len(comparison.seeds) * len(comparison.arms)
    return f"{cached} of {total} runs came from the store" if cached else ""


def _failure(arm: ArmSummary) -> str:
    counts = [
        f"{count} of {sum(arm.statuses.values())} runs {status.replace('_', ' ')}"
        for status, count in arm.statuses.items()
        if status != "ok"
    ]
    text = f"{arm.optimizer}: {', '.join(counts) or arm.status.replace('_', ' ')}"
    finished = arm.statuses.get("ok", 0)
    if finished and counts:
        text += f", its figures are over the other {finished}"
    return text + (f" ({'; '.join(arm.messages)})" if arm.messages else "")
