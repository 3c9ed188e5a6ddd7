"""Whether a published row is reproduced: its value against an interval, its order against another row's."""

from collections.abc import Sequence
from dataclasses import replace

from optbench import published
from optbench.overlay._types import COSTS, NOT_COMPARABLE, NOT_REPRODUCED, REPRODUCED, Line
from optbench.stats import mean_std, t_quantile


def judged(
    line: Line,
    row: published.Row,
    base: published.Row | None,
    differences: Sequence[float] | None,
    reasons: Sequence[str],
) -> Line:
    """Return the line with its verdict: see the package's docstring.

    Args:
        line: not judged yet.
        row: what was printed.
        base: the row that it is ordered by, if that is another one.
        differences: to that row's arm, paired by seed; None where it was not run.
        reasons: why nothing of the table is comparable.
    """
    if reasons:
        return replace(line, verdict=NOT_COMPARABLE, reason=reasons[0].partition(" (")[0])
    order, as_printed = "", True
    if base is not None and differences is not None:
        order, as_printed = _ordering(row.value - base.value, differences)
    if line.low is None or line.high is None:
        text = "one seed has no interval" + (
            f"; in it the order to {base.optimizer} is {order}" if base and order else ""
        )
        return replace(line, verdict=NOT_COMPARABLE, reason=text)
    inside = line.low <= row.value <= line.high
    problems = [] if inside else ["the printed value is outside the interval"]
    if base is not None and not as_printed:
        problems.append(f"its order to {base.optimizer} is {order}")
    return replace(line, verdict=NOT_REPRODUCED if problems else REPRODUCED, reason="; ".join(problems))


def _ordering(printed: float, differences: Sequence[float]) -> tuple[str, bool]:
    """Return how an arm's order to another compares with the printed difference, and whether it is shown to agree."""
    mean, std = mean_std(differences)
    if mean is None:
        return "", False
    same = (mean > 0) == (printed > 0) and (mean == 0) == (printed == 0)
    if std is None:
        return "the printed one" if same else "not the printed one", False
    half = t_quantile(0.975, len(differences) - 1) * std / len(differences) ** 0.5
    if printed == 0:
        tie = abs(mean) <= half
        return ("a tie as printed" if tie else "no tie"), tie
    if abs(mean) <= half:
        return f"not distinguishable with {len(differences)} seeds", False
    return ("the printed one", True) if same else ("reversed", False)


def best_of(rows: Sequence[published.Row], lines: Sequence[Line], table: published.Table) -> list[Line]:
    """Return the row that papers quote: the best over the prediction steps, labelled as such."""
    steps = [line for row, line in zip(rows, lines, strict=True) if row.keys.get("prediction_steps", 0)]
    if len(steps) < 2 or table.metric in COSTS:
        return []
    choose = max if table.direction == "higher" else min
    paper = choose(steps, key=lambda line: line.paper)
    ran = [line for line in steps if line.measured is not None]
    mine = choose(ran, key=lambda line: line.measured or 0.0) if ran else None
    chosen = f"here {mine.optimizer}" if mine else "not run"
    return [
        Line(
            optimizer=f"best of {steps[0].optimizer} to {steps[-1].optimizer}",
            arm=mine.arm if mine else "",
            paper=paper.paper,
            printed=paper.printed,
            measured=mine.measured if mine else None,
            seeds=mine.seeds if mine else 0,
            difference=mine.measured - paper.paper if mine and mine.measured is not None else None,
            reason=f"best-of-{len(steps)}, picked on the figures that it reports (paper {paper.optimizer}, {chosen})",
            best_of=len(steps),
        )
    ]


def order(lines: Sequence[Line], table: published.Table, key: str) -> str:
    """Return the optimizers from best to worst, such as `A > B = C`."""
    known = [(getattr(line, key), line.optimizer) for line in lines if getattr(line, key) is not None]
    known.sort(key=lambda pair: pair[0], reverse=table.direction == "higher")
    text = ""
    for index, (value, name) in enumerate(known):
        sign = "" if index == 0 else " = " if value == known[index - 1][0] else " > "
        text += sign + name
    return text
