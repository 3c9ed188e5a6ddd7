"""The paper's figures beside ours, as text, Markdown and JSON; see `optbench.overlay` for what the verdicts mean."""

import json
from collections.abc import Sequence
from typing import Any

from optbench.overlay import Line, Overlay, Part

HEADINGS = ("optimizer", "arm", "paper", "measured", "difference", "verdict")


def joined(report: str, found: Overlay | None, form: str, width: int | None = None) -> str:
    """Return a comparison's report with the overlay in the place that its format has for it.

    Args:
        report: what `optbench.report.render` returned.
        found: what `optbench.overlay.overlay` returned.
        form: the report's format: JSON gets a member `published`, CSV nothing, LaTeX tables of their own.
        width: as for `text`.
    """
    if found is None or form == "csv":
        return report
    if form == "latex":
        from optbench.report import latex

        return f"{report}\n{latex.published(found)}"
    if form == "json":
        return _json({**json.loads(report), "published": document(found)})
    return f"{report.rstrip()}\n\n{markdown(found) if form == 'markdown' else text(found, width)}"


def joined_several(report: str, found: Sequence[Overlay | None], form: str, width: int | None = None) -> str:
    """Return the report of several recipes with their overlays, in the order of the recipes; see `joined`."""
    if form != "json":
        for each in found:
            report = joined(report, each, form, width)
        return report
    document_ = json.loads(report)
    for comparison, each in zip(document_["comparisons"], found, strict=True):
        if each is not None:
            comparison["published"] = document(each)
    return _json(document_)


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def text(found: Overlay | None, width: int | None = None) -> str:
    """Return the overlay for a terminal, to go below the comparison; empty where there is none.

    Args:
        found: what `optbench.overlay.overlay` returned.
        width: columns to wrap notes to; None does not wrap.
    """
    if found is None:
        return ""
    blocks = [f"beside {_title(found)}"]
    for part in found.parts:
        lines = [heading(part), _indented(_table(part, "plain"))]
        lines += [_wrapped(f"  {line}", width) for line in remarks(part)]
        blocks.append("\n".join(lines))
    if found.notes:
        blocks.append(
            "\n".join(["of these published figures:", *(_wrapped(f"- {note}", width) for note in found.notes)])
        )
    return "\n\n".join(blocks) + "\n"


def markdown(found: Overlay | None) -> str:
    """Return the overlay as Markdown: a section, a table each; empty where there is none."""
    if found is None:
        return ""
    blocks = [f"### Beside {_title(found)}"]
    for part in found.parts:
        blocks += [f"**{heading(part)}**", _table(part, "pipe")]
        blocks += ["\n".join(f"- {line}" for line in remarks(part))]
    if found.notes:
        blocks += ["Of these published figures:", "\n".join(f"- {note}" for note in found.notes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def document(found: Overlay | None) -> dict[str, Any] | None:
    """Return the overlay ready for JSON: the value of the key `published`; None where there is none."""
    if found is None:
        return None
    return {
        "paper": found.paper.name,
        "title": found.paper.title,
        "arxiv": found.paper.arxiv,
        "tables": [_part_document(part) for part in found.parts],
        "notes": list(found.notes),
    }


def _part_document(part: Part) -> dict[str, Any]:
    table = part.table
    return {
        "table": table.id,
        "printed": table.printed,
        "model": part.model,
        "metric": table.metric,
        "unit": table.unit,
        "direction": table.direction,
        "aggregate": table.aggregate,
        "not_comparable": list(part.reasons),
        "order": {"paper": part.orders[0], "measured": part.orders[1]},
        "rows": [
            {
                "optimizer": line.optimizer,
                "arm": line.arm or None,
                "paper": line.paper,
                "measured": line.measured,
                "low": line.low,
                "high": line.high,
                "seeds": line.seeds,
                "difference": line.difference,
                "verdict": line.verdict or None,
                "reason": line.reason or None,
                "note": line.note or None,
                "best_of": line.best_of or None,
            }
            for line in part.lines
        ],
    }


def _title(found: Overlay) -> str:
    return f"{found.paper.title} (arXiv:{found.paper.arxiv})"


def heading(part: Part) -> str:
    """Return what a part's table is about, on one line."""
    table = part.table
    metric = table.metric.replace("_", " ")
    return f"{table.title}, {part.model} on {table.dataset}: {metric}, {table.unit}, {table.aggregate}"


def _table(part: Part, form: str) -> str:
    from tabulate import tabulate

    aligned: str = tabulate(
        rows(part), HEADINGS, tablefmt=form, disable_numparse=True, colalign=("left", "left", *["right"] * 3, "left")
    )
    return aligned


def rows(part: Part) -> list[Sequence[str]]:
    """Return a part's rows as text, in the order of `HEADINGS`."""
    return [_row(line, _digits(part)) for line in part.lines]


def _row(line: Line, digits: int) -> Sequence[str]:
    measured = "–" if line.measured is None else f"{line.measured:.{digits}f}"
    if line.low is not None and line.high is not None:
        measured += f" [{line.low:.{digits}f}, {line.high:.{digits}f}]"
    difference = "–" if line.difference is None else f"{line.difference:+.{digits}f}"
    verdict = ": ".join(word for word in (line.verdict, line.reason) if word)
    return line.optimizer, line.arm, line.printed + ("?" if line.note else ""), measured, difference, verdict


def _digits(part: Part) -> int:
    """Return the decimals of the printed values."""
    return max(len(line.printed.partition(".")[2]) for line in part.lines)


def remarks(part: Part) -> list[str]:
    """Return the lines below a part's table."""
    lines = []
    if part.reasons:
        lines.append("not comparable: " + "; ".join(part.reasons))
    seeds = {line.seeds for line in part.lines if line.low is not None}
    if seeds:
        lines.append(f"in brackets: where one more run of ours would fall (95 %, from {max(seeds)} seeds)")
    if part.orders[1]:
        lines.append(f"order in the paper: {part.orders[0]}; here: {part.orders[1]}")
    lines += [f"? {line.optimizer}: {line.note}" for line in part.lines if line.note]
    return lines


def _indented(block: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in block.splitlines())


def _wrapped(line: str, width: int | None) -> str:
    if width is None or len(line) <= width:
        return line
    import textwrap

    return textwrap.fill(line, max(width, 40), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
