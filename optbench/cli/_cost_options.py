"""The options of `compare` that say whether and how costs are measured, and which of them exclude each other."""

import math
from dataclasses import dataclass
from typing import Any

import click

from optbench.cli._options import F, stack
from optbench.errors import OptbenchError
from optbench.measure import CostSettings

PRECISION, BUDGET_SECONDS, LAUNCHES = CostSettings.precision, CostSettings.budget, CostSettings.launches
_TRAINING = ("seeds", "epochs", "jobs", "margin", "target")  # options that say nothing about cost
_MEASURING = ("cost_only", "synthetic", "aa", "cost_precision", "cost_budget", "cost_launches")


def share(ctx: click.Context, param: click.Parameter, value: str | None) -> float:
    """Read a share such as ``2%`` or ``0.02``, above 0 and below 1."""
    if value is None:
        return PRECISION
    text = value.strip()
    try:
        number = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        raise click.BadParameter(f"'{value}' is no number; write a percentage such as 2%", ctx, param) from None
    if not 0 < number < 1:
        hint = f"write {text}% for a percentage" if 1 <= number < 100 else "write a percentage such as 2%"
        raise click.BadParameter(f"'{value}' is not above 0 and below 100 %; {hint}", ctx, param)
    return number


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float:
    """Read a number of seconds above 0."""
    if value is None:
        return BUDGET_SECONDS
    try:
        number = float(value)
    except ValueError:
        raise click.BadParameter(f"'{value}' is no number of seconds", ctx, param) from None
    if not (math.isfinite(number) and number > 0):
        raise click.BadParameter(f"'{value}' is not a number of seconds above 0", ctx, param)
    return number


@dataclass(frozen=True)
class CostChoice:
    """What the options chose: `measure` and `train` say what is done at all."""

    measure: bool
    train: bool
    precision: float
    budget: float
    launches: int
    aa: bool
    synthetic: bool


def cost_options(function: F) -> F:
    """Add the options about cost."""
    return stack(
        click.option(
            "--cost-precision",
            callback=share,
            metavar="PERCENT",
            help=f"Measure until 95 % intervals are this narrow to each side.  [default: {PRECISION:.0%}]",
        ),
        click.option(
            "--cost-budget",
            callback=seconds,
            metavar="SECONDS",
            help=f"Stop after this, once --cost-launches are done; per recipe.  [default: {BUDGET_SECONDS:g}]",
        ),
        click.option(
            "--cost-launches",
            type=click.IntRange(min=1),
            default=LAUNCHES,
            show_default=True,
            metavar="N",
            help="Launch the workers afresh at least this often. Fewer than five are for a quick look.",
        ),
        click.option("--cost-only", is_flag=True, help="Measure costs and train nothing."),
        click.option("--no-cost", is_flag=True, help="Train and measure no costs."),
        click.option("--aa", is_flag=True, help="Time the first baseline against itself too: this machine's noise."),
        click.option("--synthetic", is_flag=True, help="Measure costs, and only those, on generated data."),
    )(function)


def taken(options: dict[str, Any]) -> CostChoice:
    """Take the options about cost out of a command's options.

    Raises:
        OptbenchError: two options of the command line exclude each other.
    """
    _check_conflicts()
    precision, budget, launches = (options.pop(f"cost_{name}") for name in ("precision", "budget", "launches"))
    aa, synthetic = options.pop("aa"), options.pop("synthetic")
    only, none = options.pop("cost_only"), options.pop("no_cost")
    return CostChoice(
        measure=not none,
        train=not (only or synthetic),
        precision=precision,
        budget=budget,
        launches=launches,
        aa=aa,
        synthetic=synthetic,
    )


def given(*names: str) -> list[str]:
    """Return which of these parameters the command line gives, as flags."""
    context = click.get_current_context()
    told = [name for name in names if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE]
    return ["--" + name.replace("_", "-") for name in told]


def _check_conflicts() -> None:
    """Raise OptbenchError where two options that were given exclude each other."""
    measuring, training = given(*_MEASURING), given(*_TRAINING)
    if given("no_cost") and measuring:
        raise OptbenchError(f"--no-cost and {measuring[0]} exclude each other", "leave one out")
    if (only := given("cost_only", "synthetic")) and training:
        raise OptbenchError(f"{training[0]} has no effect with {only[0]}, which trains nothing", "leave one out")
