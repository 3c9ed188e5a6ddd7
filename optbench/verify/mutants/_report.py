"""What became of the mutants: verdicts, counts for a table, and JSON."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from optbench.verify.mutants._mutant import Mutant

CAUGHT, MISSED, EQUIVALENT = "caught", "missed", "equivalent"
PLANTED, GENERATED = "planted", "generated"

ENOUGH = 0.95
"""The share of generated mutants, equivalents aside, that must be caught. Of those planted by hand, all."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        mutant: the fault.
        outcome: `caught`, `missed` or `equivalent`.
        why: the finding that caught it, or why nothing can.
    """

    mutant: Mutant
    outcome: str
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        mutant = self.mutant
        fault = {"origin": mutant.origin, "place": mutant.place, "description": mutant.description}
        return {"optimizer": mutant.reference, **fault, "outcome": self.outcome, "why": self.why}


@dataclass(frozen=True)
class MutantReport:
    """All verdicts: those planted by hand first, then the generated ones, optimizer by optimizer."""

    verdicts: tuple[Verdict, ...]

    def count(self, outcome: str, origin: str | None = None, optimizer: str | None = None) -> int:
        """Return how many mutants had an outcome, of one origin and of one optimizer where they are given."""
        return sum(
            v.outcome == outcome and origin in (None, v.mutant.origin) and optimizer in (None, v.mutant.optimizer)
            for v in self.verdicts
        )

    def share(self, origin: str) -> float:
        """Return the share of an origin's mutants that were caught, equivalents aside; 1 where there are none."""
        caught, missed = self.count(CAUGHT, origin), self.count(MISSED, origin)
        return caught / (caught + missed) if caught + missed else 1.0

    @property
    def passed(self) -> bool:
        """Whether the verifier is worth trusting: all planted faults caught, and nearly all generated ones."""
        planted_missed = sum(v.outcome != CAUGHT and v.mutant.origin == PLANTED for v in self.verdicts)
        return not planted_missed and self.share(GENERATED) >= ENOUGH

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return a table row for every optimizer, and one for all."""
        names = list(dict.fromkeys(sorted(v.mutant.optimizer for v in self.verdicts)))
        return [self._row(name, name) for name in names] + [self._row("all", None)]

    def _row(self, title: str, optimizer: str | None) -> dict[str, Any]:
        row: dict[str, Any] = {"optimizer": title}
        for origin in (PLANTED, GENERATED):
            for outcome in (CAUGHT, MISSED, EQUIVALENT):
                row[f"{origin} {outcome}"] = self.count(outcome, origin, optimizer)
        return row

    @property
    def missed(self) -> list[Verdict]:
        """Return what the verifier did not see, and planted faults that turned out to be none."""
        wrong = [v for v in self.verdicts if v.mutant.origin == PLANTED and v.outcome == EQUIVALENT]
        return [v for v in self.verdicts if v.outcome == MISSED] + wrong

    @property
    def lines(self) -> list[str]:
        """Return the outcome in words: the totals, which check caught how many, and each mutant that was missed."""
        by = Counter(v.why.split(":")[0] for v in self.verdicts if v.outcome == CAUGHT)
        told = [self._total(PLANTED, "planted by hand"), self._total(GENERATED, "generated")]
        told.append("caught by " + ", ".join(f"{check} {count}" for check, count in by.most_common()))
        for v in self.missed:
            told.append(f"{v.outcome}: {v.mutant.place} {v.mutant.reference}: {v.mutant.description}")
        return told

    def _total(self, origin: str, title: str) -> str:
        caught, missed, equivalent = (self.count(o, origin) for o in (CAUGHT, MISSED, EQUIVALENT))
        aside = f", {equivalent} equivalent aside" if equivalent else ""
        return f"{title}: {caught} of {caught + missed} caught ({self.share(origin):.1%}){aside}"

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "schema": "optbench.mutants/1",
            "passed": self.passed,
            "planted_share": self.share(PLANTED),
            "generated_share": self.share(GENERATED),
            "optimizers": self.rows,
            "mutants": [v.to_dict() for v in self.verdicts],
        }
