"""The search space that follows from what a rule declares, where a recipe gives none."""

from optbench._ranges import Range
from optbench.optimizers import parse

LR_DECADES = 2  # to either side of the rule's default
DECAY_DECADES = 1


def declared(name: str) -> dict[str, Range]:
    """Return the ranges of an optimizer by its hyper-parameters' defaults, each logarithmic around its default.

    lr: two decades to either side. weight_decay: one, where the default is above 0, so where decay belongs to the
    method. Everything else stays at its default. A class named by import path declares nothing; a rule does.
    """
    entry = parse(name).entry
    found: dict[str, Range] = {}
    for hyperparameter in entry.hyperparameters if entry else ():
        decades = {"lr": LR_DECADES, "weight_decay": DECAY_DECADES}.get(hyperparameter.name)
        default = hyperparameter.default
        if decades and isinstance(default, (int, float)) and default > 0:
            found[hyperparameter.name] = Range(default / 10**decades, default * 10**decades)
    return found
