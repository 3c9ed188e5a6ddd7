"""All that a rule of your own is written with: `from optbench.rules import Rule, register, ...`.

A rule is an optimizer's update for one element. `optbench init optimizer NAME` writes one that works, with its test;
`Rule` says what its functions take and return. It has the same executors as optbench's own (eager, cpu, cuda), and is
named by its import path: `optbench compare --optims my_module.MyRule`.

Hyper-parameters: `learning_rate`, `decay_rates` (betas), `unit`, `non_negative`, `non_positive`, `at_least`, `whole`,
`numbers`, `positive_numbers`, `flag`, `choice`. State: `zeros`, `filled`, `per_tensor`. For `direction` and its like:
`sqrt`, `sign`, `minimum`, `maximum`, `where`. For `coefficients`: `averages`. Annotations: `E`, an element (theta, g,
d, a slot), and `C`, a coefficient.
"""

from optbench.optimizers._hyperparameters import (
    Value,
    at_least,
    choice,
    decay_rates,
    flag,
    learning_rate,
    non_negative,
    non_positive,
    numbers,
    positive_numbers,
    unit,
    whole,
)
from optbench.optimizers._registry import TorchClass, register
from optbench.optimizers._rule import C as C  # annotations alone: `pydoc` need not explain typing.Any
from optbench.optimizers._rule import E as E
from optbench.optimizers._rule import (
    Rule,
    averages,
    decay_and_step,
    filled,
    maximum,
    minimum,
    per_tensor,
    sign,
    sqrt,
    where,
    zeros,
)

__all__ = [
    "Rule",
    "TorchClass",
    "Value",
    "at_least",
    "averages",
    "choice",
    "decay_and_step",
    "decay_rates",
    "filled",
    "flag",
    "learning_rate",
    "maximum",
    "minimum",
    "non_negative",
    "non_positive",
    "numbers",
    "per_tensor",
    "positive_numbers",
    "register",
    "sign",
    "sqrt",
    "unit",
    "where",
    "whole",
    "zeros",
]
