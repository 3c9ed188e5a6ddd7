"""Learning-rate schedules: by what factor the learning rate is multiplied, from the iterations done. No torch.

With e of E epochs done, i of T iterations done, W iterations of warm-up, and u the part of the run that is done (by
epoch u = e / E; by iteration u = (i - W) / (T - W), 0 while warming up):

    constant     1
    multistep    factor^(how many of the milestones e, or i by iteration, has reached)
    cosine       final + (1 - final) (1 + cos(pi u)) / 2
    polynomial   final + (1 - final) (1 - u)^power;   linear: power 1;   quadratic: power 2

While i < W all of that is multiplied by (i + 1) / W, a linear warm-up as in the RAdam paper (section 4.3). Where a
warm-up is given the learning rate is set before every iteration, whatever the schedule itself goes by.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KEYS", "NAMES", "UNITS", "Schedule"]

UNITS = ("epoch", "iteration")
KEYS: Mapping[str, tuple[str, ...]] = {
    "constant": (),
    "multistep": ("milestones", "factor", "by"),
    "cosine": ("final", "by"),
    "polynomial": ("power", "final", "by"),
    "linear": ("final", "by"),
    "quadratic": ("final", "by"),
}
"""By a schedule's name, the settings that it has besides `warmup_steps`."""
NAMES = tuple(KEYS)
_POWERS = {"linear": 1.0, "quadratic": 2.0}


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves over a run.

    Attributes:
        name: one of `NAMES`.
        milestones: of multistep, ascending, in epochs or iterations (`by`).
        factor: of multistep, at every milestone.
        power: of polynomial.
        final: of the decays, what they end at, as a part of the learning rate.
        by: `epoch` or `iteration`: when the learning rate is set anew.
        warmup_steps: iterations of linear warm-up.
    """

    name: str = "constant"
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    power: float = 1.0
    final: float = 0.0
    by: str = "epoch"
    warmup_steps: int = 0

    @property
    def every_iteration(self) -> bool:
        """Whether the learning rate is set before every iteration and not only before an epoch."""
        return self.warmup_steps > 0 or (self.by == "iteration" and "by" in KEYS[self.name])

    def multiplier(self, done: int, steps: int, epochs: int) -> float:
        """Return by what the learning rate is multiplied in the iteration after `done` others.

        Past the end of the run the last iteration's value holds, so that measuring can go on for longer.

        Args:
            done: iterations since the run began.
            steps: iterations of an epoch.
            epochs: of the run.
        """
        done = min(done, steps * epochs - 1)
        warm = min(1.0, (done + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        return warm * self._decay(done, steps, epochs)

    def _decay(self, done: int, steps: int, epochs: int) -> float:
        by_epoch = self.by == "epoch"
        if self.name == "constant":
            return 1.0
        if self.name == "multistep":
            reached = done // steps if by_epoch else done
            return self.factor ** sum(reached >= milestone for milestone in self.milestones)
        if by_epoch:
            part = (done // steps) / epochs
        else:
            part = max(0, done - self.warmup_steps) / max(1, steps * epochs - self.warmup_steps)
        if self.name == "cosine":
            shape = (1 + math.cos(math.pi * part)) / 2
        else:
            shape = (1 - part) ** _POWERS.get(self.name, self.power)
        return self.final + (1 - self.final) * shape

    def figures(self) -> dict[str, object]:
        """Return, JSON-ready, the settings that this schedule has."""
        found: dict[str, object] = {"name": self.name}
        found |= {key: getattr(self, key) for key in KEYS[self.name]}
        if self.name == "multistep":
            found["milestones"] = list(self.milestones)
        if self.warmup_steps:
            found["warmup_steps"] = self.warmup_steps
        return found

    def __str__(self) -> str:
        words = [self.name]
        if self.name == "multistep":
            unit = "epochs" if self.by == "epoch" else "iterations"
            words.append(f"x {self.factor:g} after {unit} {', '.join(map(str, self.milestones))}")
        elif self.name == "polynomial":
            words.append(f"power {self.power:g}")
        if self.final and "final" in KEYS[self.name]:
            words.append(f"down to {self.final:g} of lr")
        if self.name not in ("constant", "multistep"):
            words.append(f"by {self.by}")
        if self.warmup_steps:
            words.append(f"warm-up of {self.warmup_steps} iterations")
        return ", ".join(words)
