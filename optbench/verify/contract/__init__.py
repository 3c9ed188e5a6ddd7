"""Check 4: the optimizer behaves as those of torch.optim do.

Each behaviour is a function with its statement as its title; it raises `Broken` with what parted. A third-party class
is held to the same behaviours at its own defaults, except where a behaviour is marked as a promise of optbench's own.
"""

import importlib
import pkgutil
from collections.abc import Iterator

from optbench.errors import OptbenchError
from optbench.verify._subject import Effort, Finding, Subject
from optbench.verify.contract._common import Behaviour, Broken, Case, NotApplicable, table

NAME = "contract"


def behaviours() -> list[Behaviour]:
    """Return every behaviour, in the order of the modules."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return table()


def check(subject: Subject, effort: Effort) -> Iterator[Finding]:
    """Yield a finding for every behaviour, in every implementation."""
    for impl in subject.implementations or ("",):
        for behaviour in behaviours():
            if behaviour.concerns(subject, impl):
                yield _held(behaviour, Case(subject, impl, effort))


def _held(behaviour: Behaviour, case: Case) -> Finding:
    text = f"{case.impl}, {behaviour.title}" if case.impl else behaviour.title
    try:
        worst, bound = behaviour.run(case) or (None, None)
    except NotApplicable as reason:
        return Finding.not_run(NAME, text, str(reason))
    except Broken as broken:
        return Finding(NAME, text, False, message=str(broken))
    except OptbenchError as error:
        return Finding(NAME, text, False, message=str(error))
    except Exception as error:  # any code of a third party runs here; what it raises is what was found
        return Finding(NAME, text, False, message=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return Finding(NAME, text, True, worst, bound)
