"""Aiming a prediction again: phi for another lr or s, and theta from phi, both from the base's state."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch

from optbench.optimizers._choice import executor
from optbench.optimizers._engine import RuleOptimizer, plain
from optbench.optimizers._executors._program import Batch, Program

Tensor = torch.Tensor
Group = dict[str, Any]
Live = Collection[tuple[Tensor, dict[str, Any]]]

SWAP = "swap"
"""State key of what is swapped out: theta while training, phi while evaluating."""


def knows_direction(base: torch.optim.Optimizer, group: Group) -> bool:
    """Tell whether the base's state gives the direction of its last step."""
    if not isinstance(base, RuleOptimizer) or base.entry.rule is None:
        return False
    return base.entry.rule.recoverable(base.options(group))


def from_state(base: RuleOptimizer, group: Group, live: Live, lr: float) -> None:
    """Write phi = theta - s lr d, d from the state and theta from `swap`."""
    for program, impl, batch, t in _batches(base, group, live):
        batch.k = program.rule.coefficients_at(t, {**_aimed(base, group), "lr": lr})
        batch.swap = [base.state[p][SWAP] for p in batch.theta]
        batch.reach = group["s"] * batch.k["scale"]
        executor(impl).aim(program, batch)


def by_proportion(group: Group, live: Live, lr: float) -> None:
    """Move phi along the line through theta, in proportion to s lr; it cannot grow out of an lr of 0."""
    aim = group["aim"]
    phi, theta = [p for p, _ in live], [state[SWAP] for _, state in live]
    if phi and (old := float(aim["lr"]) * aim["s"]):
        torch._foreach_lerp_(phi, theta, 1 - lr * group["s"] / old)


def keep_theta(base: RuleOptimizer, group: Group, live: Live) -> None:
    """Put theta, recomputed from phi and the state, into `swap`: for a prediction that does not keep it."""
    for program, _, batch, t in _batches(base, group, live):
        k = program.rule.coefficients_at(t, _aimed(base, group))
        batch.last = (k, group["aim"]["s"] * k["scale"])
        for p, theta in zip(batch.theta, executor("eager").recovered(program, batch), strict=True):
            base.state[p][SWAP] = theta


def _aimed(base: RuleOptimizer, group: Group) -> Mapping[str, Any]:
    """Return the hyper-parameters of the last prediction."""
    return plain(group["aim"], base.options(group))


def _batches(base: RuleOptimizer, group: Group, live: Live) -> Iterator[tuple[Program, str, Batch, int]]:
    """Sort predicted parameters into batches of one executor, type, device and t each."""
    assert base.entry.rule is not None
    program = Program.of(base.entry.rule, base.options(group))
    keys = [slot.key for slot in program.slots.values()]
    buckets: dict[Any, tuple[list[Tensor], list[dict[str, Any]]]] = defaultdict(lambda: ([], []))
    for p, state in live:
        impl = base.executor_for(p, p, [state[key] for key in keys])
        bucket = buckets[impl, p.dtype, p.device, int(state["step"])]
        bucket[0].append(p)
        bucket[1].append(state)
    for (impl, _, _, t), (params, states) in buckets.items():
        slots = {n: [state[slot.key] for state in states] for n, slot in program.slots.items()}
        yield program, impl, Batch(params, [], slots, {}), t
