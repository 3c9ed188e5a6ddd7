"""What a report holds, before it has a form: a title, tables, warnings and notes."""

from collections.abc import Sequence
from dataclasses import dataclass

from optbench.report import _across, _memory, _notes, _quality, _time
from optbench.report._cells import Section
from optbench.stats import Comparison


@dataclass(frozen=True)
class Page:
    """A report for people: `warnings` cast doubt on a figure, `notes` say how to read them."""

    title: str
    sections: tuple[Section, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def page(comparison: Comparison) -> Page:
    """Return the report of one comparison: quality, time and memory, as far as there are figures for each."""
    sections = (*_quality.sections(comparison), *_time.sections(comparison), *_memory.section(comparison))
    return Page(_notes.title(comparison), sections, tuple(_notes.warnings(comparison)), tuple(_notes.notes(comparison)))


def pages(comparisons: Sequence[Comparison]) -> list[Page]:
    """Return the report of several recipes: a page each, or one over all of them where nothing was trained."""
    if any(comparison.metrics for comparison in comparisons):
        return [page(comparison) for comparison in comparisons]
    return [
        Page(
            _across.title(comparisons),
            tuple(_across.sections(comparisons)),
            tuple(f"{each.recipe}: {line}" for each in comparisons for line in _notes.warnings(each)),
            tuple(_across.notes(comparisons)),
        )
    ]
