"""From comparisons and runs to what an HTML report shows. No torch, no clock: the same input gives the same report.

A chapter's `drawn` is an object ready for JSON:

- `id`, `recipe`, `primary`, `baseline` (the number of the arm that is the baseline at first),
- `arms`: see `_costs.arm`; all other lists of arms are in their order,
- `metrics`: `name`, `title`, `digits`, `lower` (is better), `against`: see `_against.differences`,
- `overheads` (see `_against.overheads`), `curves`, `time`, `memory`, `tuning`, `gradients`: see the modules of those
  names; each None where there is nothing to draw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from optbench.report import _notes, tuning
from optbench.report._pages import page
from optbench.report._palette import styles
from optbench.report._quality import decimals
from optbench.report.html import _against, _costs, _facts, _published, _sentence
from optbench.report.html._curves import curves
from optbench.report.html._gradients import gradients
from optbench.report.html._tuning import tuning as drawn_tuning
from optbench.report.html._types import Chapter, Entry, Report
from optbench.stats import Comparison

POINTS = 240_000
"""Numbers in all the curves of a report, about: at six characters each half of what a page may have."""

_EDGE = "still lies at the edge"
_BELOW = "; test is below"  # true on a terminal; here it is above


def build(entries: Sequence[Entry], *, title: str = "", command: str = "", created: str = "") -> Report:
    """Return what a report of these recipes shows.

    Args:
        entries: one a recipe, at least one.
        title: of the page; empty means the recipes' names.
        command: the command line that the figures are from.
        created: when, as text.

    Raises:
        ValueError: there are no entries.
    """
    if not entries:
        raise ValueError("a report needs at least one comparison")
    numbers = _styles(entries)
    points = POINTS // len(entries)
    names = ", ".join(dict.fromkeys(entry.comparison.recipe for entry in entries))
    versions = dict.fromkeys(str(entry.comparison.machine.get("optbench", "")) for entry in entries)
    return Report(
        title=title or names,
        command=command,
        created=created,
        version=", ".join(filter(None, versions)),
        stand_ins=tuple(dict.fromkeys(filter(None, map(_facts.stand_in, entries)))),
        chapters=tuple(_chapter(entry, f"r{i}", numbers, points) for i, entry in enumerate(entries)),
        styles=tuple(
            (style.colour, style.dark, " ".join(f"{2 * length:g}" for length in style.dash))  # of lines 2 pixels wide
            for style in styles(numbers).values()
        ),
    )


def _styles(entries: Sequence[Entry]) -> dict[str, int]:
    """Return a number for each arm of the report, the same in all its chapters: asked arms first, then baselines."""
    arms = [arm for entry in entries for arm in entry.comparison.arms]
    asked = [arm.optimizer for arm in arms if arm.role == "arm"]
    tuned = [arm.label for entry in entries for arm in entry.tuning]
    labels = dict.fromkeys([*asked, *(arm.optimizer for arm in arms), *tuned])
    return {label: number for number, label in enumerate(labels)}


def _chapter(entry: Entry, name: str, numbers: Mapping[str, int], points: int) -> Chapter:
    comparison = entry.comparison
    entry = replace(entry, runs=entry.runs or {arm.optimizer: arm.runs for arm in comparison.arms})
    shown = page(comparison)
    overlay = entry.overlay
    trials = tuning.notes(entry.tuning) if entry.tuning else []
    return Chapter(
        id=name,
        title=shown.title,
        verdict=_sentence.verdict(comparison),
        warnings=shown.warnings,
        notes=tuple(line for line in shown.notes if line not in _notes.context(comparison)),
        tables=shown.sections,
        published=_published.tables(overlay) if overlay else (),
        paper=_published.paper(overlay) if overlay else "",
        remarks=overlay.notes if overlay else (),
        tuning_warnings=tuple(line for line in trials if _EDGE in line),
        tuning_notes=tuple(line.removesuffix(_BELOW) for line in trials if _EDGE not in line),
        facts=_facts.facts(entry),
        failures=tuple(_facts.failures(entry.runs)),
        optimizers=tuple((arm.optimizer, arm.canonical) for arm in comparison.arms if arm.canonical),
        runs=_facts.runs_table(comparison),
        recipe_text=entry.recipe_text,
        drawn={"id": name, **_drawn(entry, numbers, points)},
    )


def _drawn(entry: Entry, numbers: Mapping[str, int], points: int) -> dict[str, Any]:
    comparison, runs = entry.comparison, entry.runs
    labels = [arm.optimizer for arm in comparison.arms]
    return {
        "recipe": comparison.recipe,
        "primary": comparison.primary,
        "baseline": _baseline(comparison),
        "arms": [
            _costs.arm(arm, tuple(runs.get(arm.optimizer, ())), numbers[arm.optimizer]) for arm in comparison.arms
        ],
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "digits": decimals(metric),
                "lower": metric.direction == "lower",
                "against": _against.differences(comparison, metric),
            }
            for metric in _ordered(comparison)
        ],
        "overheads": _against.overheads(comparison),
        "curves": curves(labels, runs, comparison.metrics, points),
        "time": _costs.time_split(comparison),
        "memory": _costs.memory(comparison),
        "tuning": drawn_tuning(entry.tuning, numbers),
        "gradients": gradients(labels, runs),
    }


def _ordered(comparison: Comparison) -> list[Any]:
    """Return the metrics, the primary one first."""
    return sorted(comparison.metrics.values(), key=lambda metric: metric.name != comparison.primary)


def _baseline(comparison: Comparison) -> int:
    """Return the number of the first baseline, of the first arm where there is none."""
    labels = [arm.optimizer for arm in comparison.arms]
    return labels.index(comparison.baselines[0]) if comparison.baselines else 0
