"""Check 5: it trains: an ill-conditioned quadratic, Rosenbrock's valley, and the digits recipe for two epochs.

What is asked is little, so that every sound method passes: one learning rate out of a few must reach the threshold.
A method that ascends, stands still or forgets its state reaches none.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from optbench import optimizers, plan, recipe
from optbench.session import Session, settings
from optbench.verify._subject import Effort, Finding, Subject

NAME = "trains"
FACTORS = (1.0, 10.0, 100.0, 0.1, 30.0, 3.0, 0.3, 0.01)
"""Learning rates tried, in units of the default; the first that reaches the threshold ends the search."""
QUADRATIC, QUADRATIC_STEPS = 0.02, 300
"""The share of the initial value that must be left at most: of sum a_i x_i^2 / 2 with a from 0.1 to 10, from x = 1."""
ROSENBROCK, ROSENBROCK_STEPS = 0.03, 1000
"""The value to be reached, from 0.242 at (-1.2, 1); the valley begins at about 0.04 and ends at 0."""
ACCURACY, EPOCHS = 60.0, 2
"""Percent of the validation digits recognised; guessing gives 10."""

Objective = Callable[[torch.Tensor], torch.Tensor]


def check(subject: Subject, effort: Effort) -> Iterator[Finding]:
    """Yield a finding for each of the three problems."""
    yield _minimises(
        subject, "quadratic", _quadratic, [1.0] * 10, QUADRATIC * _value(_quadratic, [1.0] * 10), QUADRATIC_STEPS
    )
    yield _minimises(subject, "Rosenbrock", _rosenbrock, [-1.2, 1.0], ROSENBROCK, ROSENBROCK_STEPS)
    if effort.quick:
        yield Finding.not_run(NAME, "digits", "left out by --quick")
    else:
        yield _digits(subject, effort)


def _quadratic(x: torch.Tensor) -> torch.Tensor:
    curvature = torch.logspace(-1, 1, len(x), dtype=x.dtype)
    return (curvature * x * x).sum() / 2


def _rosenbrock(x: torch.Tensor) -> torch.Tensor:
    """Return Rosenbrock's function over 100: RAdam's first steps are lr times the gradient, as large as that is."""
    return (1 - x[0]) ** 2 / 100 + (x[1] - x[0] ** 2) ** 2


def _value(objective: Objective, point: Sequence[float]) -> float:
    return float(objective(torch.tensor(point, dtype=torch.float64)))


def _options(subject: Subject) -> dict[str, Any]:
    """Return the optimizer's defaults without decay, which moves the minimum, and without a long warm-up."""
    wanted = {"weight_decay": 0.0, "warm_steps": 20}
    return {n: v for n, v in wanted.items() if n in subject.keys}


def _optimizer(subject: Subject, weights: list[torch.nn.Parameter], rate: float) -> Any:
    """Make it with a learning rate; a third-party class may have another keyword for it, or none."""
    if subject.rule is not None:
        return subject.optimizer(weights, _implementation(subject), **_options(subject), lr=rate)
    optimizer = subject.optimizer(weights)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return optimizer


def _default_rate(subject: Subject) -> float:
    probe = subject.optimizer([torch.nn.Parameter(torch.ones(2))], _implementation(subject))
    return float(probe.param_groups[0].get("lr", 0.0))


def _implementation(subject: Subject) -> str:
    return next((impl for impl in ("cpu", *subject.implementations) if impl in subject.implementations), "")


def _rates(subject: Subject, start: float | None = None) -> list[float]:
    """Return the learning rates to try; the one that the user's reference fixes, or a recipe's, alone or first."""
    if "lr" in subject.fixed:
        return [float(subject.fixed["lr"])]  # type: ignore[arg-type]
    default = start or _default_rate(subject) or 1e-3
    return [default * factor for factor in FACTORS]


def _minimises(
    subject: Subject, title: str, objective: Objective, start: list[float], threshold: float, steps: int
) -> Finding:
    """Minimise a function with each learning rate, decayed to 0, until one is good enough."""
    best, at = math.inf, 0.0
    for rate in _rates(subject):
        final = _minimum(subject, rate, objective, start, steps)
        if final < best:
            best, at = final, rate
        if best <= threshold:
            break
    case = f"{title}, {steps} steps, lr {at:g}"
    message = (
        "" if best <= threshold else f"reaches {best:.3g}, not {threshold:.3g}, from {_value(objective, start):.3g}"
    )
    return Finding(NAME, case, not message, best, threshold, message)


def _minimum(subject: Subject, rate: float, objective: Objective, start: list[float], steps: int) -> float:
    """Return the value that is reached; infinite where it diverges."""
    x = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimizer = _optimizer(subject, [x], rate)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = objective(x)
        if not math.isfinite(float(loss.detach())):
            return math.inf
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
        if subject.wrapped:
            optimizer.train()
    if subject.wrapped:
        optimizer.eval()
    final = float(objective(x.detach()))
    return final if math.isfinite(final) else math.inf


def _digits(subject: Subject, effort: Effort) -> Finding:
    """Train the digits recipe's network by the session that trains runs, at the recipe's learning rate or a few."""
    chosen = recipe.load("digits-cnn").override(epochs=EPOCHS)
    given = chosen.defaults_for(subject.name)
    start = float(given["lr"]) if "lr" in given else None  # type: ignore[arg-type]
    best, at = 0.0, 0.0
    for rate in _rates(subject, start):
        accuracy = _accuracy(subject, chosen, rate, effort.seed)
        if accuracy > best:
            best, at = accuracy, rate
        if best >= ACCURACY:
            break
    case = f"digits, {EPOCHS} epochs, lr {at:g}"
    message = "" if best >= ACCURACY else f"recognises {best:.1f} %, not {ACCURACY:g} %"
    # what is left to 100 is what must be small, as everywhere else
    return Finding(NAME, case, not message, 100 - best, 100 - ACCURACY, message)


def _accuracy(subject: Subject, chosen: recipe.Recipe, rate: float, seed: int) -> float:
    """Return the validation accuracy in percent."""
    arm = plan.build(chosen, [optimizers.parse("sgd")], [], [seed])[0]
    spec = arm.specs[0]
    with settings(spec, deterministic=True):
        session = Session(spec)  # its model, data and loop; the optimizer is replaced by the one under test
        weights = [p for p in session.model.parameters() if p.requires_grad]
        session.optimizer = _optimizer(subject, weights, rate)
        for epoch in range(1, EPOCHS + 1):
            for batch in session.batches(epoch):
                session.iteration(batch)
        return session.evaluate("validation")["accuracy"]
