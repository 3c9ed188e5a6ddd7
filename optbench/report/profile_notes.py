"""The lines around the tables of a profile: its title, how to read it, and what casts doubt on it."""

from typing import TYPE_CHECKING

from optbench.report._notes import machine

if TYPE_CHECKING:
    from optbench.measure._profiled import Profile

_SETTINGS = (("data", "data {}"), ("model", "model {}"), ("batch_size", "batch size {}"), ("precision", "{}"))
_PLACE = (("device", "on {}"), ("threads", "{} threads"))


def title(profile: "Profile") -> str:
    """Return the one line above the tables."""
    name = profile.settings.get("title")
    text = f"profile of {profile.recipe}" + (f": {name}" if name else "")
    return f"{text} [synthetic data]" if profile.measurement.synthetic else text


def warnings(profile: "Profile") -> list[str]:
    """Return what casts doubt on a figure, each one sentence."""
    measured = profile.measurement
    lines = [f"the machine was busy while times were measured: {'; '.join(measured.busy)}"] if measured.busy else []
    for arm in profile.arms:
        own = arm.ledger
        if arm.status != "ok":
            lines.append(f"{arm.optimizer}: {arm.status.replace('_', ' ')} ({arm.message})")
        if own is not None and own.state_predicted not in (None, own.state):
            lines.append(
                f"{arm.optimizer}: {own.state:,} bytes of state, where its rule predicts {own.state_predicted:,}"
            )
    for point in profile.scale:
        if point.status != "ok":
            where = f"{point.optimizer} at {point.parameters:,} parameters"
            lines.append(f"{where}: {point.status.replace('_', ' ')} ({point.message})")
    return lines


def notes(profile: "Profile") -> list[str]:
    """Return how to read the tables, each one sentence or list."""
    lines = [_times(profile), _prediction(profile), *_work(profile), _memory(profile), _growth(profile)]
    found = profile.settings
    forms = [(key, form.removesuffix("s") if found.get(key) == 1 else form) for key, form in (*_SETTINGS, *_PLACE)]
    lines.append(", ".join(form.format(found[key]) for key, form in forms if found.get(key)))
    lines.append(machine(profile.machine))
    return [line for line in lines if line]


def _times(profile: "Profile") -> str:
    timed = [arm for arm in profile.arms if arm.parts]
    if not timed:
        return ""
    measured = profile.measurement
    launches = f"{measured.launches} {'launch' if measured.launches == 1 else 'launches'}"
    turns = f"{measured.turns} {'turn' if measured.turns == 1 else 'turns'}"
    epoch = f"{timed[0].iterations:,} iterations and one evaluation"
    text = f"time: medians over {launches} of fresh processes, {turns} each, the arms in turn"
    scaled = ", scaled up from few generated samples" if measured.synthetic else ""
    return f"{text}, warm-up excluded; an epoch is {epoch}{scaled}"


def _prediction(profile: "Profile") -> str:
    pairs = [f"{arm.optimizer} over {arm.base}" for arm in profile.arms if "prediction" in arm.parts]
    if not pairs:
        return ""
    return f"prediction: what the step takes beyond its base's ({', '.join(pairs)}), neighbours in time compared"


def _work(profile: "Profile") -> list[str]:
    if not any(arm.step for arm in profile.arms):
        return []
    if any(arm.step and arm.step.device_kernels is not None for arm in profile.arms):
        launches = "launches: kernels that the device runs in a step"
    else:
        launches = "launches: torch operators that move data, and compiled kernels, in a step"
    return [
        f"{launches}; moved: the bytes of their arguments; minimum: each array of the rule read or written once",
        "roofline: the time of a copy that moves the minimum over the step's; on a CPU it can pass 1, because a copy "
        "reads its target too and uses fewer streams, or because the arrays stay in the cache",
    ]


def _memory(profile: "Profile") -> str:
    ledgers = [arm.ledger for arm in profile.arms if arm.ledger]
    if not ledgers:
        return ""
    text = f"memory: {ledgers[0].method}, data set excluded; predicted: the state that the rule declares"
    text += "; transient: the most that step() adds to what is alive"
    resident = "; resident: of the whole process, with Python and torch"
    return text + (resident if any(own.rss is not None for own in ledgers) else "")


def _growth(profile: "Profile") -> str:
    if not profile.scale:
        return ""
    return (
        "growth: steps over plain fp32 parameters of 20 layers, all optimizers of a size in one process; memory: "
        "parameters, gradients, state and transient"
    )
