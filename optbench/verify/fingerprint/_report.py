"""Which published variant an optimizer is, in words and as JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A combination of answers.

    Attributes:
        choice: the value on each axis.
        described: (axis, what it does) in words.
        who: the publications and libraries that compute it.
    """

    choice: Mapping[str, str]
    described: tuple[tuple[str, str], ...]
    who: tuple[str, ...]


@dataclass(frozen=True)
class FingerprintReport:
    """What the comparison with every variant found.

    Attributes:
        subject: the class that was tried.
        algorithm: whose variants it was held against.
        tried: how many variants there are.
        hyperparameters: those of the experiment.
        variants: those that it is (more than one where they cannot be told apart), or the nearest one.
        identified: whether it is one of them.
        precision: in which it agrees: float64, or float32 where it rounds to that on the way.
        worst: the largest difference of a move from the first of `variants`, in units of the weight.
        share: of all moves (steps times elements), those that agree.
        parting: where it parts from the nearest variant; empty where it is one.
        states: which of its state tensors agree with the nearest variant's quantities.
    """

    subject: str
    algorithm: str
    tried: int
    hyperparameters: Mapping[str, Any]
    variants: tuple[Variant, ...]
    identified: bool
    precision: str
    worst: float
    share: float
    parting: str
    states: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it is a published variant."""
        return self.identified

    @property
    def variant(self) -> Variant:
        """The variant that it is, or the nearest."""
        return self.variants[0]

    @property
    def who(self) -> tuple[str, ...]:
        """Who computes the same."""
        return tuple(dict.fromkeys(who for variant in self.variants for who in variant.who))

    @property
    def axes(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return each axis with what the optimizer does on it: more than one answer where the experiment is blind."""
        told: dict[str, dict[str, None]] = {}
        for variant in self.variants:
            for axis, what in variant.described:
                told.setdefault(axis, {})[what] = None
        return tuple((axis, tuple(what)) for axis, what in told.items())

    @property
    def lines(self) -> list[str]:
        """Return the report in lines."""
        width = max(len(axis) for axis, _ in self.axes)
        lines = [self._verdict()]
        lines += [f"  {axis:<{width}}  {' | '.join(what)}" for axis, what in self.axes]
        if self.who:
            lines.append(f"computed by: {'; '.join(self.who)}")
        if self.identified:
            return [
                *lines,
                f"they agree in {self.precision}: no move differs by more than {self.worst:.1e} of its weight",
            ]
        return [*lines, f"{self.share:.1%} of all moves agree; they part at {self.parting}", *self.states]

    def _verdict(self) -> str:
        if not self.identified:
            return f"{self.subject} is none of {self.tried} variants of {self.algorithm}; the nearest:"
        return f"{self.subject} is a variant of {self.algorithm}" + ("" if self.who else " under no known name") + ":"

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "schema": "optbench.fingerprint/1",
            "subject": self.subject,
            "algorithm": self.algorithm,
            "identified": self.identified,
            "tried": self.tried,
            "hyperparameters": dict(self.hyperparameters),
            "variants": [dict(v.choice) for v in self.variants],
            "axes": {axis: list(what) for axis, what in self.axes},
            "computed_by": list(self.who),
            "precision": self.precision,
            "worst": self.worst if math.isfinite(self.worst) else None,
            "share_of_moves": self.share,
            "parting": self.parting,
            "states": list(self.states),
        }
