"""LaTeX tables: every name is text, the structure is sound, and bold type stands only where tests support it."""

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from making import ACCURACY, METRICS, arm
from priced import MACHINE, SETTINGS, cost, costs_only, measurement
from scipy.stats import ttest_rel

from optbench import published
from optbench.overlay import Line, Overlay, Part
from optbench.report import published as published_report
from optbench.report import render, render_several
from optbench.report._latex_text import code, escape
from optbench.stats import ArmResult, Comparison, compare
from optbench.stats.best import best


def made(*arms: ArmResult, **changes) -> Comparison:
    costs = [each.cost for each in arms if each.cost]
    values = {"recipe": "tiny", "settings": SETTINGS, "machine": MACHINE}
    values["measurement"] = measurement(*costs) if costs else None
    return compare(arms, METRICS, "accuracy", **(values | changes))


CLEAR = (
    arm("new", [99.0, 98.9, 99.1, 99.0], price=cost("new", 4e-4)),
    arm("adamw", [97.0, 97.1, 97.2, 97.0], "baseline", cost("adamw")),
    arm("sgdm", [96.0, 96.1, 96.1, 95.9], "baseline", cost("sgdm")),
)
NASTY = "a_b%$&#{}~^\\--x<y>|\"'`:lr=1"

# LaTeX's own names for what our text says, transcribed from its manual (source2e, encguide)
NAMED = {
    "textbackslash": "\\",
    "textasciicircum": "^",
    "textasciitilde": "~",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textendash": "–",
    "textemdash": "—",
    "dots": "…",
}


def printed(latex: str) -> str:
    """Return what TeX would print of text that has no mathematics in it."""
    shown = ""
    while latex:
        if found := re.match(r"\\char(\d+)\{\}", latex):
            shown += chr(int(found[1]))
        elif found := re.match(r"\\([a-zA-Z]+)\{\}", latex):
            shown += NAMED[found[1]]
        elif found := re.match(r"\\([{}$&#%_])", latex):
            shown += found[1]
        elif found := re.match(r"\{\}", latex):  # what keeps two hyphens apart
            pass
        else:
            found = re.match(r"[^\\{}$&#%_^~]", latex, re.DOTALL)
            assert found, f"{latex!r} means something to TeX"
            shown += found[0]
        latex = latex[found.end() :]
    return shown


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_every_character_of_ascii_is_printed_as_it_is(text: str) -> None:
    assert printed(escape(text)) == " ".join(text.split())
    assert printed(code(text)[len(r"\texttt{") : -1]) == " ".join(text.split())


@given(st.text(max_size=20))
def test_no_text_breaks_out(text: str) -> None:
    shown = re.sub(r"\\ensuremath\{\\?[a-z-]+\}|~", "", escape(text))
    printed(shown)  # asserts that nothing in it is active
    assert "\n" not in shown


def test_two_hyphens_stay_two_hyphens() -> None:
    assert "--" not in escape("a--b---c")


def check_structure(text: str) -> None:
    """Assert that braces and environments close in order, and that every row has as many cells as columns."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    bare = re.sub(r"\\[{}&]", "", body)
    depth = 0
    for sign in re.findall(r"[{}]", bare):
        depth += 1 if sign == "{" else -1
        assert depth >= 0
    assert depth == 0
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", bare):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    for aligns, table in re.findall(r"\\begin\{tabular\}\{([lrc]+)\}\n(.*?)\\end\{tabular\}", bare, re.DOTALL):
        rows = [row for row in table.splitlines() if row.endswith(r"\\")]
        assert rows
        assert {row.count("&") for row in rows} == {len(aligns) - 1}


@pytest.mark.parametrize(
    "text",
    [
        render(made(*CLEAR), "latex"),
        render(made(*CLEAR[:2]), "latex"),
        render(costs_only([cost(NASTY)], [cost("adamw")]), "latex"),
        render_several([costs_only([cost("a")]), replace(costs_only([cost("a")]), recipe="x_y/z")], "latex"),
        render_several([made(*CLEAR), made(*CLEAR[:1])], "latex"),
    ],
    ids=["quality", "one baseline", "cost", "costs of several", "several"],
)
def test_structure_is_sound(text: str) -> None:
    assert text.startswith("% needs \\usepackage{booktabs}\n")
    assert text.endswith("\\end{table}\n")
    check_structure(text)


def test_names_with_every_special_character_are_text() -> None:
    settings = {**SETTINGS, "title": NASTY}
    found = made(arm(NASTY, [90.0, None, 91.0]), *(replace(each, cost=None, runs=each.runs[:3]) for each in CLEAR[1:]))
    text = render(replace(found, settings=settings, recipe=NASTY + "\n\\input{x}"), "latex")
    check_structure(text)
    assert "\\input" not in "\n".join(line for line in text.splitlines() if line[:1] != "%")
    cells = re.findall(r"^\\texttt\{(.*)\} & ", text, re.MULTILINE)
    assert NASTY in [printed(cell) for cell in cells]


def bold(text: str) -> list[str]:
    """Return the bold numbers."""
    return re.findall(r"\\mathbf\{([^}]*)\}", text)


def test_the_best_is_bold_where_it_beats_all_others_and_the_note_says_how() -> None:
    text = render(made(*CLEAR), "latex")
    assert bold(text) == ["99.00"]  # every cross-entropy is the same
    assert "Bold: better than every other optimizer of the table (paired $t$ test, two-sided at 5~\\%, Holm's" in text
    assert "cross-entropy: \\texttt{new}, the best mean, is not shown to be better than" in text
    assert r"a:~\texttt{adamw}, b:~\texttt{sgdm}" in text
    assert r"^{\mathrm{a}+\mathrm{b}+}" in text


def test_one_seed_makes_nothing_bold() -> None:
    text = render(made(arm("new", [99.0]), arm("adamw", [90.0], "baseline")), "latex")
    assert bold(text) == []
    assert "one seed supports no statement" in text


def test_an_arm_that_failed_once_is_not_the_best_and_stands_in_the_way_of_no_other() -> None:
    failed = made(arm("new", [99.0, 98.9, 99.1, None]), *(replace(each, cost=None) for each in CLEAR[1:]))
    assert best(failed, "accuracy").arm == ""
    gone = made(*CLEAR, arm("lost", [None] * 4))
    assert best(gone, "accuracy").arm == "new"


def test_a_row_of_a_baseline_by_another_implementation_is_beside_the_question() -> None:
    twin = arm("new:impl=torch", [99.0, 98.9, 99.1, 99.01], "reference")
    assert best(made(*CLEAR, twin), "accuracy").arm == "new"


figures = st.lists(st.floats(80, 99).map(lambda x: round(x, 2)), min_size=4, max_size=4)


@given(st.lists(figures, min_size=2, max_size=4), st.integers(0, 200))
def test_best_agrees_with_scipy(rows: list[list[float]], lead: int) -> None:
    rows[0] = [value + lead / 10 for value in rows[0]]
    differences = [[a - b for a, b in zip(rows[0], row, strict=True)] for row in rows[1:]]
    assume(all(max(each) - min(each) > 1e-3 for each in differences))
    means = [sum(row) for row in rows]
    assume(means[0] > max(means[1:]) + 1e-6)
    found = best(made(*(arm(f"arm{i}", row) for i, row in enumerate(rows))), "accuracy")
    p_values = sorted(ttest_rel(rows[0], row).pvalue for row in rows[1:])
    count = len(p_values)
    holm, largest = [], 0.0
    for i, p in enumerate(p_values):
        largest = max(largest, (count - i) * p)
        holm.append(largest)
    assume(abs(holm[-1] - 0.05) > 1e-6)
    assert found.leader == "arm0"
    assert found.arm == ("arm0" if holm[-1] <= 0.05 else "")


def test_lower_is_better_where_the_metric_says_so() -> None:
    losses = replace(ACCURACY, name="accuracy", direction="lower")
    arms = [arm("low", [1.0, 1.1, 1.2]), arm("high", [2.0, 2.2, 2.1])]
    assert best(compare(arms, [losses], "accuracy"), "accuracy").arm == "low"


def test_the_papers_figures_get_tables_of_their_own() -> None:
    paper = published.paper("xgrad")
    table = next(iter(paper.tables.values()))
    part = Part(table, "LeNet_5", ("other epochs",), (Line("Adam", "adam", 89.95, "89.95", 90.0),), ("Adam", "Adam"))
    text = published_report.joined(render(made(*CLEAR), "latex"), Overlay(paper, (part,), ()), "latex")
    check_structure(text)
    assert "LeNet\\_5" in text
    assert "not comparable: other epochs" in text
