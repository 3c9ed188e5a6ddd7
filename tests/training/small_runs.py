"""Small runs for the tests of training's features."""

import dataclasses

from optbench import plan, recipe
from optbench.session import Session

SMALL = recipe.load("digits-cnn").override(epochs=3, batch_size=200)  # 6 iterations an epoch, the last of 197 images


def spec_of(reference: str, seed: int = 0, **changes: object) -> plan.RunSpec:
    """A run of a small recipe, some of whose settings are other ones."""
    changed = dataclasses.replace(SMALL, **changes)  # type: ignore[arg-type]
    return plan.build(changed, [reference], [], seeds=[seed])[0].specs[0]


def make(reference: str, **changes: object) -> Session:
    """Return a session of such a run."""
    return Session(spec_of(reference, **changes))
