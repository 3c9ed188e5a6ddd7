"""Adam-2k, AdamW-Win and Adafactor as float64 transcriptions, whose keywords are their variants."""

from typing import Any

import numpy as np

from optbench.verify.fingerprint._adaptive import stepped
from optbench.verify.oracles._base import Array, Hyper, Oracle, State


def root_of(v: Array, c2: float, h: Hyper) -> Array:
    """The root of v / c2, with eps where `eps_place` says."""
    if h.eps_place == "uncorrected":
        return np.asarray((np.sqrt(v) + h.eps) / np.sqrt(c2))
    return np.asarray(np.sqrt(v / c2) + h.eps)


class Frozen(Oracle):
    """Adam-2k.

    `frozen`: what stands still while v fills: both (theta and m) or theta; `counts`: the steps in m's correction: all,
    own (those since the start), or none (no correction); `eps_place`: outside, uncorrected; `decay`: decoupled, l2,
    none, after.
    """

    name = "frozen"
    defaults = {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "warm_steps": 2000.0,
        "decay": "decoupled", "frozen": "both", "counts": "all", "eps_place": "outside",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v."""
        return {"m": np.zeros_like(p), "v": np.zeros_like(p)}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Moments, and after the warm-up Adam's step."""
        b1, b2 = h.betas
        warm = t <= h.warm_steps
        if h.decay == "l2":
            g = g + h.weight_decay * p
        z.v = b2 * z.v + (1 - b2) * g**2
        if not (warm and h.frozen == "both"):
            z.m = b1 * z.m + (1 - b1) * g
        if warm:
            return p, np.zeros_like(p)
        steps = {"all": t, "own": t - h.warm_steps, "none": np.inf}[h.counts]
        return stepped(p, h.lr * z.m / (1 - b1**steps) / root_of(z.v, 1 - b2**t, h), h)


class Accelerated(Oracle):
    """AdamW-Win: x, y and z are sequences of growing step; the parameters hold the last.

    `mode`: win (y), win2 (z) or none (Adam itself); `maximum`: off, before; `eps_place`: outside, uncorrected;
    `decay`: proximal (in each sequence), decoupled, l2, none.
    """

    name = "accelerated"
    defaults = {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "acceleration": (2.0, 8.0),
        "decay": "proximal", "mode": "win", "maximum": "off", "eps_place": "outside",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v, the largest v, and the sequences x and y."""
        return {"m": np.zeros_like(p), "v": np.zeros_like(p), "big": np.zeros_like(p), "x": p.copy(), "y": p.copy()}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Adam's direction u, then each sequence's own step along it."""
        b1, b2 = h.betas
        if h.decay == "l2":
            g = g + h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g**2
        z.big = np.maximum(z.big, z.v)
        u = z.m / (1 - b1**t) / root_of(z.big if h.maximum == "before" else z.v, 1 - b2**t, h)
        if h.mode == "none":
            return stepped(p, h.lr * u, h)
        first, second = h.acceleration
        shrink = h.lr * (h.weight_decay if h.decay == "proximal" else 0.0)
        z.x = (z.x - h.lr * u) / (1 + shrink)
        before = p if h.mode == "win" else z.y
        z.y = (before + first * (z.x - h.lr * u)) / (1 + first + first * shrink)
        if h.mode == "win":
            return z.y, p - z.y
        ratio = second / first
        new = (p + second * (z.x - h.lr * u) + ratio * z.y) / (1 + second + ratio + second * shrink)
        return new, p - new


class Factored(Oracle):
    """Adafactor.

    `step_size`: lr, or the smaller of 1 / sqrt(t) and: lr (capped), 1e-2 (relative), 1e-6 t (warming); `scale`:
    parameter (times max(eps2, RMS(theta))) or none; `factored`: matrices, or none (as in classes that leave small
    ones alone); `small`: clamp (V and mean(R) have a least value) or added (eps1 to g^2); `momentum`: none, update (an
    average of the updates) or direction (of what the step size multiplies); `decay`: decoupled (by lr), scaled (by
    the whole step size), fixed, l2, none.
    eps1 and eps2 may each be the pair of both, as some classes have it; an eps1 of None is the machine epsilon.
    """

    name = "factored"
    defaults = {
        "lr": 1e-2, "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 1.0, "weight_decay": 0.0, "beta1": 0.9,
        "decay": "decoupled", "step_size": "capped", "scale": "parameter", "factored": "matrices", "small": "clamp",
        "momentum": "none",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Means over the last and the last but one dimension, the unfactored moment, the average of the updates."""
        zeros = np.zeros_like(p)
        matrix = p.ndim > 1 and h.factored == "matrices"
        means = {"R": zeros.mean(-1, keepdims=True), "C": zeros.mean(-2, keepdims=True)} if matrix else {"V": zeros}
        return {**means, "m": zeros}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Second moment, clipped update, step size, decay."""
        eps1 = h.eps1[0] if isinstance(h.eps1, tuple) else h.eps1
        eps1 = float(np.finfo(np.float64).eps) if eps1 is None else eps1
        eps2 = h.eps2[1] if isinstance(h.eps2, tuple) else h.eps2
        if h.decay == "l2":
            g = g + h.weight_decay * p
        square = g**2 + (eps1 if h.small == "added" else 0.0)
        rest = t ** -abs(h.beta2_decay)  # 1 - beta2_t
        least = eps1 if h.small == "clamp" else 0.0
        if hasattr(z, "R"):
            z.R = z.R + rest * (square.mean(-1, keepdims=True) - z.R)
            z.C = z.C + rest * (square.mean(-2, keepdims=True) - z.C)
            v = z.R * z.C / np.maximum(z.R.mean(-2, keepdims=True), least)
        else:
            z.V = v = z.V + rest * (square - z.V)
        u = g / np.sqrt(np.maximum(v, least**2))
        u = u / max(1.0, _rms(u) / h.d)
        reach = {"capped": h.lr, "lr": np.inf, "relative": 1e-2, "warming": 1e-6 * t}[h.step_size]
        rate = h.lr if h.step_size == "lr" else min(reach, t**-0.5)
        rate *= max(eps2, _rms(p)) if h.scale == "parameter" else 1.0
        if h.momentum == "direction":
            z.m = u = h.beta1 * z.m + (1 - h.beta1) * u
        moved = rate * u
        if h.momentum == "update":
            z.m = moved = h.beta1 * z.m + (1 - h.beta1) * moved
        if h.decay == "scaled":
            return p * (1 - rate * h.weight_decay) - moved, moved
        return stepped(p, moved, h)


def _rms(a: Array) -> float:
    return float(np.sqrt(np.mean(a**2)))
