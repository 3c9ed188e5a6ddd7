"""An algorithm as its publications and libraries have it: axes along which they differ, and who chose what."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optbench.verify.oracles._base import Oracle

Choice = dict[str, str]
"""A value for each axis."""


@dataclass(frozen=True)
class Axis:
    """A question that implementations answer differently.

    Attributes:
        name: the oracle's keyword for it.
        title: what a report calls it.
        values: the oracle's value -> what it means; the first is this library's reference.
    """

    name: str
    title: str
    values: Mapping[str, str]

    def only(self, *values: str) -> "Axis":
        """Return the axis with fewer values, the first of which is the reference."""
        return Axis(self.name, self.title, {value: self.values[value] for value in values})


@dataclass(frozen=True)
class Known:
    """A published variant: who computes it, and where it differs from the reference."""

    who: tuple[str, ...]
    differs: Mapping[str, str]


def known(who: str, **differs: str) -> Known:
    """Write down a published variant; semicolons separate those who compute it."""
    return Known(tuple(who.split("; ")), differs)


@dataclass(frozen=True)
class Algorithm:
    """One algorithm with all its variants.

    Attributes:
        names: the registered names that stand for it.
        oracle: the float64 transcription that takes the axes as keywords.
        axes: along which variants differ.
        known: published variants by name.
        settings: hyper-parameters of the experiment, passed to a class that has the keyword.
        defaults: what a hyper-parameter is where a class does not have it.
        whole: whether tensors may be joined into one vector: nothing is computed tensor by tensor.
        valid: which combinations make sense.
    """

    names: tuple[str, ...]
    oracle: type[Oracle]
    axes: tuple[Axis, ...]
    known: tuple[Known, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = True
    valid: Callable[[Choice], bool] = lambda choice: True

    @property
    def reference(self) -> Choice:
        """The variant that differs in nothing."""
        return {axis.name: next(iter(axis.values)) for axis in self.axes}

    def variants(self, decays: bool) -> Iterator[Choice]:
        """Yield every combination; without a weight decay only one of those that differ in it."""
        values = [tuple(axis.values) if decays or axis.name != "decay" else ("none",) for axis in self.axes]
        for combination in itertools.product(*values):
            choice = dict(zip((axis.name for axis in self.axes), combination, strict=True))
            if self.valid(choice):
                yield choice

    def who(self, choice: Choice, decays: bool) -> list[str]:
        """Return who is known to compute a variant; without a weight decay, whatever they do with one."""
        telling = [axis.name for axis in self.axes if decays or axis.name != "decay"]

        def same(one: Known) -> bool:
            theirs = {**self.reference, **one.differs}
            return all(theirs[name] == choice[name] for name in telling)

        return [who for one in self.known if same(one) for who in one.who]

    def describe(self, choice: Choice) -> list[tuple[str, str]]:
        """Return the axes with what a variant does on each."""
        return [(axis.title, axis.values.get(choice[axis.name], "none")) for axis in self.axes]
