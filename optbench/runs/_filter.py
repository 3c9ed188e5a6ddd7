"""Which of the stored runs are meant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

from optbench.errors import OptbenchError
from optbench.runs._stored import Stored, StoredCost

One = TypeVar("One", bound=Stored | StoredCost)


@dataclass(frozen=True)
class Filter:
    """Which runs are meant: those for which everything holds that is given.

    Attributes:
        recipes, optims: shell patterns, one of which must match; `optims` may match the reference as it was written,
            the canonical one, or the name without options.
        statuses: of `RUN_STATUSES`; `seeds`: the seeds.
        older_than, newer_than: seconds since the run was last written to.
        unfinished: runs without a result alone, those at work included.
        current: made by this version of optbench, or (False) by another.
        now: what ages are counted from, in seconds since 1970.
    """

    recipes: tuple[str, ...] = ()
    optims: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    older_than: float | None = None
    newer_than: float | None = None
    unfinished: bool = False
    current: bool | None = None
    now: float = 0.0

    def __call__(self, run: Stored) -> bool:
        """Tell whether a run is meant."""
        return (
            _matches([run.recipe_name], self.recipes)
            and (not self.statuses or run.status in self.statuses)
            and (not self.seeds or run.seed in self.seeds)
            and (not self.unfinished or run.status in ("running", "unfinished", "damaged"))
            and (self.current is None or run.current == self.current)
            and self.takes(run)
        )

    def takes(self, one: Stored | StoredCost) -> bool:
        """Tell whether optimizers and age are as wanted: what runs and measurements both have."""
        age = self.now - one.modified
        return (
            _matches(one.names, self.optims)
            and (self.older_than is None or age >= self.older_than)
            and (self.newer_than is None or age <= self.newer_than)
        )


def select(runs: Iterable[Stored], wanted: Filter) -> list[Stored]:
    """Return the runs that a filter means, in their order."""
    return [run for run in runs if wanted(run)]


def find(among: Iterable[One], prefix: str) -> One:
    """Return the one whose key begins so.

    Raises:
        OptbenchError: where none or several do.
    """
    found = [one for one in among if one.key.startswith(prefix.lower())] if prefix else []
    if not found:
        raise OptbenchError(f"no stored key begins with '{prefix}'", "see 'optbench runs list'")
    if len(found) > 1:
        raise OptbenchError(f"{len(found)} stored keys begin with '{prefix}'", "give more digits")
    return found[0]


def _matches(texts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Tell whether a text matches one of the shell patterns; without patterns everything does."""
    return not patterns or any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)
