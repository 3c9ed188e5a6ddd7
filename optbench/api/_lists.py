"""What there is, and whether it is right: `list_optimizers`, `list_recipes` and `check`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optbench.api._references import Named, texts

if TYPE_CHECKING:
    from optbench.verify.report import VerifyReport


def list_optimizers(pattern: str = "*") -> list[str]:
    """Return the sorted names of the registered optimizers that match a shell pattern, such as ``"ada*"``."""
    import fnmatch

    from optbench import optimizers

    return [name for name in optimizers.names() if fnmatch.fnmatchcase(name, pattern)]


def list_recipes(pattern: str = "*") -> list[str]:
    """Return the sorted names of optbench's own recipes that match a shell pattern, such as ``"xgrad/*"``."""
    import fnmatch

    from optbench import recipe

    return [name for name in recipe.names() if fnmatch.fnmatchcase(name, pattern)]


def check(
    optims: Named | Sequence[Named] = (), *, quick: bool = False, jobs: int | None = None, seed: int = 0
) -> "VerifyReport":
    """Verify optimizers as `optbench verify` does; `print(report.render())` shows what was found.

    Args:
        optims: references, classes, or pairs of either and a dict of options; none means every registered optimizer.
        quick: fewer steps and settings, no training.
        jobs: processes side by side; None means one a core.
        seed: of every random draw.

    Returns:
        The report; its `passed` says whether everything holds.

    Raises:
        OptbenchError: for an optimizer that cannot be made.
    """
    from optbench import optimizers
    from optbench.verify import runner
    from optbench.verify._subject import Effort

    references = [optimizers.parse(text) for text in texts(optims)]
    effort = Effort.small(seed) if quick else Effort(seed=seed)
    return runner.run(references, effort, jobs or runner.default_jobs(), None)
