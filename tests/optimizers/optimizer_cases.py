"""What the optimizer tests share: every entry's variants, an awkward problem, and a run beside the oracle."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import optbench
from optbench.optimizers import create, info, names
from optbench.optimizers._reference import show_value
from optbench.verify._problem import Problem, array, distance, learning_rates
from optbench.verify.oracles import make

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(optbench.__file__).parents[1])}
"""For interpreters that tests start: they import the same optbench, from wherever pytest was called."""

# Hyper-parameters for each entry: every keyword it has is varied at least once (a test sees to that).
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "sgd": [
        {"lr": 0.05, "weight_decay": 0.1},
        {"lr": 0.05, "momentum": 0.8, "dampening": 0.2},
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ],
    "sgdm": [
        {"lr": 0.05},
        {"lr": 0.05, "nesterov": True, "weight_decay": 0.1},
        {"lr": 0.05, "momentum": 0.7, "dampening": 0.2, "weight_decay": 0.1},
        {"lr": 0.05, "momentum": 0.0},
    ],
    "adam": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "amsgrad": True},
    ],
    "adamw": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "amsgrad": True},
        {"lr": 0.02, "betas": (0.0, 0.0), "weight_decay": 0.0},
    ],
    "amsgrad": [{"lr": 0.02, "betas": (0.8, 0.6), "eps": 1e-3, "weight_decay": 0.1}],
    "nadam": [
        {"lr": 0.02, "weight_decay": 0.1, "momentum_decay": 0.1},
        {"lr": 0.02, "weight_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "decoupled_weight_decay": True},
    ],
    "adagrad": [
        {"lr": 0.02, "lr_decay": 0.1, "weight_decay": 0.1},
        {"lr": 0.02, "initial_accumulator_value": 0.1, "eps": 1e-3},
    ],
    "rmsprop": [
        {"lr": 0.02, "weight_decay": 0.1, "alpha": 0.9},
        {"lr": 0.02, "eps": 1e-3, "momentum": 0.8},
        {"lr": 0.02, "eps": 1e-3, "momentum": 0.8, "centered": True, "weight_decay": 0.1},
    ],
    "adadelta": [{"lr": 0.5, "weight_decay": 0.1, "rho": 0.8, "eps": 1e-4}],
    "adafactor": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.9, "d": 1.5, "eps": (1e-2, 1e-2), "beta2_decay": -0.5},
    ],
    "adaplus": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "betas": (0.8, 0.6), "eps": 1e-3, "amsgrad": True, "eps_mode": "paper"},
        {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-3, "eps_mode": "paper"},
        {"lr": 0.02, "betas": (0.8, 0.6), "eps": 1e-3, "amsgrad": True},
    ],
    "radam": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "weight_decay": 0.1, "warm": "skip", "decoupled": False, "betas": (0.8, 0.95)},
        {"lr": 0.02, "weight_decay": 0.1, "rectify_above": 4.0, "eps": 1e-3},
        {"lr": 0.02, "weight_decay": 0.1, "warm": "skip"},
        {"lr": 0.02, "weight_decay": 0.1, "decoupled": False},
        {"lr": 0.02, "betas": (0.9, 0.6)},
    ],
    "novograd": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "weight_decay": 0.1, "grad_averaging": True, "unscaled_first_moment": True},
        {"lr": 0.02, "weight_decay": 0.1, "grad_averaging": True, "eps": 1e-3},
        {"lr": 0.02, "weight_decay": 0.1, "betas": (0.9, 0.0), "amsgrad": True},
        {"lr": 0.02, "weight_decay": 0.1, "betas": (0.9, 0.98), "decoupled": True},
    ],
    "adabelief": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-3, "betas": (0.8, 0.6), "amsgrad": True},
        {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-8, "rectify": True},
        {"lr": 0.02, "eps": 1e-8, "rectify": True, "amsgrad": True, "betas": (0.8, 0.9)},
    ],
    "nadamw": [{"lr": 0.02, "weight_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}],
    "lion": [{"lr": 0.02, "weight_decay": 0.1, "betas": (0.8, 0.95)}],
    "yogi": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "weight_decay": 0.1, "decoupled": True, "betas": (0.8, 0.95), "eps": 1e-2},
    ],
    "adamomentum": [{"lr": 0.02, "weight_decay": 0.1}, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3}],
    "adabound": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "final_lr": 0.5, "gamma": 0.1, "betas": (0.8, 0.6), "eps": 1e-3, "amsbound": True},
    ],
    "adan": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "weight_decay": 0.1, "proximal": False, "betas": (0.9, 0.8, 0.95), "eps": 1e-3},
    ],
    "adamw-win": [
        {"lr": 0.02, "weight_decay": 0.1},
        {"lr": 0.02, "weight_decay": 0.1, "win2": True},
        {"lr": 0.02, "win2": True, "acceleration": (1.5, 3.0), "betas": (0.8, 0.95), "eps": 1e-3},
    ],
    "lars": [
        {"lr": 1.0, "weight_decay": 0.1},
        {"lr": 1.0, "momentum": 0.5, "trust_coefficient": 0.02},
    ],
    "lamb": [{"lr": 0.02, "weight_decay": 0.1}, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3}],
    "adam-2k": [{"lr": 0.02, "warm_steps": 4, "weight_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}],
}


def tolerance(name: str, impl: str) -> float:
    """Float64 bound; torch's NAdam keeps the product of the mu in float32."""
    return 1e-9 if (name, impl) == ("nadam", "torch") else 1e-12


REPRESENTATIVES = {"sgdm", "adamw", "adaplus", "radam", "novograd", "nadam"}
"""What belongs to the engine or to XGrad is tried with these in every implementation, and with the others except for
`cpu`, where each costs a compilation."""


def thin(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out the cpu executor of all but the representatives."""
    return [(name, impl) for name, impl in pairs if impl != "cpu" or name in REPRESENTATIVES]


def implemented() -> list[tuple[str, str]]:
    """Every entry in every implementation."""
    return [(name, impl) for name in names() for impl in info(name).implementations]


def references() -> list[str]:
    """The implemented entries, thinned out, as `NAME:impl=IMPL`."""
    return [f"{name}:impl={impl}" for name, impl in thin(implemented())]


def predictable() -> list[str]:
    """The entries that XGrad can wrap."""
    return [n for n in names() if not getattr(info(n).declaration, "lookahead", False)]


def variant_cases() -> list[tuple[str, str, dict[str, Any]]]:
    """(name, impl, hyper-parameters) for every variant of every entry; two of each on `cpu`."""
    cases = []
    for name in names():
        for impl in info(name).implementations:
            most = 2 if impl == "cpu" else None  # each set of switches is a compilation
            for hyper in VARIANTS.get(name, [{}])[:most]:
                if supported(name, impl, hyper):
                    cases.append((name, impl, hyper))
    return cases


def supported(name: str, impl: str, hyper: dict[str, Any]) -> bool:
    """Whether torch.optim's class has every keyword that the variant changes."""
    return not (impl == "torch" and name == "radam" and ({"warm", "rectify_above"} & set(hyper)))


def text_of(name: str, hyper: dict[str, Any], **more: Any) -> str:
    """The reference with these options written out."""
    return name + "".join(f":{key}={show_value(value)}" for key, value in {**hyper, **more}.items())


def case_id(value: Any) -> str | None:
    """Readable test ids: a variant by its options."""
    return text_of("", value).strip(":") or "default" if isinstance(value, dict) else None


def problem_for(reference: str, **keywords: Any) -> Problem:
    """The awkward problem, as far as the entry can bear it."""
    return Problem(**{"empty": "adafactor" not in reference, **keywords})


def resumable_dtype(reference: str) -> torch.dtype:
    """Float64, but for torch's NAdam, which casts its float32 product of the mu to float64 when it is loaded."""
    return torch.float32 if "nadam:impl=torch" in reference else torch.float64


class Beside:
    """An optimizer and its oracles, one per group, on the same gradients.

    Args:
        name: entry, or `xgrad+ENTRY`.
        impl: implementation.
        hyper: keywords, `lr` among them; those of XGrad too.
        problem: tensors and gradients.
        round_to: round the oracles' theta to this dtype after each step, as storage does.
        scheduled: whether the groups' learning rates change at every step.
    """

    def __init__(
        self,
        name: str,
        impl: str,
        hyper: dict[str, Any],
        problem: Problem,
        round_to: torch.dtype | None = None,
        scheduled: bool = True,
    ) -> None:
        self.problem, self.round_to, self.scheduled = problem, round_to, scheduled
        self.impl, self.lr = impl, hyper["lr"]
        self.parameters = problem.parameters()
        self.optimizer = create(text_of(name, hyper, impl=impl), Problem.groups(self.parameters))
        initial = [array(p) for p in self.parameters]
        self.set_lr(0)
        known = {k: v for k, v in hyper.items() if k not in ("lr", "cache")}
        # adabound keeps the lr of construction, so the oracles start with it.
        self.oracles = [make(name, part, lr=self.lr, **known) for part in (initial[:4], initial[4:])]

    def set_lr(self, step: int) -> tuple[float, float]:
        """Set the groups' learning rates, as a scheduler does."""
        lrs = learning_rates(self.lr, step) if self.scheduled else (self.lr, self.lr)
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        return lrs

    def run(self) -> Iterator[int]:
        """Take every step in turn, yielding after each."""
        for step in range(self.problem.steps):
            lrs = self.set_lr(step)
            if hasattr(self.optimizer, "train"):
                self.optimizer.train()  # aims again with the new lr, as the training loop does
                for oracle, lr in zip(self.oracles, lrs, strict=True):
                    oracle.reaim(lr)
            self.problem.give(self.parameters, step, plain=self.impl == "torch")
            self.optimizer.step()
            gradients = self.problem.arrays(step)
            for oracle, part, lr in zip(self.oracles, (gradients[:4], gradients[4:]), lrs, strict=True):
                oracle.step(part, lr=lr)
                if self.round_to is not None:
                    rounded = [torch.tensor(p).to(self.round_to) for p in oracle.theta]
                    oracle.theta[:] = [array(p) for p in rounded]
            yield step

    def worst(self, what: str = "theta") -> float:
        """Largest distance between the parameters and the oracles' theta or phi; NaN counts as infinite."""
        expected = [p for oracle in self.oracles for p in getattr(oracle, what)]
        return distance([array(p) for p in self.parameters], expected)
