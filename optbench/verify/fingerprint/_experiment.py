"""The experiment that parts the variants, and how it is run on a third party's class and on the transcriptions."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from optbench.errors import OptbenchError
from optbench.verify.fingerprint._algorithm import Algorithm, Choice
from optbench.verify.oracles._base import Array

STEPS = 14
ALIASES = {
    "eps": ("eps", "epsilon"),
    "weight_decay": ("weight_decay", "wd"),
    "momentum_decay": ("momentum_decay", "schedule_decay"),
    "trust_coefficient": ("trust_coefficient", "trust_coeff", "eta"),
    "initial_accumulator_value": ("initial_accumulator_value", "initial_accumulator"),
    "alpha": ("alpha", "rho", "decay"),
    "warm_steps": ("warm_steps", "adam_freeze"),
    "acceleration": ("acceleration", "reckless_steps"),
    "beta2_decay": ("beta2_decay", "decay_rate"),
    "beta1": ("beta1", "momentum"),
    "eps1": ("eps1", "eps", "eps2"),
    "eps2": ("eps2", "eps_scale", "eps"),
    "d": ("d", "clip_threshold", "clipping_threshold"),
}
"""Our keyword -> what others call it."""

BASIC = ("lr", "betas", "eps", "epsilon", "weight_decay", "momentum")

Build = Callable[..., Optimizer]


@dataclass(frozen=True)
class Trajectory:
    """Where an optimizer went.

    Attributes:
        moves: (steps, elements) what each step added to theta.
        sizes: (elements,) the largest |theta| on the way, at least 1.
        states: for every tensor of the state (of the first parameter) by name, its values after each step.
    """

    moves: Array
    sizes: Array
    states: dict[str, list[Array]]


def problem() -> tuple[list[Array], list[list[Array]]]:
    """Return the initial tensors and the gradients of every step.

    Ordinary, large and tiny gradients; an element whose gradient is always 0; a tensor whose gradient is 0 at
    first; one with a norm above 10; one that starts as zeros.
    """
    random = np.random.default_rng(20)
    theta = [random.standard_normal(s) for s in ((4, 3), (2, 6), (5,), (2, 3), (3,))]
    theta[1] = theta[1] * 10
    theta[4] = theta[4] * 0
    gradients = []
    for step in range(STEPS):
        g = [random.standard_normal(p.shape) for p in theta]
        g[0][0, 0] = 0.0
        g[1], g[2] = g[1] * 30, g[2] * 1e-3
        if step < 2:
            g[3] = g[3] * 0
        gradients.append(g)
    return theta, gradients


def schedule(lr: float, step: int) -> float:
    """Return the learning rate of a step, from 0: never the same twice."""
    return lr * (1 + 0.5 * math.cos(step))


def follow(optimizer: Optimizer, parameters: list[torch.nn.Parameter], lr: float) -> Trajectory:
    """Take every step with an optimizer."""
    moves, states = [], dict[str, list[Array]]()
    before = _flat(parameters)
    sizes = np.maximum(1.0, np.abs(before))
    for step, gradients in enumerate(problem()[1]):
        for group in optimizer.param_groups:
            group["lr"] = schedule(lr, step)
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
        after = _flat(parameters)
        with np.errstate(all="ignore"):
            moves.append(after - before)
        sizes = np.fmax(sizes, np.abs(after))
        before = after
        for key, value in optimizer.state.get(parameters[0], {}).items():
            if isinstance(value, torch.Tensor) and value.shape == parameters[0].shape:
                states.setdefault(str(key), []).append(value.detach().to(torch.float64, copy=True).numpy().ravel())
    return Trajectory(np.array(moves), sizes, states)


def transcribe(algorithm: Algorithm, choice: Choice, hyper: Mapping[str, Any]) -> Trajectory:
    """Take every step with the transcription of one variant."""
    theta, gradients = problem()
    first = theta[0].size
    if algorithm.whole:
        theta = [np.concatenate([p.ravel() for p in theta])]
        gradients = [[np.concatenate([g.ravel() for g in row])] for row in gradients]
    lr = hyper["lr"]
    given = {**algorithm.defaults, **hyper, **choice, "lr": schedule(lr, 0)}
    with np.errstate(all="ignore"):
        one = algorithm.oracle(theta, **{k: v for k, v in given.items() if k in algorithm.oracle.defaults})
        moves, states = [], dict[str, list[Array]]()
        sizes = np.maximum(1.0, np.abs(_joined(one.theta)))
        for step, row in enumerate(gradients):
            before = _joined(one.theta)
            one.step(row, lr=schedule(lr, step))
            moves.append(_joined(one.theta) - before)
            sizes = np.fmax(sizes, np.abs(_joined(one.theta)))
            for key, value in vars(one.state[0]).items():
                if isinstance(value, np.ndarray) and value.size >= first:
                    states.setdefault(key, []).append(value.ravel()[:first].copy())
    return Trajectory(np.array(moves), sizes, states)


def assemble(build: Build, keywords: Mapping[str, Any], options: Mapping[str, Any], algorithm: Algorithm) -> Any:
    """Build an optimizer for the experiment and say what its hyper-parameters are.

    Args:
        build: build(params, **keywords).
        keywords: those that it has, with their defaults.
        options: the user's own, which come first.
        algorithm: whose settings are passed where there is a keyword for them.

    Returns:
        optimizer, its parameters, and the hyper-parameters as the transcription names them.

    Raises:
        OptbenchError: when the class cannot be built.
    """
    parameters = [torch.nn.Parameter(torch.tensor(p)) for p in problem()[0]]
    wanted = {**algorithm.settings, **_pair(algorithm.settings)}
    settings: dict[str, Any] = {}
    for name, value in wanted.items():
        key = next((k for k in ALIASES.get(name, (name,)) if k in keywords), None)
        if key and key not in options and _alike(value, keywords[key]):
            settings[key] = value
    basic = {k: v for k, v in settings.items() if k in BASIC}
    first = {**settings, **options, "lr": schedule(float(options.get("lr", settings.get("lr", 0.02))), 0)}
    attempts = [first, {**basic, **options, "lr": first["lr"]}, dict(options)]
    problem_met: Exception | None = None
    for given in attempts:
        try:
            optimizer = build(parameters, **given)
        except (TypeError, ValueError) as error:
            problem_met = problem_met or error
            continue
        hyper = {name: _found(name, optimizer, given, default) for name, default in algorithm.oracle.defaults.items()}
        hyper["lr"] = float(options.get("lr", algorithm.settings["lr"]))
        return optimizer, parameters, {k: v for k, v in hyper.items() if v is not None}
    raise OptbenchError(f"cannot build the class: {problem_met}", "give the keywords that it needs, as NAME:key=value")


def _alike(value: Any, default: Any) -> bool:
    """Tell whether a keyword with this default takes this value: some have a pair where others have a number."""
    if default is None or isinstance(default, (int, float)):
        return not isinstance(value, tuple)
    return isinstance(value, tuple) or not isinstance(default, (tuple, list))


def _pair(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return betas as separate keywords too."""
    return {f"{name}{i}": beta for name in ("beta", "b") for i, beta in enumerate(settings.get("betas", ()), 1)}


def _found(name: str, optimizer: Optimizer, given: Mapping[str, Any], default: Any) -> Any:
    """Return what a hyper-parameter is in a class: in its group, in what was given, or what its absence means."""
    group = optimizer.param_groups[0]
    if isinstance(default, str):
        return None  # an axis
    if name == "betas" and "betas" not in group:
        pair = [group.get(f"beta{i}", group.get(f"b{i}")) for i in range(1, len(default) + 1)]
        return tuple(pair) if None not in pair else default
    for key in ALIASES.get(name, (name,)):
        for place in (group, given, vars(optimizer)):
            if key in place and isinstance(place[key], (int, float, tuple, list)):
                return tuple(place[key]) if isinstance(place[key], (tuple, list)) else float(place[key])
    return 0.0 if name == "weight_decay" else default


def _flat(parameters: list[torch.nn.Parameter]) -> Array:
    return _joined([p.detach().to(torch.float64).numpy() for p in parameters])


def _joined(arrays: list[Array]) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays])
