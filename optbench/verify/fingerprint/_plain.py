"""Momentum, sign and sum-of-squares methods as float64 transcriptions, whose keywords are their variants."""

from typing import Any

import numpy as np

from optbench.verify.fingerprint._adaptive import stepped
from optbench.verify.oracles._base import Array, Hyper, Oracle, State


class Momentum(Oracle):
    """SGD with momentum.

    `first`: undamped (b_1 = g_1) or damped; `weight`: what a gradient enters the buffer with, damped (1 - dampening)
    or average (1 - mu); `lr_place`: outside or inside the buffer; `look_ahead`: none, nesterov.
    """

    name = "momentum"
    defaults = {
        "lr": 1e-3, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0,
        "decay": "l2", "first": "undamped", "weight": "damped", "lr_place": "outside", "look_ahead": "none",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """The buffer."""
        return {"b": np.zeros_like(p)}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Buffer, look-ahead, step."""
        if h.decay == "l2":
            g = g + h.weight_decay * p
        share = 1 - (h.dampening if h.weight == "damped" else h.momentum)
        share = 1.0 if t == 1 and h.first == "undamped" else share
        inner, outer = (h.lr, 1.0) if h.lr_place == "inside" else (1.0, h.lr)
        if h.momentum == 0:
            return stepped(p, h.lr * g, h)
        z.b = h.momentum * z.b + inner * share * g
        d = inner * g + h.momentum * z.b if h.look_ahead == "nesterov" else z.b
        return stepped(p, outer * d, h)


class Signed(Oracle):
    """Lion. `order`: reference, m first (m moves before the sign is taken), one beta (beta2 is not used)."""

    name = "signed"
    defaults = {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0, "decay": "decoupled", "order": "reference"}

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """The momentum, and the first lr."""
        return {"m": np.zeros_like(p), "first": h.lr}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Sign, step, momentum."""
        b1, b2 = h.betas
        if h.decay == "l2":
            g = g + h.weight_decay * p
        if h.order == "m first":
            z.m = b2 * z.m + (1 - b2) * g
        d = np.sign(b1 * z.m + (1 - b1) * g)
        if h.order != "m first":
            z.m = b2 * z.m + (1 - b2) * g if h.order == "reference" else b1 * z.m + (1 - b1) * g
        if h.decay == "by first lr":
            p = p - h.lr / z.first * h.weight_decay * p
        return stepped(p, h.lr * d, h)


class RootMeanSquare(Oracle):
    """RMSprop.

    `start_v`: 0 or 1; `eps_place`: outside, inside; `lr_place`: outside or inside the momentum buffer; `centre`: no,
    yes, or moved (yes, and the mean starts at g_1).
    """

    name = "rms"
    defaults = {
        "lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0,
        "decay": "l2", "start_v": "0", "eps_place": "outside", "lr_place": "outside", "centre": "no",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Mean square, mean and momentum buffer."""
        return {"v": np.full_like(p, float(h.start_v)), "a": np.zeros_like(p), "b": np.zeros_like(p)}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Averages, buffer, step."""
        if h.decay == "l2":
            g = g + h.weight_decay * p
        z.v = h.alpha * z.v + (1 - h.alpha) * g**2
        z.a = h.alpha * z.a + (1 - h.alpha) * g
        spread = z.v - z.a**2 if h.centre == "yes" else z.v
        root = np.sqrt(spread) + h.eps if h.eps_place == "outside" else np.sqrt(spread + h.eps)
        inner, outer = (h.lr, 1.0) if h.lr_place == "inside" else (1.0, h.lr)
        z.b = h.momentum * z.b + inner * g / root
        return stepped(p, outer * z.b, h)


class SumOfSquares(Oracle):
    """AdaGrad.

    `start_v`: 0, 0.1, or given (the class's own keyword); `eps_place`: outside, inside; `decay_from`: t - 1, t.
    """

    name = "sum"
    defaults = {
        "lr": 1e-2, "lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10,
        "decay": "l2", "start_v": "given", "eps_place": "outside", "decay_from": "t - 1",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """The sum."""
        return {"v": np.full_like(p, h.initial_accumulator_value if h.start_v == "given" else float(h.start_v))}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Sum, step."""
        if h.decay == "l2":
            g = g + h.weight_decay * p
        z.v = z.v + g**2
        root = np.sqrt(z.v) + h.eps if h.eps_place == "outside" else np.sqrt(z.v + h.eps)
        moved = h.lr / (1 + (t - (h.decay_from == "t - 1")) * h.lr_decay) * g / root
        return stepped(p, moved, h)


class Differences(Oracle):
    """Adan. `first`: zero (D_1 = 0) or gradient (D_1 = g_1); `look_ahead`: beta2, or 1 - beta2 (optax 0.2.8)."""

    name = "differences"
    defaults = {
        "lr": 1e-3, "betas": (0.98, 0.92, 0.99), "eps": 1e-8, "weight_decay": 0.0,
        "decay": "proximal", "first": "zero", "look_ahead": "beta2", "eps_place": "outside",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Averages of gradient, difference and square, and the last gradient."""
        return {name: np.zeros_like(p) for name in ("m", "v", "n", "last")}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Averages, direction, step."""
        b1, b2, b3 = h.betas
        if h.decay == "l2":
            g = g + h.weight_decay * p
        change = np.zeros_like(g) if t == 1 and h.first == "zero" else g - z.last
        ahead = b2 if h.look_ahead == "beta2" else 1 - b2
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * change
        z.n = b3 * z.n + (1 - b3) * (g + ahead * change) ** 2
        z.last = g
        n_hat = z.n / (1 - b3**t)
        root = np.sqrt(n_hat) + h.eps if h.eps_place == "outside" else np.sqrt(n_hat + h.eps)
        d = (z.m / (1 - b1**t) + ahead * z.v / (1 - b2**t)) / root
        return stepped(p, h.lr * d, h)


class Units(Oracle):
    """AdaDelta. `eps_place`: both roots inside, or outside."""

    name = "units"
    defaults = {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0, "decay": "l2", "eps_place": "inside"}

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Averages of squared gradient and squared step."""
        return {"v": np.zeros_like(p), "u": np.zeros_like(p)}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Averages, step."""
        if h.decay == "l2":
            g = g + h.weight_decay * p
        z.v = h.rho * z.v + (1 - h.rho) * g**2
        if h.eps_place == "inside":
            d = np.sqrt(z.u + h.eps) / np.sqrt(z.v + h.eps) * g
        else:
            d = (np.sqrt(z.u) + h.eps) / (np.sqrt(z.v) + h.eps) * g
        z.u = h.rho * z.u + (1 - h.rho) * d**2
        return stepped(p, h.lr * d, h)
