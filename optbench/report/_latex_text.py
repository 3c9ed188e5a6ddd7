"""Text and tables in LaTeX: every character means itself, and what is built compiles with booktabs alone."""

import re
from collections.abc import Sequence

from optbench.report._cells import NOTHING, Column

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",  # in OT1, LaTeX's default encoding, the key gives a closing quotation mark
    "'": r"\char39{}",
    "`": r"\char96{}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "µ": r"\ensuremath{\mu}",  # micro sign
    "μ": r"\ensuremath{\mu}",  # Greek mu
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "−": r"\ensuremath{-}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "→": r"\ensuremath{\rightarrow}",
    "…": r"\dots{}",
    "·": r"\ensuremath{\cdot}",
    "\u00a0": "~",
}
_ENCODED = re.compile(r"[ -~\u00c0-\u017f]")  # ASCII, and the letters of Latin-1 and Latin Extended-A


def escape(text: str) -> str:
    """Return `text` so that LaTeX prints it as it is, in running text, a caption or a cell.

    White space of any kind becomes one space (an empty line would end the paragraph). Letters that LaTeX's Latin fonts
    lack are written as their code point, since pdflatex stops at them.
    """
    joined = "".join(map(_character, " ".join(text.split())))
    return re.sub(r"-(?=-)", "-{}", joined)  # two hyphens are no dash


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    return character if _ENCODED.match(character) else f"[U+{ord(character):04X}]"


def code(text: str) -> str:
    r"""Return `text`, such as an optimizer's reference, in typewriter type.

    Typewriter fonts have all of ASCII at its own places, whatever the encoding, so that is how special signs are named.
    """
    plain = (rf"\char{ord(c)}{{}}" if c in _SPECIAL and c.isascii() else _character(c) for c in " ".join(text.split()))
    return r"\texttt{" + "".join(plain) + "}"


def comment(text: str) -> str:
    """Return `text` as one line that LaTeX skips."""
    return "% " + " ".join(text.split())


def tabular(heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], aligns: str) -> str:
    """Return a booktabs `tabular`; all texts are LaTeX already.

    Args:
        heads: the lines of each column's heading.
        rows: a text a column each.
        aligns: a letter a column: l, r or c.
    """
    depth = max(map(len, heads))
    above = zip(*([""] * (depth - len(lines)) + list(lines) for lines in heads), strict=True)
    first, below = ([" & ".join(row) + r" \\" for row in part] for part in (above, rows))
    body = [r"\toprule", *first, r"\midrule", *below, r"\bottomrule"]
    return "\n".join([rf"\begin{{tabular}}{{{aligns}}}", *body, r"\end{tabular}"])


def of_columns(columns: Sequence[Column]) -> str:
    """Return columns as the terminal shows them as a booktabs `tabular`."""
    heads = [[escape(line) for line in column.heading] for column in columns]
    rows = zip(*([cell_text(cell.text) for cell in column.cells] for column in columns), strict=True)
    return tabular(heads, list(rows), "".join("l" if column.align == "left" else "r" for column in columns))


def cell_text(text: str) -> str:
    """Return a cell's text, the minus sign of a number as one."""
    if text == NOTHING:
        return "--"
    return re.sub(r"(?<![\w.])-(?=\d)", r"\\ensuremath{-}", escape(text))


def floating(tabular_: str, caption: str, label: str, notes: Sequence[str]) -> str:
    """Return a `table` with its caption above, as tables have it, and its notes below.

    Args:
        tabular_: what stands in it.
        caption: LaTeX.
        label: made into `tab:...` of letters, digits and hyphens.
        notes: LaTeX, a paragraph each.
    """
    name = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "optbench"
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{caption}}}", rf"\label{{tab:{name}}}"]
    lines += [r"\small", r"\setlength{\tabcolsep}{4pt}", tabular_]
    if notes:
        lines += [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize\raggedright"]
        lines += ["\\\\\n".join(notes), r"\end{minipage}"]
    return "\n".join([*lines, r"\end{table}"])
