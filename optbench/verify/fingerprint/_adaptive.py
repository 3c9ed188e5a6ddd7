"""Adam and its descendants as one float64 transcription, whose keywords are the ways in which publications differ."""

from typing import Any

import numpy as np

from optbench.verify.oracles._base import Array, Hyper, Oracle, State

BELOW = {
    "momentum": "below it a step of the corrected m",
    "skip": "below it no step and no decay",
    "skip but decay": "below it decay alone",
    "uncorrected": "below it a step of the uncorrected m",
    "gradient": "below it a step of the gradient",
}
RHO = {"never": 0.0} | {f"{rho}, {below}": float(rho) for rho in (5, 4) for below in BELOW}
"""Whether a step is rectified, above which rho_t, and what is done below."""


class Adaptive(Oracle):
    """theta moves by lr * numerator / denominator; both are built from moving averages of g.

    Attributes of `h` beside lr, betas, eps and weight_decay, each one of the words below:
        decay: decoupled, l2, none, fixed (not scaled by lr), after (the step), proximal, constant.
        second: square, belief ((g - m)^2), surprise ((g - m_before)^2), momentum (m^2), yogi.
        start: zero, tiny (both moments 1e-6), tiny v.
        state_eps: none, stored (eps is added to v and stays), within (added to v for this step).
        eps: outside (sqrt(v_hat) + eps), uncorrected ((sqrt(v) + eps) / sqrt(c2)), inside (sqrt(v_hat + eps)),
            inside uncorrected (sqrt(v + eps) / sqrt(c2)), none.
        maximum: off, before (of v), after (of v / c2), before, rectified too.
        corrects: both, m, v, none: which moments are divided by 1 - beta^t.
        numerator: m, choi, optax, torch, dozat: what momentum looks ahead how far.
        scaled: v_hat times beta2, or plain.
        rectify: a key of `RHO`.
        bounds: none, schedule, fixed: AdaBound's clip of the rate.
    """

    name = "adaptive"
    defaults = {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "momentum_decay": 4e-3,
        "final_lr": 0.1, "gamma": 1e-3,
        "decay": "l2", "second": "square", "start": "zero", "state_eps": "none", "eps_place": "outside",
        "maximum": "off", "corrects": "both", "numerator": "m", "scaled": "plain", "rectify": "never", "bounds": "none",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v, the largest v, the product of the momentum schedule, and the first lr."""
        m0 = 1e-6 if h.start == "tiny" else 0.0
        v0 = 1e-6 if h.start in ("tiny", "tiny v") else 0.0
        return {"m": np.full_like(p, m0), "v": np.full_like(p, v0), "x": np.zeros_like(p), "P": 1.0, "first": h.lr}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Decay, moments, direction, step."""
        if h.decay == "l2":
            g = g + h.weight_decay * p
        r, still = rectification(h, t)
        self._moments(g, z, t, h)
        if still:
            return stepped(p, np.zeros_like(p), h) if "decay" in h.rectify else (p, np.zeros_like(p))
        return stepped(p, h.lr * self._direction(g, z, t, h, r), h)

    def _moments(self, g: Array, z: State, t: int, h: Hyper) -> None:
        b1, b2 = h.betas
        before = z.m
        rate = momentum_at(t, h) if h.numerator == "dozat" else b1
        z.m = rate * z.m + (1 - rate) * g
        moved = {
            "square": g, "belief": g - z.m, "surprise": g - before, "momentum": z.m, "yogi": g,
        }[h.second] ** 2  # fmt: skip
        if h.second == "yogi":
            z.v = z.v - (1 - b2) * np.sign(z.v - moved) * moved
        else:
            z.v = b2 * z.v + (1 - b2) * moved
        if h.state_eps == "stored":
            z.v = z.v + h.eps

    def _direction(self, g: Array, z: State, t: int, h: Hyper, r: float) -> Array:
        b1, b2 = h.betas
        c1 = 1 - b1**t if h.corrects in ("both", "m") else 1.0
        c2 = 1 - b2**t if h.corrects in ("both", "v") else 1.0
        top, bottom = self._numerator(g, z, t, h, c1), self._denominator(z, h, c2)
        if r == 0:
            return np.asarray(g if "gradient" in h.rectify else z.m if "uncorrected" in h.rectify else top)
        if h.bounds == "none":
            return np.asarray(r * top / bottom)
        final = h.final_lr * (h.lr / z.first if h.bounds == "schedule" else 1.0)
        low, high = final * (1 - 1 / (h.gamma * t + 1)), final * (1 + 1 / (h.gamma * t))
        return np.asarray(np.clip(h.lr / c1 / bottom, low, high) * z.m / h.lr)

    def _numerator(self, g: Array, z: State, t: int, h: Hyper, c1: float) -> Array:
        b1 = h.betas[0]
        if h.numerator in ("torch", "dozat"):
            now, after = momentum_at(t, h), momentum_at(t + 1, h)
            z.P = z.P * now
            return np.asarray((1 - now) / (1 - z.P) * g + after / (1 - z.P * after) * z.m)
        if h.numerator == "choi":
            return np.asarray((b1 * z.m + (1 - b1) * g) / c1)
        if h.numerator == "optax":
            return np.asarray(b1 * z.m / (1 - b1 ** (t + 1)) + (1 - b1) * g / c1)
        return np.asarray(z.m / c1)

    def _denominator(self, z: State, h: Hyper, c2: float) -> Array:
        v = z.v + (h.eps if h.state_eps == "within" else 0.0)
        if h.maximum == "before":
            v = z.x = np.maximum(z.x, v)
        if h.maximum == "after":
            z.x = np.maximum(z.x, v / c2)
            v = c2 * z.x
        if h.scaled == "beta2":
            v = h.betas[1] * v
        root: Array = {
            "outside": lambda: np.sqrt(v / c2) + h.eps,
            "uncorrected": lambda: (np.sqrt(v) + h.eps) / np.sqrt(c2),
            "inside": lambda: np.sqrt(v / c2 + h.eps),
            "inside uncorrected": lambda: np.sqrt((v + h.eps) / c2),
            "1e-15 inside": lambda: (np.sqrt(v + 1e-15) + h.eps) / np.sqrt(c2),
            "none": lambda: np.sqrt(v / c2),
        }[h.eps_place]()
        return root


def decayed(p: Array, h: Hyper) -> Array:
    """Theta after decay that is apart from the gradient and before the step, if it has any."""
    if h.decay == "decoupled":
        lost = h.lr * h.weight_decay * p
    elif h.decay == "constant":
        lost = h.lr * h.weight_decay
    else:
        lost = h.weight_decay * p if h.decay == "fixed" else 0.0
    return np.asarray(p - lost)


def stepped(p: Array, moved: Array, h: Hyper) -> tuple[Array, Array]:
    """Theta after step and decay in the order that `decay` says, and the step."""
    if h.decay == "proximal":
        return (p - moved) / (1 + h.lr * h.weight_decay), moved
    if h.decay == "after":
        return (p - moved) * (1 - h.lr * h.weight_decay), moved
    return decayed(p, h) - moved, moved


def momentum_at(t: int, h: Hyper) -> float:
    """mu_t of Dozat's schedule."""
    return float(h.betas[0] * (1 - 0.5 * 0.96 ** (t * h.momentum_decay)))


def rectification(h: Hyper, t: int) -> tuple[float, bool]:
    """RAdam's r_t, 0 while the variance is intractable, and whether nothing moves then; (1, False) without it."""
    if h.rectify == "never":
        return 1.0, False
    b2 = h.betas[1]
    limit = 2 / (1 - b2) - 1
    rho = limit - 2 * t * b2**t / (1 - b2**t)
    if rho <= RHO[h.rectify]:
        return 0.0, "skip" in h.rectify
    return float(np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))), False
