"""What an oracle is: one parameter group of float64 arrays, moved by one algorithm."""

import copy
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = SimpleNamespace  # a tensor's state slots
Hyper = SimpleNamespace  # hyper-parameters as attributes

_REGISTRY: dict[str, type["Oracle"]] = {}


def register(name: str, **defaults: Any) -> Callable[[type["Oracle"]], type["Oracle"]]:
    """Class decorator: enter the oracle of `name` with its hyper-parameters and their defaults.

    A name taken twice is an error of ours.
    """

    def enter(cls: type["Oracle"]) -> type["Oracle"]:
        assert name not in _REGISTRY, f"two oracles named {name!r}"
        _REGISTRY[name] = cls
        cls.name, cls.defaults = name, defaults
        return cls

    return enter


def registry() -> Mapping[str, type["Oracle"]]:
    """The oracles registered so far, by name."""
    return _REGISTRY


class Oracle:
    """One parameter group under one algorithm, in float64.

    Args:
        theta: initial values, any shapes; copied.
        **hyper: hyper-parameters under the keywords of the reference (`lr=`, `betas=`, ...); the rest from
            `defaults`.

    Attributes:
        theta: the present values, one array per tensor.
        t: steps that each tensor has taken; a tensor without gradient takes none.
        displacement: per tensor, what the last step subtracted from theta apart from decoupled or proximal
            weight decay: lr * d. Zero for a tensor that took no part in the last step.

    Raises:
        TypeError: a hyper-parameter that the algorithm does not have.
    """

    name: ClassVar[str] = ""
    defaults: ClassVar[Mapping[str, Any]]

    def __init__(self, theta: Sequence[Any], **hyper: Any) -> None:
        self.hyper: dict[str, Any] = dict(self.defaults)
        self._set(hyper)
        self.theta: list[Array] = [np.array(p, dtype=np.float64) for p in theta]
        self.t = [0] * len(self.theta)
        self.displacement: list[Array] = [np.zeros_like(p) for p in self.theta]
        self.state = [SimpleNamespace(**self.start(p, self._h())) for p in self.theta]

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Initial state of a tensor with initial value `p`."""
        return {}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """One step of one tensor: advance the state `z` in place.

        Args:
            p: theta_{t-1}.
            g: gradient g_t, same shape; never modified.
            z: the tensor's state after step t - 1.
            t: number of this step, counted from 1.
            h: hyper-parameters as attributes.

        Returns:
            theta_t, and the displacement lr * d that does not include decoupled or proximal decay.
        """
        raise NotImplementedError

    def step(self, gradients: Sequence[Any], **changed: Any) -> None:
        """Take one step; None is a missing gradient, `changed` are hyper-parameters set from this step on."""
        self._set(changed)
        h = self._h()
        for i, g in enumerate(gradients):
            if g is None:
                self.displacement[i] = np.zeros_like(self.theta[i])
                continue
            self.t[i] += 1
            p, moved = self.update(self.theta[i], np.asarray(g, dtype=np.float64), self.state[i], self.t[i], h)
            self.theta[i], self.displacement[i] = np.asarray(p), np.asarray(moved)

    def imagine(self, i: int, gradient: Any, steps: int, **changed: Any) -> list[Array]:
        """Displacements of `steps` further steps of tensor `i` with `gradient` each; nothing is kept of them.

        The imagined theta moves by the displacements alone: decoupled decay is left out, an L2 term is the
        base's own.
        """
        h = SimpleNamespace(**{**self.hyper, **changed})
        z, p, out = copy.deepcopy(self.state[i]), self.theta[i], []
        for k in range(1, steps + 1):
            _, moved = self.update(p, np.asarray(gradient, dtype=np.float64), z, self.t[i] + k, h)
            p = p - moved
            out.append(moved)
        return out

    def _set(self, hyper: Mapping[str, Any]) -> None:
        unknown = sorted(set(hyper) - set(self.defaults))
        if unknown:
            raise TypeError(f"oracle {self.name!r} has no hyper-parameter {', '.join(unknown)}")
        self.hyper.update(hyper)

    def _h(self) -> SimpleNamespace:
        return SimpleNamespace(**self.hyper)


def zeros(p: Array, *names: str) -> dict[str, Any]:
    """State slots of p's shape that start at zero."""
    return {name: np.zeros_like(p) for name in names}
