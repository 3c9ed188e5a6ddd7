"""The lines below the tables: what was compared, how to read it, and what went wrong."""

from collections.abc import Mapping

from optbench.report import _cost_notes, _verdict
from optbench.stats import ArmSummary, Comparison

_SETTINGS = (  # key in Comparison.settings, how it reads
    ("data", "data {}"),
    ("augmentation", "augmentation {}"),
    ("normalisation", "normalisation {}"),
    ("model", "model {}"),
    ("channels_last", "channels last"),
    ("compile", "compiled"),
    ("epochs", "{} epochs"),
    ("batch_size", "batch size {}"),
    ("accumulation", "in {} micro-batches"),
    ("schedule", "schedule ({})"),
    ("label_smoothing", "label smoothing {}"),
    ("clip_norm", "gradients clipped to {}"),
    ("ema", "moving average of the weights {}"),
    ("average_last", "mean of the weights of the last {} epochs"),
    ("precision", "{}"),
    ("device", "on {}"),
    ("threads", "{} threads"),
    ("protocol", "protocol {}"),
)
_USUAL = {"augmentation": "none", "normalisation": "train", "accumulation": 1}  # not worth telling
_OF_TRAINING = ("epochs", "protocol")  # settings that mean nothing where only the cost was measured
_VERSIONED = ("optbench", "python", "torch", "numpy", "numba", "triton")  # keys of Comparison.machine


def title(comparison: Comparison) -> str:
    """Return the one line above the tables."""
    name = comparison.settings.get("title")
    text = f"{comparison.recipe}: {name}" if name else comparison.recipe
    return f"{text} [synthetic data: cost only]" if _cost_notes.synthetic(comparison) else text


def warnings(comparison: Comparison) -> list[str]:
    """Return what casts doubt on a figure, each one sentence; nothing of it where all is well."""
    return _cost_notes.warnings(comparison) + [_failure(arm) for arm in comparison.arms if arm.status != "ok"]


def notes(comparison: Comparison) -> list[str]:
    """Return how to read the tables, each one sentence or list."""
    lines = [*_quality(comparison), *_cost_notes.notes(comparison), *context(comparison)]
    return [line for line in lines if line]


def context(comparison: Comparison) -> list[str]:
    """Return the recipe's settings as they were run, and the machine."""
    lines = [settings(comparison), stand_in(comparison.settings), signature(comparison), machine(comparison.machine)]
    return [line for line in lines if line]


def settings(comparison: Comparison) -> str:
    """Return the recipe's settings as they were run, as a list on one line."""
    found = comparison.settings
    unsaid = () if comparison.metrics else _OF_TRAINING
    forms = {key: form.removesuffix("s") if found.get(key) == 1 else form for key, form in _SETTINGS}
    told = [key for key in forms if found.get(key) and found[key] != _USUAL.get(key) and key not in unsaid]
    return ", ".join(forms[key].format(found[key]) for key in told)


def stand_in(found: Mapping[str, object]) -> str:
    """Return what the data stand in for, where they are not the real thing."""
    what = found.get("stand_in_for")
    return f"{found.get('data')} is a stand-in for {what}" if what else ""


def signature(comparison: Comparison) -> str:
    """Return how BLEU was computed, where it was: tools differ."""
    runs = [run for arm in comparison.arms for run in arm.runs]
    found = dict.fromkeys(str(run.environment["bleu"]) for run in runs if run.environment.get("bleu"))
    return f"BLEU: sacrebleu {', '.join(found)}" if found else ""


def machine(found: Mapping[str, object]) -> str:
    """Return the machine and its software as a list on one line."""
    return ", ".join(_item(key, value) for key, value in found.items() if value not in (None, ""))


def _quality(comparison: Comparison) -> list[str]:
    if not comparison.metrics:
        return []
    return [_seeds(comparison), _directions(comparison), *_verdict.notes(comparison), _cached(comparison)]


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
