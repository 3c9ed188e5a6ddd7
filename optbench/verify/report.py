"""What `optbench verify` found: a table, a line for each failure and for each thing that was not run, and JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optbench.verify._subject import Finding

SCHEMA = "optbench.verify/1"
CHECKS = ("oracle", "executors", "identities", "contract", "trains", "state bytes")
"""In the order of the table."""


@dataclass(frozen=True)
class Verified:
    """One optimizer with everything that was found about it.

    Attributes:
        optimizer: its reference.
        findings: of all checks.
        seconds: that they took.
    """

    optimizer: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether everything that was run holds."""
        return all(finding.passed for finding in self.findings)

    def of(self, check: str) -> list[Finding]:
        """Return the findings of one check."""
        return [finding for finding in self.findings if finding.check == check]


@dataclass(frozen=True)
class VerifyReport:
    """All of them, in the order in which they were named.

    Attributes:
        optimizers: what was verified.
        settings: seed and effort, for the JSON.
        environment: versions and machine, for the JSON.
        seconds: that everything took together.
    """

    optimizers: tuple[Verified, ...]
    settings: dict[str, Any]
    environment: dict[str, Any]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether everything that was run holds."""
        return all(one.passed for one in self.optimizers)

    def to_dict(self) -> dict[str, Any]:
        """Return the document of the schema `optbench.verify/1`, JSON-ready."""
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            **self.settings,
            "seconds": round(self.seconds, 3),
            "environment": self.environment,
            "optimizers": [_document(one) for one in self.optimizers],
        }

    def render(self, *, colour: bool = False) -> str:
        """Return the table and what belongs under it, with a final newline."""
        from tabulate import tabulate

        heading = ("optimizer", "check", "cases", "largest difference", "bound", "result")
        align = ("left", "left", "right", "right", "right", "left")
        rows = [row for one in self.optimizers for row in _rows(one, colour)]
        table = tabulate(rows, heading, tablefmt="simple", disable_numparse=True, colalign=align)
        notes = [*self._varied(), *self._failures(colour), *self._not_run(), self._total()]
        return "\n".join(line.rstrip() for line in table.splitlines()) + "\n\n" + "\n".join(notes) + "\n"

    def _varied(self) -> list[str]:
        """Return which variants the oracle saw, where few enough optimizers were named to read it."""
        if len(self.optimizers) > 3:
            return []
        lines = []
        for one in self.optimizers:
            words = [w for f in one.of("oracle") if f.ran for w in _options_in(f.case)]
            if words:
                lines.append(f"{one.optimizer}: the oracle varied {', '.join(dict.fromkeys(words))}")
        return lines

    def _failures(self, colour: bool) -> list[str]:
        head = _painted("FAILED", "31", colour)
        return [
            f"{head} {one.optimizer}, {f.check}: {f.case}: {f.message}"
            for one in self.optimizers
            for f in one.findings
            if not f.passed
        ]

    def _not_run(self) -> list[str]:
        """Return what was not run and why, optimizers with the same reason together."""
        reasons: dict[tuple[str, str, str], list[str]] = {}
        for one in self.optimizers:
            for f in one.findings:
                if not f.ran:
                    reasons.setdefault((f.check, f.case, f.message), []).append(one.optimizer)
        return [
            f"not run: {check}, {case}: {why} ({_listed(names, len(self.optimizers))})"
            for (check, case, why), names in reasons.items()
        ]

    def _total(self) -> str:
        findings = [f for one in self.optimizers for f in one.findings if f.ran]
        failed = [f for f in findings if not f.passed]
        many = f"{len(self.optimizers)} {'optimizer' if len(self.optimizers) == 1 else 'optimizers'}"
        outcome = f"{len(failed)} of them failed" if failed else "all hold"
        return f"{many}, {len(findings):,} cases in {self.seconds:.0f} s: {outcome}"


def summary(findings: Sequence[Finding]) -> tuple[float | None, float | None]:
    """Return the difference that came nearest to its bound, and that bound; None where nothing was measured."""
    measured = [f for f in findings if f.ran and f.worst is not None and f.bound is not None]
    nearest = max(measured, key=_strain, default=None)
    return (nearest.worst, nearest.bound) if nearest else (None, None)


def _strain(finding: Finding) -> tuple[float, float]:
    worst, bound = finding.worst or 0.0, finding.bound or 0.0
    if math.isnan(worst):
        worst = math.inf
    return (worst / bound if bound else (math.inf if worst else 0.0)), bound


def _rows(one: Verified, colour: bool) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for check in CHECKS:
        if not (findings := one.of(check)):
            continue
        ran = [f for f in findings if f.ran]
        failed = [f for f in ran if not f.passed]
        result = _painted(f"{len(failed)} failed", "31", colour) if failed else "ok" if ran else "not run"
        name = one.optimizer if not rows else ""
        rows.append((name, check, str(len(ran)), *map(_short, summary(ran)), result))
    return rows


def _document(one: Verified) -> dict[str, Any]:
    checks = {}
    for check in CHECKS:
        findings = one.of(check)
        ran = [f for f in findings if f.ran]
        worst, bound = summary(ran)
        checks[check] = {
            "passed": all(f.passed for f in ran) if ran else None,
            "cases": len(ran),
            "failed": sum(not f.passed for f in ran),
            "not_run": len(findings) - len(ran),
            "worst": _number(worst),
            "bound": _number(bound),
        }
    findings_ = [{**vars(f), "worst": _number(f.worst), "bound": _number(f.bound)} for f in one.findings]
    document = {"optimizer": one.optimizer, "passed": one.passed, "seconds": round(one.seconds, 3)}
    return {**document, "checks": checks, "findings": findings_}


def _number(value: float | None) -> float | None:
    """Return a number that JSON has; a failure's message tells of infinity and NaN."""
    return value if value is not None and math.isfinite(value) else None


def _short(value: float | None) -> str:
    return "" if value is None else "0" if value == 0 else f"{value:.1e}"


def _options_in(case: str) -> list[str]:
    """Return the hyper-parameters that a case of the oracle names; of numbers only which they were."""
    words = [word for word in case.partition(", ")[2].split(", ")[0].split() if "=" in word]
    return [w if w.partition("=")[2].isalpha() else w.partition("=")[0] for w in words]


def _listed(names: Sequence[str], total: int) -> str:
    if total > 1 and len(names) == total:
        return f"all {total}"
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
