"""What is verified, how thoroughly, and what one case found.

A check is a function of a `Subject` and an `Effort` that yields a `Finding` for each case, lazily, so that who looks
for one failure can stop at the first. The checks are `optbench.verify.checks.CHECKS`, the cheap ones first.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._reference import show_value
from optbench.optimizers._registry import Entry
from optbench.optimizers._rule import Declaration

if TYPE_CHECKING:
    from torch.optim import Optimizer

XGRAD = "xgrad+"
WRAPPER = ("s", "reading", "restore", "cache")
"""The keywords of weight prediction; all others belong to the optimizer that it wraps."""


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes:
        seed: of every random draw; the same seed tries the same cases.
        steps: of a trajectory beside the oracle.
        samples: random settings of the hyper-parameters, beside the stated variants.
        quick: fewer of everything that repeats: dtypes, sizes, epochs of training.
    """

    seed: int = 0
    steps: int = 24
    samples: int = 6
    quick: bool = False

    @classmethod
    def small(cls, seed: int = 0) -> "Effort":
        """Return what `--quick` runs."""
        return cls(seed=seed, steps=10, samples=1, quick=True)


@dataclass(frozen=True)
class Finding:
    """What one case found.

    Attributes:
        check: `oracle`, `executors`, `identities`, `contract`, `trains` or `state bytes`.
        case: what exactly was tried: "eager, eps_mode=paper, 24 steps".
        passed: whether it holds; True also where it was not run.
        worst: the largest difference seen, where there is one.
        bound: what it was held against.
        message: in one line what parted, at which step and in which quantity; or why it was not run.
        ran: False where it could not be tried here.
    """

    check: str
    case: str
    passed: bool
    worst: float | None = None
    bound: float | None = None
    message: str = ""
    ran: bool = True

    @classmethod
    def not_run(cls, check: str, case: str, why: str) -> "Finding":
        """Return the finding of a case that cannot be tried here."""
        return cls(check, case, True, message=why, ran=False)


@dataclass(frozen=True)
class Subject:
    """What is verified: a registered optimizer, one with a changed rule, or a third-party class.

    Attributes:
        name: the registered name, or an import path.
        oracle: the oracle that it is held against; None for a third-party class.
        build: build(params, impl="auto", xgrad=None, **options) makes one; `xgrad` holds the wrapper's options.
        rule: what declares its hyper-parameters and state; None for a third-party class.
        implementations: those to be checked.
        torch: the name of torch.optim's class that has the algorithm, or None.
        xgrad: the options of the weight prediction that wraps it; None where nothing does.
        fixed: hyper-parameters that every case keeps: those of the user's reference.
        instead: what of that reference is not tried as it stands, and what is; empty where all of it is.
    """

    name: str
    oracle: str | None
    build: Callable[..., "Optimizer"]
    rule: type[Declaration] | None
    implementations: tuple[str, ...]
    torch: str | None = None
    xgrad: Mapping[str, Value] | None = None
    fixed: Mapping[str, Value] = field(default_factory=dict)
    instead: str = ""

    @property
    def title(self) -> str:
        """Its name as a reference names it."""
        given = {**self.fixed, **(self.xgrad or {})}
        keys = "".join(f":{key}={show_value(value)}" for key, value in given.items())
        return f"{XGRAD if self.wrapped else ''}{self.name}{keys}"

    @property
    def wrapped(self) -> bool:
        """Whether weight prediction wraps it."""
        return self.xgrad is not None

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of its hyper-parameters."""
        return tuple(self.rule.hyperparameters) if self.rule else ()

    @property
    def own(self) -> tuple[str, ...]:
        """The implementations that run its rule."""
        return tuple(impl for impl in self.implementations if impl != "torch")

    def optimizer(self, params: Any, impl: str = "", **options: Any) -> "Optimizer":
        """Make one in an implementation (the first, if none is named); `xgrad` holds options of the wrapper."""
        wrapper = options.pop("xgrad", {})
        xgrad = None if self.xgrad is None else {**wrapper, **self.xgrad}
        impl = impl or (self.implementations[0] if self.implementations else "auto")
        return self.build(params, impl=impl, xgrad=xgrad, **{**options, **self.fixed})

    def seed(self, effort: Effort, *parts: object) -> int:
        """Return a seed of its own for a case: the same in every process."""
        return zlib.crc32(repr((self.name, effort.seed, *parts)).encode())


Check = Callable[[Subject, Effort], Iterator[Finding]]


def of_entry(entry: Entry, wrapper: Any = None) -> Subject:
    """Return the subject of an entry, a registered one or one whose declaration was replaced.

    Args:
        entry: what the registry knows of it.
        wrapper: the class that predicts weights; `XGrad` if None.
    """

    def build(params: Any, impl: str = "auto", xgrad: Mapping[str, Any] | None = None, **options: Any) -> "Optimizer":
        from optbench.optimizers import XGrad, _torch
        from optbench.optimizers._create import optimizer_class

        optimizer: Optimizer
        if impl == "torch" or entry.rule is None:
            checked = {**entry.declaration.defaults(), **entry.declaration.validate(options)}
            optimizer = _torch.build(entry, params, checked)
        else:
            optimizer = optimizer_class(entry)(params, impl=impl, **options)  # type: ignore[call-arg]
        made: Optimizer = optimizer if xgrad is None else (wrapper or XGrad)(optimizer, **xgrad)
        return made

    torch_class = entry.torch.name if entry.torch else None
    return Subject(entry.name, entry.name, build, entry.declaration, entry.implementations, torch_class)
