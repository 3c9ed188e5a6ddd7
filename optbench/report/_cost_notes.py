"""The lines below the tables that say how costs were measured, and what casts doubt on them."""

from optbench.report._memory import unpredicted
from optbench.report._time import PERCENT, base_of, noise
from optbench.results import Measurement
from optbench.stats import ArmSummary, Comparison

_WARMUP_WORTH_TELLING = 0.1  # seconds


def synthetic(comparison: Comparison) -> bool:
    """Return whether costs were measured on generated data."""
    return comparison.measurement is not None and comparison.measurement.synthetic


def warnings(comparison: Comparison) -> list[str]:
    """Return what casts doubt on the costs."""
    measured = comparison.measurement
    if measured is None:
        return []
    lines = [f"the machine was busy while times were measured: {'; '.join(measured.busy)}"] if measured.busy else []
    return lines + [_unpredicted(arm) for arm in comparison.arms if unpredicted(arm)]


def notes(comparison: Comparison) -> list[str]:
    """Return how costs were measured and how their tables are read; nothing where none were."""
    measured = comparison.measurement
    if measured is None or not any(arm.cost and arm.cost.samples for arm in comparison.arms):
        return []
    return [_synthetic(comparison), _times(comparison, measured), *_reading(comparison), _memory(comparison)]


def executors(comparison: Comparison) -> str:
    """Return which arms another executor runs than it runs the baselines: they compare code, not algorithms."""
    of_baselines = {arm.executor for arm in comparison.arms if arm.role == "baseline" and arm.executor}
    if len(of_baselines) > 1:
        return f"the baselines run in different executors ({', '.join(sorted(of_baselines))}): see the column executor"
    others = [arm for arm in comparison.arms if arm.executor and arm.executor not in of_baselines]
    if not of_baselines or not others:
        return ""
    (executor,) = of_baselines
    listed = ", ".join(f"{arm.optimizer} ({arm.executor})" for arm in others)
    return (
        f"not run by the baselines' executor, {executor}: {listed}; against the baselines their times compare code as "
        "much as algorithms"
    )


def _synthetic(comparison: Comparison) -> str:
    return "synthetic data of the recipe's shape: cost does not depend on labels" if synthetic(comparison) else ""


def _times(comparison: Comparison, measured: Measurement) -> str:
    turns = f"{measured.launches} {_plural('launch', measured.launches, 'es')} of fresh processes"
    text = f"time: {turns}, {measured.turns} {_plural('turn', measured.turns)} each, the arms in turn"
    text += f", {measured.seconds:.0f} s" + (" (from the store)" if _stored(comparison) else "")
    text += "; medians, and 95 % intervals over launches" if measured.launches > 1 else "; one launch has no interval"
    return text + _precision(comparison, measured) + _untimed(comparison)


def _precision(comparison: Comparison, measured: Measurement) -> str:
    """Return whether the intervals are as narrow as was asked, and how wide they are where not."""
    if measured.precision is None:
        return ""
    asked = f"the precision of {PERCENT * measured.precision:g} %"
    if measured.reached:
        return f"; {asked} was reached"
    widest = _widest(comparison)
    found = f", the widest ratio of iterations is ± {PERCENT * widest:.1f} %" if widest else ""
    return f"; the budget was spent before {asked} was reached{found}: a larger --cost-budget narrows it"


def _untimed(comparison: Comparison) -> str:
    """Return what the times leave out: warm-up, and the part of an epoch that they were scaled up from."""
    text = "; warm-up and compilation excluded"
    timed = [arm for arm in comparison.arms if arm.epoch_seconds is not None]
    longest = max(timed, key=lambda arm: arm.warmup_seconds or 0.0, default=None)
    if longest and (longest.warmup_seconds or 0.0) >= _WARMUP_WORTH_TELLING:
        text += f" (up to {longest.warmup_seconds:.1f} s, {longest.optimizer})"
    part = min((arm.timed_part for arm in timed if arm.timed_part is not None), default=1.0)
    return text + (f"; the epoch is scaled up from {PERCENT * part:.2g} % of one" if part < 1 else "")


def _reading(comparison: Comparison) -> list[str]:
    """Return how the table of ratios is read."""
    lines = []
    if comparison.baselines:
        lines.append(
            "overhead: the optimizer's own phases less the baseline's, in percent of an iteration whose other phases "
            "are pooled over both; the ratio of whole iterations is the check on it"
        )
    if any(base_of(arm, comparison.arms) for arm in comparison.arms):
        lines.append("prediction: the same of XGrad over its base")
    if noise(comparison):
        lines.append("noise floor: a difference below it cannot be told from noise here")
    return [*lines, executors(comparison)]


def _memory(comparison: Comparison) -> str:
    ledgers = [arm.cost.ledger for arm in comparison.arms if arm.cost and arm.cost.ledger]
    if not ledgers:
        return ""
    text = f"memory: {ledgers[0].method}, data set excluded; transient: the most that step() adds to what is alive"
    predicted = [ledger for ledger in ledgers if ledger.state_predicted is not None]
    if predicted and all(ledger.state == ledger.state_predicted for ledger in predicted):
        whose = "" if len(predicted) == len(ledgers) else ", where there is a rule"
        text += f"; states are as large as the rules predict{whose}"
    if any(ledger.rss is not None for ledger in ledgers):
        text += "; resident: of the whole process, with Python and torch"
    return text


def _unpredicted(arm: ArmSummary) -> str:
    ledger = arm.cost.ledger if arm.cost else None
    assert ledger is not None
    assert ledger.state_predicted is not None
    return f"{arm.optimizer}: {ledger.state:,} bytes of state, where its rule predicts {ledger.state_predicted:,}"


def _widest(comparison: Comparison) -> float | None:
    found = [ratio.precision for arm in comparison.arms for ratio in arm.epoch_ratio.values() if ratio]
    return max((each for each in found if each is not None), default=None)


def _stored(comparison: Comparison) -> bool:
    return any(arm.cost and arm.cost.cached for arm in comparison.arms)


def _plural(word: str, count: int, ending: str = "s") -> str:
    return word if count == 1 else word + ending
