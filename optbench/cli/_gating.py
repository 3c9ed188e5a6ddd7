"""Verdicts and the gate on `compare`'s command line: margins, targets, saved comparisons, what fails a build.

gating = prepare(taken(options), recipe=..., settings=..., runs=...)    before anything trains
text, status = finish(comparison, measurement, gating, form, report=...)  when all is done
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.cli._options import F, stack
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.gate import Outcome, Rule
    from optbench.optimizers import Reference
    from optbench.recipe import Recipe
    from optbench.results import Measurement
    from optbench.saved import Saved
    from optbench.stats import Comparison, Tolerance

_FOLDER = click.Path(file_okay=False, path_type=Path)


def gate_options(function: F) -> F:
    """Add the options of verdicts and the gate."""
    return stack(
        click.option(
            "--margin",
            multiple=True,
            metavar="METRIC:VALUE",
            help="Call arms equivalent whose difference lies within this, such as accuracy:0.5 or loss:2%.",
        ),
        click.option(
            "--target",
            metavar="VALUE",
            help="Say how soon each arm reaches this: 97%, or METRIC:VALUE such as loss:0.1.",
        ),
        click.option("--save", metavar="NAME", help="Keep this comparison, in the run folder or in a .json file."),
        click.option("--against", metavar="NAME", help="Hold this comparison against a saved one."),
        click.option(
            "--against-path",
            type=_FOLDER,
            metavar="DIR",
            help="Hold costs against the optimizers of another checkout, timed in the same run.",
        ),
        click.option(
            "--fail-if",
            multiple=True,
            metavar="METRIC:TOLERANCE",
            help="Fail when this gets worse by more: accuracy:-0.5, loss:2%, step_time:5%. Exit status 1, or 3 when "
            "nobody can tell.",
        ),
    )(function)


@dataclass(frozen=True)
class Choice:
    """What the options said, unread."""

    margin: tuple[str, ...]
    target: str | None
    save: str | None
    against: str | None
    against_path: Path | None
    fail_if: tuple[str, ...]


@dataclass(frozen=True)
class Gating:
    """What the options mean.

    Attributes:
        margins: by metric; `target`: metric and value. Both are for `optbench.stats.compare`.
        against_path: for `CostSettings`; `rerun_costs`: costs must be measured now, whatever the store has.
        rules: what the gate holds; `old`: what it holds it against, where that is a file.
        save: the file to keep this comparison in.
    """

    margins: Mapping[str, "Tolerance"]
    target: tuple[str, float] | None
    against_path: Path | None
    rules: tuple["Rule", ...]
    old: "Saved | None"
    save: Path | None

    @property
    def needs_cost(self) -> bool:
        """Whether a rule is about times or bytes."""
        return any(rule.is_cost for rule in self.rules)

    @property
    def rerun_costs(self) -> bool:
        """Whether stored costs will not do: what is held against other code is measured now."""
        return self.needs_cost

    def rerun_runs(self, references: Iterable["Reference"]) -> bool:
        """Return whether stored runs will not do.

        They are filed by the source of optbench and of a third-party class's own file; what that file imports is
        not among it, so a gate trains such classes anew.
        """
        return bool(self.rules or self.save) and any(reference.is_import_path for reference in references)


def taken(options: dict[str, Any]) -> Choice:
    """Take the options of `gate_options` out of a command's options."""
    return Choice(**{name: options.pop(name) for name in Choice.__dataclass_fields__})


def prepare(
    choice: Choice,
    *,
    recipe: "Recipe",
    settings: Mapping[str, object],
    runs: Path,
    cost: bool = True,
    train: bool = True,
) -> Gating:
    """Read the options, and the file to hold against, before anything trains.

    Args:
        choice: what `taken` returned.
        recipe: what is compared on.
        settings: as they go into the comparison.
        runs: the run folder, where named comparisons lie.
        cost: whether costs will be measured.
        train: whether anything will be trained.

    Raises:
        OptbenchError: for an option that will not do, or a saved comparison of something else.
    """
    from optbench import saved, tasks
    from optbench.gate import check_alike, parse_rules
    from optbench.stats import tolerance

    task = tasks.info(recipe.task, recipe.data)
    metrics = task.metrics
    gating = Gating(
        margins=tolerance.margins(choice.margin, metrics),
        target=None if choice.target is None else tolerance.target(choice.target, metrics, task.primary),
        against_path=choice.against_path,
        rules=parse_rules(choice.fail_if, metrics),
        old=None,
        save=None if choice.save is None else saved.locate(choice.save, runs),
    )
    _check(choice, gating, cost, train)
    if choice.against is None:
        return gating
    old = saved.load(saved.locate(choice.against, runs))
    check_alike(recipe.name, settings, old, choice.against)
    return replace(gating, old=old)


def _check(choice: Choice, gating: Gating, cost: bool, train: bool) -> None:
    """Raise OptbenchError for options that make no sense together."""
    held = choice.against is not None or choice.against_path is not None
    if gating.rules and not held:
        raise OptbenchError("--fail-if needs something to hold against", "add --against NAME or --against-path DIR")
    if held and not gating.rules:
        option = "--against" if choice.against is not None else "--against-path"
        raise OptbenchError(f"{option} needs to know what may not get worse", "add --fail-if accuracy:-0.5, say")
    if choice.against_path is not None and not choice.against_path.is_dir():
        raise OptbenchError(f"there is no folder {choice.against_path}", "give --against-path a checkout")
    for rule in gating.rules:
        if rule.is_cost and not cost:
            raise OptbenchError(f"--fail-if {rule.metric} needs costs, and none are measured", "drop --no-cost")
        if not rule.is_cost and not train:
            raise OptbenchError(f"--fail-if {rule.metric} needs training, and nothing is trained", "hold costs alone")
        if not rule.is_cost and choice.against is None:
            remedy = f"save the old code's comparison with --save there, and add --against FILE for {rule.metric}"
            raise OptbenchError(f"--fail-if {rule.metric}: --against-path holds costs only", remedy)


def finish(
    comparison: "Comparison", measurement: "Measurement | None", gating: Gating, form: str, report: str = ""
) -> tuple[str, int]:
    """Save and gate a comparison, and tell GitHub Actions where that is what runs this.

    Args:
        comparison: what was compared.
        measurement: the session that costs are from.
        gating: what `prepare` returned.
        form: the report's format.
        report: the report. JSON gets a member `gate`; a format that cannot hold the gate's text leaves it to stderr.

    Returns:
        The report with what the gate says, and the exit status.
    """
    from optbench import saved

    held = saved.Saved.of(replace(comparison, measurement=measurement))
    if gating.save is not None:
        saved.save(held, gating.save)
    if not gating.rules:
        return report, 0
    from optbench.gate import decide
    from optbench.report import gate

    outcome = decide(held, gating.old, gating.rules, against_path=gating.against_path is not None)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in gate.annotations(outcome):
            click.echo(line, err=True)
    return _with_gate(report, outcome, gating.rules, form), outcome.exit_status


def _with_gate(report: str, outcome: "Outcome", rules: tuple["Rule", ...], form: str) -> str:
    """Return the report with the gate's text in the place that its format has for it."""
    from optbench.report import gate

    if form == "json":
        document = json.loads(report or "{}")
        document["gate"] = gate.document(outcome, rules)
        return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    if form not in ("table", "markdown"):
        click.echo(gate.text(outcome), nl=False, err=True)
        return report
    text = gate.markdown(outcome) if form == "markdown" else gate.text(outcome)
    return f"{report}\n{text}" if report else text
