"""Small runs for the tests of training's features."""

import dataclasses

from optbench import plan, recipe
from optbench.results import RunResult
from optbench.session import Session

SMALL = recipe.load("digits-cnn").override(epochs=3, batch_size=200)  # 6 iterations an epoch, the last of 197 images


def spec_of(reference: str, seed: int = 0, **changes: object) -> plan.RunSpec:
    """A run of a small recipe, some of whose settings are other ones."""
    changed = dataclasses.replace(SMALL, **changes)  # type: ignore[arg-type]
    return plan.build(changed, [reference], [], seeds=[seed])[0].specs[0]


def make(reference: str, **changes: object) -> Session:
    """Return a session of such a run."""
    return Session(spec_of(reference, **changes))


def figures(result: RunResult) -> tuple[object, ...]:
    """Return what must be the same of two runs that are the same."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]
    return result.status, result.message, result.metrics, rows, result.weights_sha256
