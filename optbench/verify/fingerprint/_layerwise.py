"""Methods that normalise tensor by tensor, as float64 transcriptions whose keywords are their variants."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from optbench.verify.fingerprint._adaptive import decayed, stepped
from optbench.verify.oracles._base import Array, Hyper, Oracle, State


class Normalised(Oracle):
    """NovoGrad.

    `start_v`: norm (v_1 = |g_1|^2), again (the same after every step with v = 0), ema (v_0 = 0); `first`: scaled or
    unscaled (m_1 = u_1); `averaging`: no, yes; `maximum`: off, before; `eps_place`: outside, inside; `decay`: moment,
    decoupled, l2 (before the norm), none; `moment_of`: normalised, or raw (g; the moment is normalised); `corrects`:
    none, both (m and the norm, as Adam does).
    """

    name = "normalised"
    defaults = {
        "lr": 1e-3, "betas": (0.95, 0.98), "eps": 1e-8, "weight_decay": 0.0, "decay": "moment", "start_v": "norm",
        "first": "scaled", "averaging": "no", "maximum": "off", "eps_place": "outside", "moment_of": "normalised",
        "corrects": "none",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moment of the elements, second moment and its maximum of the tensor."""
        return {"m": np.zeros_like(p), "v": 0.0, "x": 0.0}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Norm, bracket, moment, step."""
        b1, b2 = h.betas
        if h.decay == "l2":
            g = g + h.weight_decay * p
        n = float(np.sum(g**2))
        fresh = (t == 1 and h.start_v != "ema") or (z.v == 0 and h.start_v == "again")
        z.v = n if fresh else b2 * z.v + (1 - b2) * n
        v = z.x = max(z.x, z.v) if h.maximum == "before" else z.v
        v = v / (1 - b2**t) if h.corrects == "both" else v
        norm = np.sqrt(v) + h.eps if h.eps_place == "outside" else np.sqrt(v + h.eps)
        raw = h.moment_of == "raw"
        u = (g if raw else g / norm) + (h.weight_decay * p if h.decay == "moment" else 0.0)
        scaled = h.averaging == "yes" and not (t == 1 and h.first == "unscaled")
        z.m = b1 * z.m + (1 - b1 if scaled else 1.0) * u
        d = z.m / (1 - b1**t) if h.corrects == "both" else z.m
        return stepped(p, h.lr * (d / norm if raw else d), h)


class Ratio(Oracle):
    """LAMB.

    `corrects`: both, none, m after the ratio; `clamp`: none, 10 (of |theta|) or ratio (at 1); `clip`: none, or 1 (all
    gradients together, to that norm); `zeros`: what the ratio is where theta is all 0: 1, 0; `eps_ratio`: no, yes (eps
    added to |r|); `decay`: direction, decoupled, l2, none.
    """

    name = "ratio"
    defaults = {
        "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-6, "weight_decay": 0.0, "decay": "direction", "corrects": "both",
        "clamp": "none", "clip": "none", "zeros": "1", "eps_ratio": "no",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """Moments m and v."""
        return {"m": np.zeros_like(p), "v": np.zeros_like(p)}

    def step(self, gradients: Sequence[Any], **changed: Any) -> None:
        """Clip the norm of all gradients together, if the variant does, and step."""
        if self.hyper["clip"] == "1":
            norm = max(1.0, float(np.sqrt(sum(np.sum(g**2) for g in gradients))))
            gradients = [g / norm for g in gradients]
        super().step(gradients, **changed)

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Moments, Adam's direction, ratio, step."""
        b1, b2 = h.betas
        if h.decay == "l2":
            g = g + h.weight_decay * p
        z.m = b1 * z.m + (1 - b1) * g
        z.v = b2 * z.v + (1 - b2) * g**2
        p = decayed(p, h)
        both = h.corrects == "both"
        r = z.m / (1 - b1**t if both else 1.0) / (np.sqrt(z.v / (1 - b2**t if both else 1.0)) + h.eps)
        if h.decay == "direction":
            r = r + h.weight_decay * p
        top, bottom = float(np.linalg.norm(p)), float(np.linalg.norm(r))
        top = min(top, 10.0) if h.clamp == "10" else top
        q = top / (bottom + (h.eps if h.eps_ratio == "yes" else 0.0)) if bottom else 1.0
        q = 1.0 if top == 0 and h.zeros == "1" else q
        q = min(q, 1.0) if h.clamp == "ratio" else q
        q = q / (1 - b1**t) if h.corrects == "m after the ratio" else q
        return p - h.lr * q * r, h.lr * q * r


class Trust(Oracle):
    """LARS.

    `lr_place`: inside or outside the buffer; `norm`: sum (|g| + lam |w|) or joint (|g + lam w|); `small`: none, or
    1e-8 added to the norm; `still`: where g is all 0 one, trust (the ratio all the same) or nothing (nor decay);
    `vectors`: adapted or plain (neither ratio nor decay for tensors of one dimension).
    """

    name = "trust"
    defaults = {
        "lr": 1.0, "momentum": 0.9, "weight_decay": 0.0, "trust_coefficient": 1e-3, "decay": "l2",
        "lr_place": "inside", "norm": "sum", "small": "none", "still": "one", "vectors": "adapted",
    }  # fmt: skip

    def start(self, p: Array, h: Hyper) -> dict[str, Any]:
        """The buffer."""
        return {"b": np.zeros_like(p)}

    def update(self, p: Array, g: Array, z: State, t: int, h: Hyper) -> tuple[Array, Array]:
        """Ratio, buffer, step."""
        w, n = float(np.linalg.norm(p)), float(np.linalg.norm(g))
        total = g + h.weight_decay * p if h.decay == "l2" else g
        size = n + h.weight_decay * w if h.norm == "sum" else float(np.linalg.norm(total))
        size += 1e-8 if h.small == "1e-8" else 0.0
        q = h.trust_coefficient * w / size if w and size else 1.0
        if n == 0 and h.still != "trust":
            q, total = 1.0, total if h.still == "one" else g
        if p.ndim < 2 and h.vectors == "plain":
            q, total = 1.0, g
        inner, outer = (h.lr, 1.0) if h.lr_place == "inside" else (1.0, h.lr)
        z.b = h.momentum * z.b + inner * q * total
        return stepped(p, outer * z.b, h)
