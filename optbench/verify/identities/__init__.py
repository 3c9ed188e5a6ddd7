"""Check 3: identities that the papers state, or that follow from their equations in a line.

Each is a small function with the statement as its title and its source; it runs the optimizer and returns a difference
with its bound. None of them can hold for a wrong formula by construction: the right-hand side never comes from the
rule under test, but from a recurrence written out, from torch.optim, or from another optimizer.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace

from optbench.verify._subject import Effort, Finding, Subject
from optbench.verify.identities._common import Bench, Identity, table

NAME = "identities"


def identities() -> list[Identity]:
    """Return every identity, in the order of the modules."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return table()


def check(subject: Subject, effort: Effort) -> Iterator[Finding]:
    """Yield a finding for every identity of the optimizer, in every implementation."""
    if subject.oracle is None:
        yield Finding.not_run(NAME, "identities", "nothing is known of a third-party class")
        return
    # each identity states its own hyper-parameters, so those of the reference are left out
    subject = replace(subject, fixed={}, xgrad=None if subject.xgrad is None else {})
    own = [identity for identity in identities() if identity.concerns(subject)]
    if not own:
        yield Finding.not_run(NAME, "identities", "none is stated for it")
    for identity in own:
        for impl in identity.implementations(subject):
            worst, bound, where = identity.run(Bench(subject, impl, effort))
            case = f"{impl}, {identity.title} ({identity.source})"
            message = "" if worst <= bound else f"off by {worst:.1e} {where}".strip()
            yield Finding(NAME, case, not message, worst, bound, message)
