"""The report of `optbench profile`: tables of time, of a step's work, of memory and of growth, in every format."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from optbench.report._cells import (
    BYTE_UNITS,
    NOTHING,
    TIME_UNITS,
    Cell,
    Column,
    Section,
    Units,
    ratios,
    scaled,
    seconds,
    sizes,
    unit_of,
    words,
)

if TYPE_CHECKING:
    from optbench.measure._profiled import ArmProfile, Profile, StepWork
    from optbench.measure.scale import ScalePoint
    from optbench.report._pages import Page
    from optbench.results import Ledger

FORMATS = ("table", "json", "markdown", "csv", "html")
PARTS = ("data", "forward", "backward", "clip", "step", "prediction", "schedule", "evaluation")
"""The parts of an epoch, in their order."""

GIGA = 1e9


def render(profile: "Profile", form: str = "table", *, width: int | None = None, colour: bool = False) -> str:
    """Return a profile as text that ends with a newline.

    Args:
        profile: what `optbench.measure.profile.profile` returns.
        form: one of `FORMATS`.
        width: columns of the terminal, for the table; None is unlimited.
        colour: whether the table may hold ANSI colours.
    """
    if form in ("json", "csv"):
        from optbench.report import profile_data

        return profile_data.json_text(profile) if form == "json" else profile_data.csv_text(profile)
    if form == "html":
        from optbench.report import profile_html

        return profile_html.render(profile, page(profile))
    from optbench.report import markdown, table

    pages = [page(profile)]
    return markdown.render(pages) if form == "markdown" else table.render(pages, width=width, colour=colour)


def page(profile: "Profile") -> "Page":
    """Return title, tables, warnings and notes."""
    from optbench.report import profile_notes
    from optbench.report._pages import Page

    found = (times(profile.arms), steps(profile.arms), memory(profile.arms), growth(profile.scale))
    kept = tuple(section for section in found if section is not None)
    warnings, notes = profile_notes.warnings(profile), profile_notes.notes(profile)
    return Page(profile_notes.title(profile), kept, tuple(warnings), tuple(notes))


def parts_of(arms: Sequence["ArmProfile"]) -> list[str]:
    """Return the parts that occur, in their order."""
    return [part for part in PARTS if any(part in arm.parts for arm in arms)]


def times(arms: Sequence["ArmProfile"]) -> Section | None:
    """Return the parts of an epoch, a row each, with a time and a share for each arm."""
    fit = [arm for arm in arms if arm.parts]
    if not fit:
        return None
    parts = parts_of(fit)
    unit = unit_of([arm.epoch_seconds for arm in fit], TIME_UNITS)
    columns: list[Column] = []
    for arm in fit:
        total = arm.epoch_seconds or 1.0
        values = [arm.parts.get(part) for part in parts]
        shares = [NOTHING if value is None else f"{100 * value / total:z.1f}" for value in values]
        columns.append(replace(scaled(arm.optimizer, [*values, total], unit, 4), group=arm.optimizer))
        columns.append(Column(("", "%"), tuple(map(Cell, [*shares, "100.0"])), group=arm.optimizer))
    return Section("time of an epoch", words("part", [*parts, "epoch"]), tuple(columns))


def steps(arms: Sequence["ArmProfile"]) -> Section | None:
    """Return throughput, and what a step takes and does."""
    if not any(arm.step for arm in arms):
        return None

    def work(pick: "Callable[[StepWork], float | None]") -> list[float | None]:
        return [pick(arm.step) if arm.step else None for arm in arms]

    excess = work(lambda step: step.moved_bytes / step.minimum_bytes if step.minimum_bytes else None)
    columns = (
        seconds("iteration", [arm.iteration_seconds for arm in arms]),
        _whole(("samples", "a second"), [arm.samples_per_second for arm in arms]),
        seconds("step", [arm.step_seconds for arm in arms]),
        _whole(("launches",), work(lambda step: step.launches)),
        replace(sizes("moved", work(lambda step: step.moved_bytes)), group="bytes"),
        replace(sizes("minimum", work(lambda step: step.minimum_bytes)), group="bytes"),
        replace(ratios(("moved", "/ minimum"), excess), group="bytes"),
        _fixed(("copy", "GB/s"), work(lambda step: step.bandwidth / GIGA), 1),
        _fixed(("roofline",), work(lambda step: step.roofline), 2),
        words("executor", [arm.executor for arm in arms]),
    )
    return Section("an iteration and its step", _names(arms), columns)


def memory(arms: Sequence["ArmProfile"]) -> Section | None:
    """Return the ledgers of an iteration."""
    ledgers = [arm.ledger for arm in arms]
    if not any(ledgers):
        return None

    def bytes_of(heading: str, pick: "Callable[[Ledger], int | None]") -> Column:
        return sizes(heading, [pick(ledger) if ledger else None for ledger in ledgers])

    columns = [bytes_of("parameters", lambda own: own.parameters), bytes_of("gradients", lambda own: own.gradients)]
    if any(own and own.buffers for own in ledgers):
        columns.append(bytes_of("buffers", lambda own: own.buffers))
    columns += [bytes_of("batch", lambda own: own.batch), bytes_of("state", lambda own: own.state)]
    columns.append(bytes_of("predicted", lambda own: own.state_predicted))
    if any(own and own.prediction_cache for own in ledgers):
        columns.append(bytes_of("XGrad's cache", lambda own: own.prediction_cache))
    columns += [bytes_of("transient", lambda own: own.step_transient), bytes_of("peak", lambda own: own.peak)]
    columns.append(words("set by", [own.peak_phase if own else "" for own in ledgers]))
    for kind in ("requested", "allocated", "reserved", "process"):
        if any(own and kind in own.device for own in ledgers):
            columns.append(bytes_of(kind, lambda own, kind=kind: own.device.get(kind)))  # type: ignore[misc]
    if any(own and own.rss is not None for own in ledgers):
        columns.append(bytes_of("resident", lambda own: own.rss))
    return Section("memory of a training iteration", _names(arms), tuple(columns))


def growth(points: Sequence["ScalePoint"]) -> Section | None:
    """Return a row for every optimizer at every size."""
    if not points:
        return None
    names = [Cell(point.optimizer, "" if point.status == "ok" else "failed") for point in points]
    speed = [point.step_seconds / point.parameters if point.step_seconds else None for point in points]
    columns = (
        _whole(("parameters",), [point.parameters for point in points]),
        _each("step", [point.step_seconds for point in points], TIME_UNITS),
        _fixed(("step, ns", "a parameter"), [None if value is None else value * GIGA for value in speed], 2),
        _fixed(("roofline",), [point.roofline for point in points], 2),
        _each("state", [point.state_bytes for point in points], BYTE_UNITS),
        _each("transient", [point.transient_bytes for point in points], BYTE_UNITS),
        _each("memory", [point.memory_bytes for point in points], BYTE_UNITS),
    )
    return Section("growth with the number of parameters", Column(("optimizer",), tuple(names), "left"), columns)


def _names(arms: Sequence["ArmProfile"]) -> Column:
    cells = tuple(Cell(arm.optimizer, "" if arm.status == "ok" else "failed") for arm in arms)
    return Column(("optimizer",), cells, "left")


def _each(heading: str, values: Sequence[float | None], units: Units) -> Column:
    """Return a column over several powers of ten, in which every number has a unit of its own."""
    columns = [scaled("", [value], unit_of([value], units), 3) for value in values]
    texts = [" ".join((column.cells[0].text, column.heading[1])) for column in columns]
    nothing = [Cell(NOTHING) if value is None else Cell(text) for value, text in zip(values, texts, strict=True)]
    return Column((heading,), tuple(nothing))


def _whole(heading: tuple[str, ...], values: Sequence[float | None]) -> Column:
    return Column(heading, tuple(Cell(NOTHING if value is None else f"{value:,.0f}") for value in values))


def _fixed(heading: tuple[str, ...], values: Sequence[float | None], places: int) -> Column:
    return Column(heading, tuple(Cell(NOTHING if value is None else f"{value:.{places}f}") for value in values))
