r"""LaTeX for a paper: a booktabs table a recipe, means ± standard deviations, the best in bold where that is shown.

The text needs `\usepackage{booktabs}` and nothing else, and compiles as it is. A figure is bold where its arm beats
every other arm beyond chance (`optbench.stats.best`), and not because it is the largest; letters mark the verdicts
against the baselines. The notes below the table say by which test, and over which family p-values were corrected.
"""

from collections.abc import Sequence

from optbench.overlay import Overlay
from optbench.report import _across, _notes
from optbench.report._cells import NOTHING, Cell, Column, seconds, sizes
from optbench.report._latex_text import cell_text, code, comment, escape, floating, of_columns, tabular
from optbench.report._quality import decimals
from optbench.report._time import PERCENT
from optbench.stats import LEVEL, ArmSummary, Comparison, Metric, Ratio
from optbench.stats.best import best

HEADER = r"% needs \usepackage{booktabs}"
_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$"}
_MARKS = {"better": "+", "worse": "-"}


def render(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as LaTeX with a final newline: a table each, or tables over all where nothing trained."""
    if len(comparisons) > 1 and not any(comparison.metrics for comparison in comparisons):
        return "\n\n".join([HEADER, *_over_recipes(comparisons)]) + "\n"
    return "\n\n".join([HEADER, *map(_table, comparisons)]) + "\n"


def published(found: Overlay) -> str:
    """Return the paper's figures beside ours as LaTeX: a table for each of the paper's."""
    from optbench.report.published import HEADINGS, heading, remarks, rows

    title = f"{found.paper.title} (arXiv:{found.paper.arxiv})"
    parts = []
    for part in found.parts:
        cells = [[cell_text(text) or "--" for text in row] for row in rows(part)]
        caption = f"Beside {escape(title)}: {escape(heading(part))}."
        label = f"{found.paper.name}-{part.table.id}-{part.model}"
        parts.append(
            floating(
                tabular([[name] for name in HEADINGS], cells, "llrrrl"),
                caption,
                label,
                list(map(escape, remarks(part))),
            )
        )
    return "\n\n".join(parts) + "\n"


def _table(comparison: Comparison) -> str:
    """Return one comparison's table, after comments that say what was run and on what."""
    heads, columns = [["optimizer"]], [[code(arm.optimizer) for arm in comparison.arms]]
    for metric in comparison.metrics.values():
        heads.append([f"{escape(metric.title)} {_ARROWS[metric.direction]}"])
        columns.append(_figures(comparison, metric))
    for column in _costs(comparison):
        heads.append([escape(line) for line in column.heading])
        columns.append([cell_text(cell.text) for cell in column.cells])
    text = tabular(heads, list(zip(*columns, strict=True)), "l" + "r" * (len(heads) - 1))
    label = f"optbench-{comparison.recipe}"
    about = [comment(line) for line in _notes.context(comparison)]
    return "\n".join([*about, floating(text, _caption(comparison), label, _below(comparison))])


def _caption(comparison: Comparison) -> str:
    title = escape(_notes.title(comparison))
    if not comparison.metrics:
        return f"{title}."
    n = len(comparison.seeds)
    return f"{title}. " + (rf"Mean $\pm$ standard deviation over {n} seeds." if n > 1 else "One seed.")


def _figures(comparison: Comparison, metric: Metric) -> list[str]:
    """Return a metric's cells: mean, deviation, and what the verdicts say of them."""
    places = decimals(metric)
    found = [arm.metrics[metric.name] for arm in comparison.arms]
    wide = [
        max((len(f"{value:.{places}f}") for value in values if value is not None), default=0)
        for values in ([summary.mean for summary in found], [summary.std for summary in found])
    ]
    winner = best(comparison, metric.name).arm
    marks = _verdicts(comparison, metric)

    def cell(arm: ArmSummary) -> str:
        summary = arm.metrics[metric.name]
        if summary.mean is None:
            return "--" if arm.status == "ok" else rf"\emph{{{escape(arm.status.replace('_', ' '))}}}"
        text = _digits(summary.mean, places, wide[0], arm.optimizer == winner)
        text += rf" \pm {_digits(summary.std, places, wide[1])}" if summary.std is not None else ""
        return f"${text}{marks[arm.optimizer]}$"

    return list(map(cell, comparison.arms))


def _digits(value: float, places: int, width: int, bold: bool = False) -> str:
    """Return a number in `width` characters, so that the points of a column stand below each other."""
    text = f"{value:.{places}f}"
    missing = width - len(text)
    filled = rf"\phantom{{{'0' * missing}}}" if missing > 0 else ""
    return filled + (rf"\mathbf{{{text}}}" if bold else text)


def _verdicts(comparison: Comparison, metric: Metric) -> dict[str, str]:
    """Return by arm the superscript that gives its verdicts, all of one width; empty where no arm has any."""
    letters = _letters(comparison)

    def mark(arm: ArmSummary) -> list[str]:
        found = [arm.metrics[metric.name].difference.get(name) for name in letters]
        return [_MARKS.get(each.verdict, "") if each else "" for each in found]

    by_arm = {arm.optimizer: mark(arm) for arm in comparison.arms}
    if not any(any(signs) for signs in by_arm.values()):
        return dict.fromkeys(by_arm, "")
    return {name: _superscript(list(letters.values()), signs) for name, signs in by_arm.items()}


def _superscript(letters: Sequence[str], signs: Sequence[str]) -> str:
    parts = [
        rf"\mathrm{{{letter}}}{sign}" if sign else rf"\phantom{{\mathrm{{{letter}}}+}}"
        for letter, sign in zip(letters, signs, strict=True)
    ]
    return f"^{{{''.join(parts)}}}"


def _letters(comparison: Comparison) -> dict[str, str]:
    """Return a letter for every baseline against which some verdict is `better` or `worse`."""
    said = {
        name: any(
            found.verdict in _MARKS
            for arm in comparison.arms
            for summary in arm.metrics.values()
            if (found := summary.difference.get(name))
        )
        for name in comparison.baselines
    }
    return dict(zip((name for name, any_ in said.items() if any_), "abcdefghijklmnopqrstuvwxyz", strict=False))


def _costs(comparison: Comparison) -> list[Column]:
    """Return what the arms cost: an epoch's time, the optimizers' overheads in percent of an iteration, the peak."""
    arms, found = comparison.arms, []
    if any(arm.epoch_seconds is not None for arm in arms):
        found.append(seconds("epoch", [arm.epoch_seconds for arm in arms]))
        for name in comparison.baselines:
            shares = tuple(Cell(_percent(arm.overhead.get(name))) for arm in arms)
            found.append(Column(("overhead %", f"over {name}"), shares))
    if any(arm.peak_memory_bytes is not None for arm in arms):
        found.append(sizes("peak", [arm.peak_memory_bytes for arm in arms]))
    return found


def _percent(value: Ratio | None) -> str:
    """Return a fraction in percent, with half its interval where it has one."""
    if value is None:
        return NOTHING
    half = "" if value.low is None or value.high is None else f" ± {PERCENT * (value.high - value.low) / 2:.2f}"
    return f"{PERCENT * value.value:+z.2f}{half}"


def _below(comparison: Comparison) -> list[str]:
    """Return the notes below the table, LaTeX already."""
    lines = [*_bold(comparison), *_marks(comparison)] if comparison.metrics else []
    if any(arm.overhead.get(name) for arm in comparison.arms for name in comparison.baselines):
        lines.append(
            r"Overhead: the optimizer's own phases less the baseline's, in \% of an iteration; $\pm$ is half its 95~\% "
            "interval over launches."
        )
    warnings = [escape(f"{line}.") for line in _notes.warnings(comparison)]
    return lines + warnings


def _bold(comparison: Comparison) -> list[str]:
    """Return what bold type means here, and where there is none, why."""
    if len(comparison.seeds) < 2:
        return ["Nothing is bold: one seed supports no statement about which is best."]
    found = {metric.title: best(comparison, name) for name, metric in comparison.metrics.items()}
    test = f"paired $t$ test, two-sided at {100 * LEVEL:g}~\\%, Holm's correction over those tests"
    if any(each.arm for each in found.values()):
        lines = [f"Bold: better than every other optimizer of the table ({test})."]
    else:
        lines = [f"Nothing is bold, which would say: better than every other optimizer of the table ({test})."]
    for title, each in found.items():
        if each.leader and each.tied:
            tied = ", ".join(map(code, each.tied))
            lines.append(f"{escape(title)}: {code(each.leader)}, the best mean, is not shown to be better than {tied}.")
    return lines


def _marks(comparison: Comparison) -> list[str]:
    letters = _letters(comparison)
    if not letters:
        return []
    listed = ", ".join(f"{letter}:~{code(name)}" for name, letter in letters.items())
    family = f", Holm's correction over {escape(comparison.family)}" if comparison.family else ""
    test = f"paired $t$ test, two-sided at {100 * LEVEL:g}~\\%{family}"
    return [f"$+$ or $-$: better or worse than the baseline ({listed}; {test})."]


def _over_recipes(comparisons: Sequence[Comparison]) -> list[str]:
    """Return the costs over several recipes, the terminal's tables."""
    title = escape(_across.title(comparisons))
    notes = [escape(line) for line in _across.notes(comparisons)]
    found = _across.sections(comparisons)
    return [
        floating(
            of_columns([section.first, *section.columns]),
            f"{title[:1].upper()}{title[1:]}: {escape(section.title)}.",
            f"optbench-{section.title}",
            notes if section is found[-1] else [],
        )
        for section in found
    ]
