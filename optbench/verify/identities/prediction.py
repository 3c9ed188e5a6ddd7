"""Identities of weight prediction over any optimizer (XGrad, arXiv:2305.18240)."""

import copy
import itertools
from typing import Any

import numpy as np
import torch

from optbench.verify._problem import Array, array
from optbench.verify.identities._common import Bench, Outcome, compared, identity

XGRAD = "arXiv:2305.18240"
STEPS = 8


def bare(bench: Bench) -> Bench:
    """Return the bench of the base alone."""
    import dataclasses

    return dataclasses.replace(bench, subject=dataclasses.replace(bench.subject, xgrad=None))


def shown(bench: Bench, s: float, **options: Any) -> tuple[list[list[Array]], list[list[Array]]]:
    """Return phi and theta after every step, the initial weights first."""
    gradients = bench.gradients(STEPS)
    parameters = [torch.nn.Parameter(torch.tensor(w)) for w in bench.weights()]
    optimizer: Any = bench.subject.optimizer(parameters, bench.impl, **bench.options(**options), xgrad={"s": s})
    phi, theta = [[array(p) for p in parameters]], [[array(p) for p in parameters]]
    for row in gradients:
        for p, g in zip(parameters, row, strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
        phi.append([array(p) for p in parameters])
        optimizer.eval()
        theta.append([array(p) for p in parameters])
        optimizer.train()
    return phi, theta


@identity(title="s = 0 is bitwise the base", source=f"{XGRAD}, eq. 26", wrapped=True)
def nothing_ahead(bench: Bench) -> Outcome:
    """Nothing is added to theta."""
    gradients = bench.gradients(STEPS)
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1, "warm_steps": 3}
    mine, base = bench.walk(gradients, xgrad={"s": 0.0}, **options), bare(bench).walk(gradients, **options)
    return compared(mine.weights, base.weights, 0.0)


@identity(title="theta is bitwise the base's trajectory", source=f"{XGRAD}, Algorithm 1, lines 4 and 9", wrapped=True)
def theta_is_restored(bench: Bench) -> Outcome:
    """The weights are restored before the update, so on given gradients prediction leaves no trace in theta."""
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1, "warm_steps": 3}
    _, theta = shown(bench, 2.0, **options)
    return compared(theta, bare(bench).walk(bench.gradients(STEPS), **options).weights, 0.0)


@identity(title="phi extrapolates the last step", source=f"{XGRAD}, eqs. 24 to 26", wrapped=True)
def extrapolation(bench: Bench) -> Outcome:
    """With a constant lr and no decoupled decay, phi_t = theta_t + s (theta_t - theta_{t-1})."""
    phi, theta = shown(bench, 2.0, lr=0.01, warm_steps=3)
    expected = [
        [new + 2 * (new - old) for old, new in zip(before, after, strict=True)]
        for before, after in itertools.pairwise(theta)
    ]
    return compared(phi[1:], expected)


@identity(title="nothing is predicted before the first step", source=f"{XGRAD}, Algorithm 1, line 1", wrapped=True)
def nothing_at_first(bench: Bench) -> Outcome:
    """There is no update yet to predict from: phi_0 = theta_0."""
    parameters = [torch.nn.Parameter(torch.tensor(w)) for w in bench.weights()]
    optimizer: Any = bench.subject.optimizer(parameters, bench.impl, xgrad={"s": 3.0})
    for switch in (optimizer.train, optimizer.eval, optimizer.train):
        switch()
    return compared([[array(p) for p in parameters]], [bench.weights()], 0.0)


@identity(
    "sgdm",
    title="with s = momentum it is Nesterov's SGD",
    source="optimizers' equations; Sutskever et al. 2013",
    wrapped=True,
)
def nesterov(bench: Bench) -> Outcome:
    """The weights phi move as torch.optim.SGD(nesterov=True) does, gradients taken at phi; no decay, constant lr."""
    random = np.random.default_rng(bench.subject.seed(bench.effort, "quadratic"))
    matrix = torch.tensor(random.standard_normal((6, 6)))
    curvature = matrix @ matrix.T / 6 + torch.eye(6)
    start = torch.tensor(random.standard_normal(6))
    mine, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizer = bench.subject.optimizer([mine], bench.impl, lr=0.1, momentum=0.8, xgrad={"s": 0.8})
    nesterov = torch.optim.SGD([theirs], lr=0.1, momentum=0.8, nesterov=True)
    seen: tuple[list[list[Array]], list[list[Array]]] = ([], [])
    for _ in range(20):
        for p, one, row in zip((mine, theirs), (optimizer, nesterov), seen, strict=True):
            p.grad = curvature @ p.detach()
            one.step()
            row.append([copy.deepcopy(array(p))])
    return compared(*seen)


@identity(
    "sgd",
    title="without momentum it is SGD on a gradient taken one step ahead",
    source=f"{XGRAD}, Table I",
    wrapped=True,
)
def one_step_ahead(bench: Bench) -> Outcome:
    """theta_t = theta_{t-1} - lr g(theta_{t-1} - s lr g_{t-1}), the optimistic gradient, on f = |theta|^2 / 2."""
    start = torch.tensor(bench.weights()[0])
    p = torch.nn.Parameter(start.clone())
    optimizer: Any = bench.subject.optimizer([p], bench.impl, lr=0.1, xgrad={"s": 1.0})
    theta, last = start.clone(), torch.zeros_like(start)
    seen: tuple[list[list[Array]], list[list[Array]]] = ([], [])
    for _ in range(12):
        p.grad = p.detach().clone()
        optimizer.step()
        last = theta - 0.1 * last
        theta = theta - 0.1 * last
        optimizer.eval()
        seen[0].append([array(p)])
        seen[1].append([array(theta)])
        optimizer.train()
    return compared(*seen)
