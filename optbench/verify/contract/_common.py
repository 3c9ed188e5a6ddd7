"""What a behaviour is, the case in which it is tried, and how two optimizers are compared bit by bit."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from optbench.optimizers._rule import Rule
from optbench.verify import _sampling
from optbench.verify._beside import problem_for
from optbench.verify._problem import Problem
from optbench.verify._subject import Effort, Subject

Parameters = list[torch.nn.Parameter]

WARM = 12
"""Steps after which any optimizer has moved: RAdam's authors make no step while the variance is intractable."""


class Broken(Exception):
    """The behaviour does not hold; the message says what parted."""


class NotApplicable(Exception):
    """The behaviour cannot be tried on this optimizer; the message says why."""


def require(holds: bool, message: str) -> None:
    """Raise Broken with the message unless it holds."""
    if not holds:
        raise Broken(message)


@dataclass(frozen=True)
class Case:
    """An optimizer in one implementation, made afresh as often as needed.

    Attributes:
        subject: what is verified.
        impl: the implementation; empty for a third-party class.
        effort: gives the seed.
    """

    subject: Subject
    impl: str
    effort: Effort

    @property
    def has_rule(self) -> bool:
        """Whether one of optbench's own executors runs it."""
        rule = self.subject.rule
        return rule is not None and issubclass(rule, Rule) and self.impl != "torch"

    def options(self) -> dict[str, Any]:
        """Return hyper-parameters whose every term shows; a third-party class keeps its own defaults."""
        chosen = _sampling.base(self.subject.rule) if self.subject.rule else {}
        if "warm_steps" in chosen:
            chosen["warm_steps"] = 2
        return chosen

    def problem(self, dtype: torch.dtype = torch.float32, **keywords: Any) -> Problem:
        """Return contiguous parameters in two groups, with some gradients missing."""
        seed = self.subject.seed(self.effort, "contract")
        return problem_for(self.subject, **{"seed": seed, "dtype": dtype, "gaps": False, **keywords})

    def build(self, params: Any, **options: Any) -> Any:
        """Make the optimizer over parameters or groups."""
        return self.subject.optimizer(params, self.impl, **{**self.options(), **options})

    def pair(self, problem: Problem) -> tuple[Parameters, Any]:
        """Return parameters of the problem and an optimizer over them, in two groups with learning rates apart."""
        parameters = problem.parameters()
        groups = problem.groups(parameters)
        optimizer = self.build(groups)
        for group in optimizer.param_groups[1:]:
            group["lr"] = 0.5 * group["lr"]
        return parameters, optimizer


def take(optimizer: Any, parameters: Parameters, problem: Problem, steps: Iterable[int]) -> None:
    """Take some of the problem's steps."""
    for step in steps:
        problem.give(parameters, step, plain=True)
        optimizer.step()


def through_file(value: Any) -> Any:
    """Return what torch.save and torch.load(weights_only=True) make of a value."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@torch.no_grad()
def copy_into(parameters: Parameters, values: Iterable[torch.Tensor]) -> None:
    """Overwrite the parameters."""
    for p, value in zip(parameters, values, strict=True):
        p.copy_(value)


def values(parameters: Parameters) -> list[torch.Tensor]:
    """Return detached copies."""
    return [p.detach().clone() for p in parameters]


def parted(left: Any, right: Any, path: str = "") -> str:
    """Return where two structures differ, bitwise for tensors; empty where they do not."""
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return "" if _same_bits(left, right) else path or "tensor"
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            return f"{path}: keys {sorted(map(str, left.keys() ^ right.keys()))}"
        found = (parted(left[key], right[key], f"{path}[{key!r}]") for key in left)
        return next((f for f in found if f), "")
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) != len(right):
            return f"{path}: length {len(left)} and {len(right)}"
        found = (parted(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(left, right, strict=True)))
        return next((f for f in found if f), "")
    if type(left) is type(right) and hasattr(left, "__dict__"):
        return parted(vars(left), vars(right), path)
    return "" if left == right or (left != left and right != right) else f"{path} ({left} and {right})"


def _same_bits(left: torch.Tensor, right: torch.Tensor) -> bool:
    if left.dtype != right.dtype or left.shape != right.shape or left.device != right.device:
        return False
    bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[left.element_size()]
    a, b = (x.detach().contiguous().view(-1).view(bits) for x in (left, right))
    return torch.equal(a, b)


Run = Callable[[Case], tuple[float, float] | None]


@dataclass(frozen=True)
class Behaviour:
    """Something that every optimizer does, or refrains from.

    Attributes:
        title: the statement.
        run: tries it; returns the largest difference and its bound where there is one, raises Broken.
        promised: whether only optbench's own optimizers promise it.
        of_rules: whether only those that an executor runs do.
        in_torch: whether, of those, only the ones that torch.optim has a class for do.
        wrapped: whether only weight prediction does.
    """

    title: str
    run: Run
    promised: bool = False
    of_rules: bool = False
    in_torch: bool = False
    wrapped: bool = False

    def concerns(self, subject: Subject, impl: str) -> bool:
        """Tell whether the behaviour is asked of an implementation."""
        known = subject.oracle is not None
        by_executor = known and subject.rule is not None and issubclass(subject.rule, Rule) and impl != "torch"
        in_torch = by_executor and subject.torch is not None and not subject.wrapped
        asked = (
            not self.promised or known,
            not self.of_rules or by_executor,
            not self.in_torch or in_torch,
            not self.wrapped or subject.wrapped,
        )
        return all(asked)


_TABLE: list[Behaviour] = []


def table() -> list[Behaviour]:
    """Return the behaviours that are registered so far."""
    return _TABLE


def behaviour(title: str, **kind: bool) -> Callable[[Run], Run]:
    """Register a behaviour under its statement; `kind` is of Behaviour's switches."""

    def decorate(run: Run) -> Run:
        _TABLE.append(Behaviour(title, run, **kind))
        return run

    return decorate
