"""Which settings of the hyper-parameters a subject is tried with: complete, allowed, none of them twice."""

from collections.abc import Iterable, Iterator, Mapping

from optbench.optimizers import info
from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._rule import Declaration, Rule
from optbench.verify import _sampling
from optbench.verify._sampling import Options
from optbench.verify._subject import WRAPPER, Effort, Subject


def ahead(subject: Subject) -> float:
    """Return how far prediction looks unless the case says otherwise: neither 0 nor 1, and whole where it must be."""
    return 1.5 if predicts_in_passing(subject) else 2.0


def predicts_in_passing(subject: Subject) -> bool:
    """Tell whether prediction is part of the step: not under the readings that run the base ahead."""
    return (subject.xgrad or {}).get("reading", "stale") == "stale"


def trajectories(subject: Subject, impl: str, effort: Effort) -> Iterator[tuple[Options, float]]:
    """Yield settings to be held against the oracle, with the size of the gradients.

    The stated variants come first, alone and in combination, then random draws. The cpu executor compiles a kernel for
    every set of switches: it gets each switch alone, and the draws that need no further kernel.
    """
    rule = declared(subject)
    stated = _sampling.variants(rule)
    if subject.wrapped:
        own = _predictions(stated[0], ahead(subject))[: 1 if impl == "cpu" and effort.quick else None]
        stated = [{"s": ahead(subject), **o} for o in (*own, *([] if impl == "cpu" else stated[1:]))]
    elif impl == "cpu":
        plain = switches(subject, stated[0])
        stated = [o for o in stated[: 1 if effort.quick else None] if o is stated[0] or switches(subject, o) != plain]
    elif not effort.quick:
        stated += _sampling.combinations(rule)
    yield from ((options, 1.0) for options in complete(subject, impl, stated))
    if impl == "cpu" and effort.quick:
        return
    known = {switches(subject, o) for o in stated}
    alone = _torch_alone(subject) if impl == "torch" else {}
    drawn = [
        {n: v for n, v in o.items() if n not in alone} | ({"s": ahead(subject)} if subject.wrapped else {})
        for o in _sampling.samples(rule, effort.samples, subject.seed(effort, "options"))
    ]
    for number, options in enumerate(complete(subject, impl, drawn)):
        if impl != "cpu" or switches(subject, options) in known:
            yield options, 10.0 ** (number % 3 - 1)


def slots(subject: Subject, impl: str) -> Iterator[Options]:
    """Yield settings that between them have every set of state slots."""
    rule = declared(subject)
    stated = _sampling.variants(rule)
    start = stated[0]
    if subject.wrapped:
        stated += [{**start, "s": 0.0}, {**start, "restore": False}, {**start, "cache": False}]
    yield from complete(subject, impl, stated)


def declared(subject: Subject) -> type[Declaration]:
    """Return what declares the hyper-parameters."""
    assert subject.rule is not None
    return subject.rule


def complete(subject: Subject, impl: str, settings: Iterable[Options]) -> Iterator[Options]:
    """Yield the settings with what the user's reference holds fixed; contradictions and repetitions are left out."""
    seen = set()
    for options in settings:
        full = {**options, **subject.fixed, **(subject.xgrad or {})}
        key = tuple(sorted(full.items()))
        if key not in seen and _allowed(subject, impl, full):
            seen.add(key)
            yield full


def _allowed(subject: Subject, impl: str, options: Options) -> bool:
    rule = declared(subject)
    own = {n: v for n, v in options.items() if n in rule.hyperparameters}
    if not _sampling.allowed(rule, own):
        return False
    s, reading, restore, cache = (options.get(n, d) for n, d in zip(WRAPPER, (1.0, "stale", True, True), strict=True))
    by_rule = impl != "torch" and issubclass(rule, Rule)
    if reading != "stale" and not (by_rule and cache and s == int(s)):
        return False
    if cache or not restore:
        return True
    return by_rule and issubclass(rule, Rule) and rule.recoverable({**rule.defaults(), **own}) and rule.reduce is None


def _predictions(start: Options, ahead: float) -> list[Options]:
    """Return weight prediction's own variants over the base's first setting."""
    return [
        {**start, "s": ahead},
        {**start, "s": 1.0},
        {**start, "s": 4.0, "restore": False},
        {**start, "s": 1.0, "reading": "zero"},
        {**start, "s": 2.0, "reading": "repeat"},
        {**start, "s": ahead, "cache": False},
    ]


def switches(subject: Subject, options: Options) -> tuple[object, ...]:
    """Return what a kernel is compiled for: the switches, and which slots there are."""
    rule = declared(subject)
    given = {**rule.defaults(), **options, **subject.fixed}
    flags = tuple(sorted((n, v) for n, v in given.items() if isinstance(v, bool) and n not in WRAPPER))
    return (*flags, *(rule.present_slots(given) if issubclass(rule, Rule) else ()))


def _torch_alone(subject: Subject) -> Mapping[str, Value]:
    """Return the keywords of which torch's class computes one value."""
    described = info(subject.name).torch
    return described.only if described else {}
