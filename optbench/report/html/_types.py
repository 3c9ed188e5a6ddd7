"""What goes into an HTML report, and what it shows: frozen, torch-free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optbench.overlay import Overlay
from optbench.report._cells import Section
from optbench.results import RunResult
from optbench.stats import Comparison
from optbench.tune import ArmTuning


@dataclass(frozen=True)
class Data:
    """Where a recipe's data came from.

    Attributes:
        name, title, source, licence, checksum, splits, stand_in_for: as `optbench.datasets.DatasetInfo` has them;
            `checksum` of the bytes that were read.
        provenance: where they were found on this machine, in words.
        examples: what the splits count.
    """

    name: str
    title: str = ""
    source: str = ""
    licence: str = ""
    checksum: str = ""
    splits: Mapping[str, int] = field(default_factory=dict)
    provenance: str = ""
    stand_in_for: str = ""
    examples: str = "examples"


@dataclass(frozen=True)
class Entry:
    """One recipe of a report.

    Attributes:
        comparison: its figures; its `measurement` has the times and the memory.
        runs: by the arm's label, its runs, whose histories become curves; empty means those that the comparison's arms
            have.
        overlay: the paper's figures beside them.
        tuning: what `optbench.tune.tune` returned, where the arms were tuned.
        recipe_text: the recipe as TOML; empty where it is not known.
        data: None where that is not known.
    """

    comparison: Comparison
    runs: Mapping[str, Sequence[RunResult]] = field(default_factory=dict)
    overlay: Overlay | None = None
    tuning: Sequence[ArmTuning] = ()
    recipe_text: str = ""
    data: Data | None = None


@dataclass(frozen=True)
class Published:
    """One of a paper's tables beside ours: its heading, its rows, and the lines below it."""

    heading: str
    table: Section
    below: tuple[str, ...]


@dataclass(frozen=True)
class Chapter:
    """What a report shows of one recipe.

    Attributes:
        id: names it in the page's links.
        title: the recipe and its title.
        verdict: what came out, in one sentence.
        warnings: what casts doubt on a figure; `notes`: how to read them.
        tables: the figures as plain tables, which need no script.
        published: the paper's tables beside ours; `paper`: what they are from; `remarks`: what concerns them.
        tuning_warnings, tuning_notes: what to know of the trials.
        failures: a sentence for each run that did not finish.
        facts: pairs of a heading and a value: data, machine, versions, settings, ...
        optimizers: pairs of an arm and its reference in full.
        runs: the runs as a table: by arm and seed, how each ended.
        recipe_text: the recipe.
        drawn: everything that is drawn, ready for JSON; see `_build`.
    """

    id: str
    title: str
    verdict: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[Section, ...]
    published: tuple[Published, ...]
    paper: str
    remarks: tuple[str, ...]
    tuning_warnings: tuple[str, ...]
    tuning_notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    failures: tuple[str, ...]
    optimizers: tuple[tuple[str, str], ...]
    runs: Section | None
    recipe_text: str
    drawn: Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """What an HTML report shows; `render` makes the page of it.

    Attributes:
        title: of the page.
        command: the command line that made it; `created`: when. Empty where not told.
        version: of optbench, as the comparisons name it.
        stand_ins: a sentence for each data set that stands in for another.
        chapters: one a recipe.
        styles: for every arm of the report, its colour on white, on a dark ground, and its dash.
    """

    title: str
    command: str
    created: str
    version: str
    stand_ins: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    styles: tuple[tuple[str, str, str], ...]
