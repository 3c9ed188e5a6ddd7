"""Optimizers as other people write them, each a published variant; written from the equations, one loop each."""

import math
from typing import Any

import torch
from torch.optim import Optimizer


class Loop(Optimizer):
    """Calls `one(p, state, t, **group)` for every parameter with a gradient."""

    defaults_of: dict[str, Any] = {}

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    state["t"] = state.get("t", 0) + 1
                    for name in ("m", "v"):
                        state.setdefault(name, torch.zeros_like(p))
                    self.one(p, p.grad, state, state["t"], group)

    def moments(self, g, state, group, square=None):
        b1, b2 = group["betas"]
        state["m"].mul_(b1).add_(g, alpha=1 - b1)
        state["v"].mul_(b2).add_(g**2 if square is None else square, alpha=1 - b2)
        return state["m"], state["v"]


class _Rectified(Loop):
    threshold = 5.0
    strictly = False

    def one(self, p, g, state, t, group):
        lr, (b1, b2) = group["lr"], group["betas"]
        m, v = self.moments(g, state, group)
        limit = 2 / (1 - b2) - 1
        rho = limit - 2 * t * b2**t / (1 - b2**t)
        if rho > self.threshold if self.strictly else rho >= self.threshold:
            r = math.sqrt((rho - 4) / (limit - 4) * (rho - 2) / (limit - 2) * limit / rho)
            self.rectified(p, m / (1 - b1**t), v, r, math.sqrt(1 - b2**t), lr, group)
        else:
            self.below(p, m, m / (1 - b1**t), lr, group)


class PaperRAdam(_Rectified):
    """Algorithm 2: rho > 4, no eps, decay of section 5."""

    threshold, strictly = 4.0, True

    def rectified(self, p, m_hat, v, r, c2, lr, group):
        self.below(p, None, r * m_hat * c2 / v.sqrt(), lr, group)

    def below(self, p, m, m_hat, lr, group):
        p.sub_(p, alpha=lr * group["weight_decay"]).sub_(m_hat, alpha=lr)


class OptaxRAdam(_Rectified):
    """No weight decay; eps outside the corrected root."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)

    def rectified(self, p, m_hat, v, r, c2, lr, group):
        p.sub_(r * m_hat / (v.sqrt() / c2 + group["eps"]), alpha=lr)

    def below(self, p, m, m_hat, lr, group):
        p.sub_(m_hat, alpha=lr)


class StillRAdam(_Rectified):
    """The authors' latest: nothing at all happens below the threshold."""

    def rectified(self, p, m_hat, v, r, c2, lr, group):
        p.mul_(1 - lr * group["weight_decay"])
        p.sub_(lr * r * c2 * m_hat / (v.sqrt() + group["eps"]))

    def below(self, p, m, m_hat, lr, group):
        pass


class DozatNAdam(Loop):
    """m averages with the scheduled momentum; no decay."""

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, schedule_decay=4e-3):
        super().__init__(params, lr, betas, eps)
        self.psi = schedule_decay
        self.param_groups[0]["schedule_decay"] = schedule_decay

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        mu, then = (b1 * (1 - 0.5 * 0.96 ** (k * self.psi)) for k in (t, t + 1))
        state["P"] = state.get("P", 1.0) * mu
        state["m"].mul_(mu).add_(g, alpha=1 - mu)
        state["v"].mul_(b2).addcmul_(g, g, value=1 - b2)
        ahead = then * state["m"] / (1 - state["P"] * then) + (1 - mu) * g / (1 - state["P"])
        p.sub_(group["lr"] * ahead / ((state["v"] / (1 - b2**t)).sqrt() + group["eps"]))


class KerasAdamW(Loop):
    """eps hat: outside the uncorrected root."""

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        m, v = self.moments(g, state, group)
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.sub_(group["lr"] * math.sqrt(1 - b2**t) / (1 - b1**t) * m / (v.sqrt() + group["eps"]))


class BertAdam(Loop):
    """No bias correction; lambda theta joins the direction."""

    def one(self, p, g, state, t, group):
        m, v = self.moments(g, state, group)
        p.sub_(group["lr"] * (m / (v.sqrt() + group["eps"]) + group["weight_decay"] * p))


class OptaxAMSGrad(Loop):
    """The maximum is taken of the corrected v."""

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        m, v = self.moments(g, state, group)
        x = state["x"] = torch.maximum(state.get("x", torch.zeros_like(v)), v / (1 - b2**t))
        p.sub_(group["lr"] * m / (1 - b1**t) / (x.sqrt() + group["eps"]))


class OldBelief(Loop):
    """AdaBelief whose surprise is measured against the m before; eps added twice; L2."""

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        g = g + group["weight_decay"] * p
        m, v = self.moments(g, state, group, square=(g - state["m"]) ** 2)
        v += group["eps"]
        p.sub_(group["lr"] * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + group["eps"]))


class KerasAdagrad(Optimizer):
    """The sum starts at 0.1; eps inside the root."""

    def __init__(self, params, lr=1e-3, epsilon=1e-7):
        super().__init__(params, {"lr": lr, "epsilon": epsilon})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                total = self.state[p].setdefault("sum", torch.full_like(p, 0.1))
                total.add_(p.grad**2)
                p.sub_(group["lr"] * p.grad * (total + group["epsilon"]).rsqrt())


class ApexNovoGrad(Loop):
    """The moment of raw gradients, normalised afterwards; both corrected; decay apart."""

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        n = torch.linalg.vector_norm(g)
        state["n"] = n if t == 1 else (b2 * state["n"] ** 2 + (1 - b2) * n**2).sqrt()
        state["m"].mul_(b1).add_(g, alpha=1 - b1)
        denominator = state["n"] / math.sqrt(1 - b2**t) + group["eps"]
        p.sub_(group["lr"] * (state["m"] / (1 - b1**t) / denominator + group["weight_decay"] * p))


class PaperNovoGrad(Loop):
    """Averaging from an unscaled first bracket."""

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        n = g.pow(2).sum()
        state["n"] = n if t == 1 else b2 * state["n"] + (1 - b2) * n
        u = g / (state["n"].sqrt() + group["eps"]) + group["weight_decay"] * p
        state["m"] = u if t == 1 else b1 * state["m"] + (1 - b1) * u
        p.sub_(state["m"], alpha=group["lr"])


class ThirdVersionLAMB(Loop):
    """No correction; |theta| clamped to 10; a tensor of zeros stays."""

    def one(self, p, g, state, t, group):
        m, v = self.moments(g, state, group)
        r = m / (v.sqrt() + group["eps"]) + group["weight_decay"] * p
        p.sub_(group["lr"] * p.norm().clamp(0, 10) / r.norm() * r)


class HastyLion(Loop):
    """m moves before the sign is taken."""

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        m = state["m"].mul_(b2).add_(g, alpha=1 - b2)
        p.mul_(1 - group["lr"] * group["weight_decay"]).sub_((b1 * m + (1 - b1) * g).sign(), alpha=group["lr"])


class KerasSGD(Optimizer):
    """lr inside the buffer; Nesterov."""

    def __init__(self, params, lr=1e-2, momentum=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                b = self.state[p].setdefault("b", torch.zeros_like(p))
                b.mul_(group["momentum"]).sub_(p.grad, alpha=group["lr"])
                p.add_(group["momentum"] * b - group["lr"] * p.grad)


class OptaxAdan(Loop):
    """1 - beta2 where the algorithm has beta2."""

    def __init__(self, params, lr=1e-3, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, betas, eps, weight_decay)

    def one(self, p, g, state, t, group):
        b1, b2, b3 = group["betas"]
        change = g - state.get("last", g)
        state["last"] = g.clone()
        n = state["n"] = b3 * state.get("n", 0.0) + (1 - b3) * (g + (1 - b2) * change) ** 2
        state["m"].mul_(b1).add_(g, alpha=1 - b1)
        state["v"].mul_(b2).add_(change, alpha=1 - b2)
        top = state["m"] / (1 - b1**t) + (1 - b2) * state["v"] / (1 - b2**t)
        p.sub_(group["lr"] * top / ((n / (1 - b3**t)).sqrt() + group["eps"])).div_(
            1 + group["lr"] * group["weight_decay"]
        )


class LateAdamW(Loop):
    """Decay after the step, under no known name."""

    def one(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        m, v = self.moments(g, state, group)
        p.sub_(group["lr"] * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + group["eps"]))
        p.mul_(1 - group["lr"] * group["weight_decay"])


class WrongRAdam(StillRAdam):
    """StillRAdam with r_t a tenth too large: no published variant."""

    def rectified(self, p, m_hat, v, r, c2, lr, group):
        super().rectified(p, m_hat, v, 1.1 * r, c2, lr, group)


class Talkative(KerasAdamW):
    """Prints when it is made, as some do."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        print("be careful")
        super().__init__(params, lr, betas, eps, weight_decay)


class Unwilling(Loop):
    """Fails in step()."""

    def one(self, p, g, state, t, group):
        raise RuntimeError("no")


class Explosive(Loop):
    """Leaves the numbers."""

    def one(self, p, g, state, t, group):
        p.div_(0.0)


class AuthorsAdam2(Loop):
    """Adam whose parameters and m stand still for `adam_freeze` steps, both corrections counting them all."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, adam_freeze=5000):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.adam_freeze = adam_freeze

    def one(self, p, g, state, t, group):
        lr, (b1, b2) = group["lr"], group["betas"]
        state["v"].mul_(b2).add_(g**2, alpha=1 - b2)
        if t > self.adam_freeze:
            p.mul_(1 - lr * group["weight_decay"])
            state["m"].mul_(b1).add_(g, alpha=1 - b1)
            rate = lr * math.sqrt(1 - b2**t) / (1 - b1**t)
            p.sub_(rate * state["m"] / (state["v"].sqrt() + group["eps"]))


class AdamWin(Loop):
    """Adam with L2, accelerated by Win: y looks ahead of x by reckless steps."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, reckless_steps=(2.0, 8.0)):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.reckless_steps = reckless_steps

    def one(self, p, g, state, t, group):
        lr, (b1, b2) = group["lr"], group["betas"]
        x = state.setdefault("x", p.clone())
        m, v = self.moments(g + group["weight_decay"] * p, state, group)
        u = m / (v.sqrt() + group["eps"]) * math.sqrt(1 - b2**t) / (1 - b1**t)
        x.sub_(lr * u)
        times = self.reckless_steps[0]
        p.add_(times * x - times * lr * u).div_(1 + times)


class FairseqAdafactor(Loop):
    """Relative steps in units of the parameter's size, eps added to the square, decay by the step size."""

    def __init__(self, params, lr=None, eps=(1e-30, 1e-3), clip_threshold=1.0, decay_rate=-0.8, weight_decay=0.0):
        super().__init__(params, lr, (0.0, 0.0), eps, weight_decay)
        self.clip_threshold, self.decay_rate = clip_threshold, decay_rate

    def one(self, p, g, state, t, group):
        rate = max(group["eps"][1], p.square().mean().sqrt().item()) * min(1e-2, t**-0.5)
        square, kept = g**2 + group["eps"][0], 1 - t**self.decay_rate
        if g.dim() > 1:
            rows = state.setdefault("rows", torch.zeros_like(g[..., 0])).mul_(kept)
            columns = state.setdefault("columns", torch.zeros_like(g[..., 0, :])).mul_(kept)
            rows.add_(square.mean(-1), alpha=1 - kept)
            columns.add_(square.mean(-2), alpha=1 - kept)
            v = (rows / rows.mean(-1, keepdim=True)).unsqueeze(-1) * columns.unsqueeze(-2)
        else:
            v = state["v"].mul_(kept).add_(square, alpha=1 - kept)
        u = g / v.sqrt()
        u /= max(1.0, u.square().mean().sqrt().item() / self.clip_threshold)
        p.sub_(rate * group["weight_decay"] * p + rate * u)
