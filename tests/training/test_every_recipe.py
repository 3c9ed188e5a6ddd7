"""Every recipe resolves and trains: its model, sample shape and settings, over made-up data and in batches of 2."""

import math
from dataclasses import replace

import pytest

from optbench import datasets, plan, recipe
from optbench.session import Session, settings

NAMES = [name for name in recipe.names() if name not in recipe.aliases()]


@pytest.mark.parametrize("name", NAMES)
def test_every_arm_resolves(name: str) -> None:
    found = recipe.load(name)
    arms = plan.build(found, found.optims, None)
    assert len({arm.reference.canonical for arm in arms}) == len(arms)
    assert {spec.recipe for arm in arms for spec in arm.specs} == {found}
    for arm in arms:
        assert len(arm.specs) == found.seeds
        arm.specs[0].key()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_trains_two_iterations(name: str) -> None:
    found = recipe.load(name)
    parts = min(2, found.accumulation)
    small = replace(
        found, batch_size=2, accumulation=parts, reestimate_batch_norm=min(1, found.reestimate_batch_norm), epochs=1
    )
    reference = next((text for text in small.optims if "xgrad" in text), small.optims[0])
    (arm,) = plan.build(small, [reference], [], seeds=[0])
    # protocol paper trains on the one validation image too
    images = datasets.synthetic(small.data, size=3 if small.protocol == "paper" else 4)
    with settings(arm.specs[0], deterministic=False):
        session = Session(arm.specs[0], dataset=images)
        before = [p.detach().clone() for p in session.trained]
        losses = [float(session.iteration(batch)) for batch in session.batches(1)]
        assert len(losses) == session.steps == 2
        assert all(map(math.isfinite, losses))
        with session.real_weights():
            assert any(bool((p != old).any()) for p, old in zip(session.trained, before, strict=True))
        if small.reestimate_batch_norm:
            assert session.evaluate("test")
