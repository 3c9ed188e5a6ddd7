"""Every recipe resolves and trains: its model, sample shape and settings, over made-up data and in batches of 2.

Batches are of 2 images, 2 columns of text or 2 pairs of sentences; text has 1,000 different words.
"""

import math
from dataclasses import replace

import pytest

from optbench import datasets, plan, recipe
from optbench.session import Session, settings

WORDS = 1000

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


def cut(found: recipe.Recipe) -> recipe.Recipe:
    """The recipe in batches of 2, for one epoch; in fp32, since a CPU takes a hundred times longer over fp16."""
    return replace(
        found,
        precision="fp32",
        batch_size=2,
        accumulation=min(2, found.accumulation),
        reestimate_batch_norm=min(1, found.reestimate_batch_norm),
        epochs=1,
        task_options={**found.task_options, **({"batch_by": "sentences"} if found.task == "translation" else {})},
    )


def data_of(small: recipe.Recipe) -> datasets.AnyDataset:
    """As many made-up examples as two iterations take."""
    if small.task == "language_modeling":
        bptt, drawn = small.task_options["bptt"], small.task_options["variable_bptt"]
        assert isinstance(bptt, int)
        # two columns of two windows, the second one short, and the token that is predicted last
        size = 2 * (bptt + (bptt // 4 if drawn else 1) + 1)
    else:
        # protocol paper trains on the one validation image too
        size = 3 if small.protocol == "paper" and small.task == "classification" else 4
    vocabulary = None if small.task == "classification" else WORDS
    return datasets.synthetic(small.data, size=size, options=small.data_options, vocabulary=vocabulary)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_trains_two_iterations(name: str) -> None:
    small = cut(recipe.load(name))
    reference = next((text for text in small.optims if "xgrad" in text), small.optims[0])
    (arm,) = plan.build(small, [reference], [], seeds=[0])
    with settings(arm.specs[0], deterministic=False):
        session = Session(arm.specs[0], dataset=data_of(small))
        before = [p.detach().clone() for p in session.trained]
        losses = [float(session.iteration(batch)) for batch in session.batches(1)]
        assert len(losses) == session.steps == 2
        assert all(map(math.isfinite, losses))
        with session.real_weights():
            assert any(bool((p != old).any()) for p, old in zip(session.trained, before, strict=True))
        if small.reestimate_batch_norm:
            assert session.evaluate("test")
