"""Check 2: every executor computes the same step from the same rule, in every dtype.

All are held against the eager executor in float64, whose weights are rounded to the dtype after every step as storage
does; so what is left is the arithmetic of the step itself. The bound follows from the dtype: each step rounds the
weights, and a direction computed in the state's type has some dozens of roundings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from optbench.optimizers import executor_of
from optbench.optimizers._executors import _cuda_support
from optbench.optimizers._executors._program import compute_dtype
from optbench.optimizers._rule import Rule
from optbench.verify import _sampling
from optbench.verify._beside import problem_for, threads
from optbench.verify._cases import ahead, predicts_in_passing
from optbench.verify._problem import Array, Problem, array, distance, largest, learning_rates
from optbench.verify._subject import Effort, Finding, Subject

NAME = "executors"
STEPS = 9
LARGE = 20_000
"""Elements of the large tensor: two chunks of the cpu executor, twenty blocks of the cuda executor."""
PARALLEL = 40_000
"""Elements for which the cpu executor takes more than one thread."""
ROUNDINGS = 64
"""Of a direction computed in the state's type, in units of its last place."""
DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class _Place:
    """Where an implementation runs: its name in the report, the value of `impl`, and the device."""

    name: str
    impl: str
    device: str = "cpu"


def check(subject: Subject, effort: Effort) -> Iterator[Finding]:
    """Yield a finding for every executor and dtype."""
    if subject.rule is None or not issubclass(subject.rule, Rule):
        why = "a third-party class has one implementation" if subject.rule is None else "torch's class alone runs it"
        yield Finding.not_run(NAME, "agreement", why)
        return
    options = _options(subject)
    for dtype in ("float64", "float32", "bfloat16"):
        problem = problem_for(subject, seed=subject.seed(effort, dtype), steps=STEPS, dtype=DTYPES[dtype], large=LARGE)
        references: dict[str, _Run] = {}
        for place in _places(subject, dtype):
            reference = references.setdefault(place.device, _reference(subject, options, problem, dtype))
            yield _held(subject, place, options, problem, dtype, reference)
    if "cpu" in subject.implementations and predicts_in_passing(subject):
        yield _threads_agree(subject, options, effort)
    yield from _without_cuda(subject)


def _options(subject: Subject) -> dict[str, Any]:
    assert subject.rule is not None
    options = _sampling.base(subject.rule)
    if subject.wrapped:
        options["xgrad"] = {"s": ahead(subject)}
    return options


def _places(subject: Subject, dtype: str) -> Iterator[_Place]:
    """Yield the implementations that have a dtype; `eager` in float64 is the reference itself."""
    if dtype != "float64":
        yield _Place("eager", "eager")
    if not predicts_in_passing(subject):  # the other readings are left to the eager executor
        return
    if "cpu" in subject.implementations and dtype != "bfloat16":
        yield _Place("cpu", "cpu")
    # torch's class: in float64 the oracle has it already, in bfloat16 it keeps the state in bfloat16 too
    if "torch" in subject.implementations and dtype == "float32":
        yield _Place("torch", "torch")
    if _cuda_support.missing() is None and "cpu" in subject.implementations:
        if torch.cuda.is_available():
            yield _Place("cuda", "cuda", "cuda")
        else:
            yield _Place("cuda (interpreter)", "cuda")


def _without_cuda(subject: Subject) -> Iterator[Finding]:
    if (missing := _cuda_support.missing()) is not None:
        yield Finding.not_run(NAME, "cuda", f"{missing[0].removeprefix('impl=cuda').lstrip(': ')}; {missing[1]}")


@dataclass(frozen=True)
class _Run:
    """A trajectory: the weights after each step, and how far they may be off by then."""

    weights: list[list[Array]]
    bounds: list[float]


def _reference(subject: Subject, options: dict[str, Any], problem: Problem, dtype: str) -> _Run:
    """Step the eager executor in float64, rounding the weights to the dtype after every step."""
    parameters = problem.parameters(torch.float64)
    optimizer = subject.optimizer(problem.groups(parameters), "eager", **options)
    spacing = torch.finfo(DTYPES[dtype]).eps
    working = torch.finfo(compute_dtype(DTYPES[dtype])).eps
    weights, bounds = [[array(p) for p in parameters]], [0.0]
    travelled = 0.0
    further = 1 + options.get("xgrad", {}).get("s", 0.0)
    for step in range(problem.steps):
        _step(optimizer, options["lr"], parameters, problem, step)
        _round(optimizer, parameters, DTYPES[dtype])
        weights.append([array(p) for p in parameters])
        travelled += distance(weights[-1], weights[-2])
        # In its own type each step adds two roundings; stored in a narrower one, a weight is one place off at most
        # where the two fall on different sides of a tie.
        roundings = 2 * (step + 1) if spacing == working else 2
        stored = roundings * spacing * max(map(largest, weights))
        bounds.append(further * (stored + ROUNDINGS * working * travelled))
    return _Run(weights[1:], bounds[1:])


def _step(optimizer: Any, lr: float, parameters: Any, problem: Problem, step: int, plain: bool = False) -> None:
    for group, rate in zip(optimizer.param_groups, learning_rates(lr, step // 4), strict=True):
        group["lr"] = rate
    problem.give(parameters, step, plain)
    optimizer.step()


@torch.no_grad()
def _round(optimizer: Any, parameters: list[torch.nn.Parameter], dtype: torch.dtype) -> None:
    """Round what is stored in the parameters' own type: the weights, and theta kept beside phi."""
    for p in parameters:
        p.copy_(p.to(dtype))
        if "swap" in (state := optimizer.state.get(p, {})):
            state["swap"].copy_(state["swap"].to(dtype))


def _held(
    subject: Subject, place: _Place, options: dict[str, Any], problem: Problem, dtype: str, reference: _Run
) -> Finding:
    """Hold an executor against the reference, step by step."""
    parameters = problem.parameters(device=place.device)
    optimizer = subject.optimizer(problem.groups(parameters), place.impl, **options)
    worst, bound, message = 0.0, reference.bounds[-1], ""
    for step, (expected, allowed) in enumerate(zip(reference.weights, reference.bounds, strict=True)):
        _step(optimizer, options["lr"], parameters, problem, step, place.impl == "torch")
        difference = distance([array(p) for p in parameters], expected)
        worst = max(worst, difference)
        if not difference <= allowed:
            bound = allowed
            message = f"weights differ from eager's float64 by {difference:.1e} (bound {allowed:.1e}), step {step + 1}"
            break
    if not message and place.impl not in executor_of(optimizer).split("+"):
        message = f"{executor_of(optimizer)} ran in its place"
    return Finding(NAME, f"{place.name}, {dtype}, {problem.steps} steps", not message, worst, bound, message)


def _threads_agree(subject: Subject, options: dict[str, Any], effort: Effort) -> Finding:
    """The cpu executor gives the same bits on one thread and on three."""
    finals = []
    problem = problem_for(subject, seed=subject.seed(effort, "threads"), steps=3, dtype=torch.float32, large=PARALLEL)
    for count in (1, 3):
        with threads(count):
            parameters = problem.parameters()
            optimizer = subject.optimizer(problem.groups(parameters), "cpu", **options)
            for step in range(problem.steps):
                _step(optimizer, options["lr"], parameters, problem, step)
            finals.append([array(p) for p in parameters])
    worst = distance(*finals)
    message = "" if worst == 0 else f"weights differ by {worst:.1e} after {problem.steps} steps"
    return Finding(NAME, "cpu, 1 and 3 threads, bitwise", worst == 0, worst, 0.0, message)
