"""How a fault planted by hand is written down, and the mutants made from it."""

from collections.abc import Iterable
from dataclasses import dataclass

from optbench.optimizers import info
from optbench.verify.mutants._mutant import Mutant, Twin, home, text_of


def lines(*statements: str) -> str:
    """Return consecutive statements of a function's body as they stand in its source."""
    return "\n    ".join(statements)


@dataclass(frozen=True, init=False)
class Fault:
    """A mistake as somebody makes it.

    Attributes:
        reference: the optimizer whose verification must fail; `xgrad+` in front for faults of weight prediction.
        mistake: what is wrong, in words.
        edits: (function, what stands there exactly once, what the mistake writes instead).
        module: the module that holds the functions; empty for the optimizer's own rule.
    """

    reference: str
    mistake: str
    edits: tuple[tuple[str, str, str], ...]
    module: str

    def __init__(self, reference: str, mistake: str, *edits: tuple[str, str, str], module: str = "") -> None:
        for name, value in {"reference": reference, "mistake": mistake, "edits": edits, "module": module}.items():
            object.__setattr__(self, name, value)

    def mutant(self) -> Mutant:
        """Return the mutant; an edit whose text is not there exactly once is our mistake."""
        sources: dict[tuple[str, str], str] = {}
        line = 0
        for function, old, new in self.edits:
            place = self._home(function)
            text, first = text_of(*place)
            source = sources.get(place, text)
            assert source.count(old) == 1, f"{self.reference}, {self.mistake}: '{old}' stands {source.count(old)} times"
            line = line or first + text[: text.index(old)].count("\n")
            sources[place] = source.replace(old, new)
        twins = tuple(Twin(module, function, source) for (module, function), source in sources.items())
        name, engine = f"{self.reference}: {self.mistake}", bool(self.module)
        return Mutant(name, self.reference, self.mistake, twins, line, "planted", engine)

    def _home(self, function: str) -> tuple[str, str]:
        if self.module:
            return self.module, function
        rule = info(self.reference).rule
        assert rule is not None
        return home(rule, function)


def mutants_of(faults: Iterable[Fault]) -> list[Mutant]:
    """Return the mutants of faults, in their order."""
    return [fault.mutant() for fault in faults]
