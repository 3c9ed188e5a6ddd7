"""`optbench verify`: proofs that optimizers compute what their papers say, and behave as torch.optim's do."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from optbench.cli import _completion, _options
from optbench.cli._display import Quiet, display
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.optimizers import Reference

SKIP = 10
"""With --quick every tenth of the generated mutants is tried."""


@click.command("verify", short_help="Prove that optimizers compute what their papers say.")
@click.argument("optimizers", metavar="[REF]...", nargs=-1, shell_complete=_completion.references)
@click.option("--mutants", is_flag=True, help="Plant known faults and report which of them verify catches.")
@click.option("--as", "algorithm", metavar="NAME", help="Name the published variant of an algorithm that REF is.")
@click.option("--quick", is_flag=True, help="Fewer steps, settings and mutants; no training on digits.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every random draw.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes side by side.  [default: one a core]")
@_options.output("table", "json")
def command(
    optimizers: tuple[str, ...],
    mutants: bool,
    algorithm: str | None,
    quick: bool,
    seed: int,
    jobs: int | None,
    form: str,
    quiet: bool,
) -> int:
    """Verify the optimizers REF..., or every registered one, by itself and under XGrad.

    Six checks: an independent float64 transcription of the paper; the executors against each other; identities that
    the papers state; the contract of torch.optim; training; bytes of state. A class by import path has the last
    three, and a rule of your own the executors too. Options of a REF are held fixed. The exit status is 1 when
    something fails.

    \b
    optbench verify adaplus xgrad+adamw
    optbench verify my_package.MyOptimizer:lr=0.1
    optbench verify my_package.MyRAdam --as radam
    optbench verify adaplus --mutants
    """
    references = _references(optimizers)
    if mutants and algorithm:
        raise OptbenchError("--mutants and --as are two questions", "ask them one after the other")
    from optbench.verify import runner

    jobs = jobs or runner.default_jobs()
    with display(quiet or not sys.stderr.isatty()) as show:
        if algorithm:
            report = _fingerprint(references, algorithm)
        elif mutants:
            report = _mutants(references, jobs, quick, show)
        else:
            report = _checks(references, jobs, quick, seed, show)
    _print(report, form)
    return 0 if report.passed else 1


def _references(texts: Sequence[str]) -> "list[Reference]":
    """Parse what was named; a comma separates references here too."""
    from optbench.optimizers import parse_list

    return [reference for text in texts for reference in parse_list(text)]


def _checks(references: "list[Reference]", jobs: int, quick: bool, seed: int, show: Quiet) -> Any:
    from optbench.verify import runner
    from optbench.verify._subject import Effort

    show.stage("verifying", len(references) or len(runner.everything()))
    effort = Effort.small(seed) if quick else Effort(seed=seed)
    return runner.run(references, effort, jobs, show.advance)


def _mutants(references: "list[Reference]", jobs: int, quick: bool, show: Quiet) -> Any:
    from optbench.verify import mutants

    for reference in references:
        if reference.options or reference.xgrad:
            raise OptbenchError(f"'{reference.text}' with --mutants", f"name the optimizer alone: {reference.name}")

    def progress(verdict: Any, done: int, total: int) -> None:
        if done == 1:
            show.stage("planting faults", total)
        show.advance(done, f"{verdict.mutant.reference}: {verdict.outcome}")

    names = [reference.name for reference in references] or None
    return mutants.run(names, jobs, progress, every=SKIP if quick else 1)


def _fingerprint(references: "list[Reference]", algorithm: str) -> Any:
    from optbench.verify import fingerprint

    if len(references) != 1:
        raise OptbenchError(f"--as {algorithm} needs one optimizer, not {len(references)}", "name the one to identify")
    return fingerprint.run(references[0], algorithm)


def _print(report: Any, form: str) -> None:
    if form == "json":
        _options.say(json.dumps(report.to_dict(), indent=2, allow_nan=False))
    elif hasattr(report, "render"):
        _options.say(report.render(colour=_options.terminal()["colour"]))
    else:
        _options.say("\n".join([*_table(getattr(report, "rows", [])), *report.lines]))


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return counts as a table of lines, with an empty one after it; nothing for no rows."""
    if not rows:
        return []
    from tabulate import tabulate

    rows = [{key.replace(" ", "\n"): value for key, value in row.items()} for row in rows]
    return [*(line.rstrip() for line in tabulate(rows, "keys", tablefmt="simple").splitlines()), ""]
