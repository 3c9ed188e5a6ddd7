"""The tables of time and memory, and what is said below them: known answers from made-up samples."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from priced import KIB, MIB, cost, costs_only, ledger, measurement, row, samples

from optbench.report import render
from optbench.results import Cost
from optbench.stats import Comparison

ADAMW = cost("adamw", 2e-4, canonical="adamw:impl=auto:lr=0.1")
XGRAD = cost(
    "xgrad+adamw",
    3e-4,
    canonical="xgrad+adamw:cache=true:impl=auto:lr=0.1:s=1",
    ledger=ledger(
        state=450 * KIB, state_predicted=450 * KIB, prediction_cache=150 * KIB, peak=int(3.15 * MIB), peak_phase="step"
    ),
)


@pytest.fixture
def two() -> Comparison:
    return costs_only([cost("new", 4e-4, ledger=ledger(peak=4 * MIB))], [ADAMW])


def tables(text: str) -> dict[str, list[str]]:
    """Return the tables of a report by their titles, as lines."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return {block[0]: block[1:] for block in blocks if any(set(line) <= {"─", " "} for line in block)}


def figures(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"[+-]?\d+\.?\d*", line.partition("  ")[2])]


def test_the_table_of_phases_is_this_text(two: Comparison) -> None:
    # launches are 0, 1 and 2 % slower than the samples say
    assert tables(render(two))["time of a training iteration, and of an epoch"] == [
        "             data  forward  backward   step  iteration  epoch",
        "optimizer      ms       ms        ms     ms         ms     ms  executor",
        "─────────  ──────  ───────  ────────  ─────  ─────────  ─────  ────────",
        "new        0.0101     1.01      2.02  0.404       3.44    344  cpu",
        "adamw      0.0101     1.01      2.02  0.202       3.24    324  cpu",
    ]


def test_the_table_of_ratios_is_this_text(two: Comparison) -> None:
    # overhead: (0.4 - 0.2) ms over 3.21 ms; iteration: 3.41 / 3.21; step: 0.4 / 0.2
    assert tables(render(two))["time against adamw"] == [
        "optimizer            overhead %      iteration, ratio        step, ratio",
        "─────────  ────────────────────  ────────────────────  ─────────────────",
        "new        +6.23 [+6.23, +6.23]  1.062 [1.062, 1.062]  2.00 [2.00, 2.00]",
    ]


def test_the_table_of_memory_is_this_text(two: Comparison) -> None:
    assert tables(render(two))["memory of a training iteration"] == [
        "           parameters  gradients  state  transient   peak  peak         peak  resident",
        "optimizer         KiB        KiB    KiB          B    MiB  set by    / adamw       MiB",
        "─────────  ──────────  ─────────  ─────  ─────────  ─────  ────────  ───────  ────────",
        "new             150.0      150.0  300.0          0  4.000  backward    1.33x     300.0",
        "adamw           150.0      150.0  300.0          0  3.000  backward    1.00x     300.0",
    ]


def test_there_is_no_quality_and_no_training_where_only_costs_were_measured(two: Comparison) -> None:
    text = render(two)
    for word in ("accuracy", "seed", "epochs", "protocol"):
        assert word not in text


def test_weight_prediction_is_told_apart_where_its_base_is_there() -> None:
    found = tables(render(costs_only([XGRAD], [ADAMW])))
    (line,) = found["weight prediction over its base"][2:]
    assert line.startswith("xgrad+adamw over adamw ")
    assert figures(line)[0] == pytest.approx(100 * 0.1 / 3.21, abs=0.005)
    assert figures(line)[6:] == pytest.approx([1.5, 1.5, 1.5, 5.0], abs=0.005)
    heads, _units, _, first, second = found["memory of a training iteration"]
    assert "XGrad's cache" in heads
    assert re.search(r"450\.0 +150\.0 ", first)
    assert re.search(r"300\.0 +0\.0 ", second)


@pytest.mark.parametrize(
    "canonical",
    [
        "adamw:impl=auto:lr=0.2",  # another lr
        "adamw:impl=torch:lr=0.1",  # another implementation
        "adam:impl=auto:lr=0.1",  # another optimizer
        "xgrad+adamw:cache=true:impl=auto:lr=0.1:s=2",  # predicted itself
    ],
)
def test_only_the_same_optimizer_with_the_same_options_is_a_base(canonical: str) -> None:
    other = cost("other", canonical=canonical)
    assert "weight prediction over" not in render(costs_only([XGRAD], [other]))
    assert "xgrad+adamw over adamw" in render(costs_only([XGRAD, ADAMW], [other]))


def test_an_arm_of_another_executor_is_named() -> None:
    torchs = cost("adamw:impl=torch", executor="torch")
    text = render(costs_only([cost("new"), torchs], [ADAMW]))
    assert "not run by the baselines' executor, cpu: adamw:impl=torch (torch)" in text
    assert "not run by" not in render(costs_only([cost("new")], [ADAMW]))
    both = render(costs_only([cost("new")], [ADAMW, torchs]))
    assert "the baselines run in different executors (cpu, torch)" in both


def test_the_noise_floor_is_the_twins_ratio_and_how_far_its_interval_reaches() -> None:
    spread = {
        phase: tuple(tuple(s * factor for s in turns) for turns, factor in zip(rows, (0.99, 1.0, 1.01), strict=True))
        for phase, rows in samples(2e-4).items()
    }
    twin = replace(ADAMW, canonical=ADAMW.canonical + "#aa", samples=spread)
    found = tables(render(costs_only([cost("new")], [ADAMW], extra=[twin])))
    (heads, _, _, iteration, step) = found["noise floor of this machine: adamw timed against itself"]
    assert "least difference" in heads
    # logs of 0.99, 1, 1.01 with t(2 degrees) = 4.3027
    logs = [math.log(x) for x in (0.99, 1.0, 1.01)]
    mean = sum(logs) / 3
    half = 4.302653 * (sum((x - mean) ** 2 for x in logs) / 2) ** 0.5 / 3**0.5
    low, high = math.exp(mean - half), math.exp(mean + half)
    for line in (iteration, step):
        value, low_found, high_found, floor = figures(line)
        assert (value, low_found, high_found) == pytest.approx((math.exp(mean), low, high), abs=5e-4)
        assert floor == pytest.approx(100 * max(high - 1, 1 - low), abs=5e-3)
    assert "#aa" not in render(costs_only([], [ADAMW], extra=[twin]))


def test_one_launch_has_figures_and_no_interval() -> None:
    one = costs_only([cost("new", 4e-4, launches=1)], [cost("adamw", 2e-4, launches=1)])
    text = render(replace(one, measurement=replace(one.measurement, launches=1)))
    assert "[" not in text
    assert "1 launch of fresh processes" in text
    assert "one launch has no interval" in text


def test_what_was_measured_and_how_is_told() -> None:
    text = render(costs_only([cost("slow", warmup_seconds=9.0)], [ADAMW]))
    assert "3 launches of fresh processes, 4 turns each" in text
    assert "the precision of 2 % was reached" in text
    assert "up to 9.0 s, slow" in text
    assert "scaled up from 10 % of one" in text
    assert "live tensors, data set excluded" in text
    assert "states are as large as the rules predict" in text
    assert "warning" not in text


def measured(**changes: object) -> str:
    arms = [cost("new", 4e-4), ADAMW]
    return render(costs_only(arms[:1], arms[1:], measurement=measurement(*arms, **changes)))


def test_a_budget_that_was_spent_is_told() -> None:
    text = measured(reached=False, precision=0.005)
    assert "the budget was spent before the precision of 0.5 % was reached" in text
    assert "warning" not in text


def test_a_busy_machine_is_a_warning() -> None:
    text = measured(busy=("load 3.1 on 2 cores", "another process on the GPU"))
    assert "warning: the machine was busy while times were measured: load 3.1 on 2 cores; another process" in text


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_synthetic_data_are_told_in_the_title_and_below(form: str) -> None:
    arms = [cost("new", 4e-4), ADAMW]
    made = costs_only(arms[:1], arms[1:], measurement=measurement(*arms, synthetic=True))
    first, *rest = render(made, form).splitlines()
    assert "synthetic data" in first
    assert any("synthetic data of the recipe's shape" in line for line in rest)


def test_state_that_a_rule_does_not_predict_is_a_warning_and_marked() -> None:
    odd = cost("odd", ledger=ledger(state=301 * KIB))
    text = render(costs_only([odd], [ADAMW]), colour=True)
    assert "warning: odd: 308,224 bytes of state, where its rule predicts 307,200" in text
    assert "\x1b[31m301.0\x1b[0m" in text
    assert "as large as the rules predict" not in text


def test_a_class_without_a_rule_has_no_prediction_to_keep() -> None:
    foreign = cost("my.Class", ledger=ledger(state=7, state_predicted=None))
    text = render(costs_only([foreign], [ADAMW]))
    assert "warning" not in text
    assert "as large as the rules predict, where there is a rule" in text


def test_a_gpu_shows_what_its_allocator_says() -> None:
    device = {"requested": 2 * MIB, "allocated": 3 * MIB, "reserved": 20 * MIB, "process": 400 * MIB}
    on_gpu = ledger(method="CUDA allocator", rss=None, device=device)
    text = render(costs_only([cost("new", ledger=on_gpu)], [replace(ADAMW, ledger=on_gpu)]))
    heads, _, _, line, _ = tables(text)["memory of a training iteration"]
    assert heads.split()[-4:] == ["requested", "allocated", "reserved", "process"]
    assert line.split()[-4:] == ["2.000", "3.000", "20.00", "400.0"]
    assert "resident" not in text


def failed(name: str = "big") -> Cost:
    return cost(name, status="out_of_memory", message="no room", samples={}, ledger=None, warmup_seconds=None)


def test_an_arm_that_could_not_be_measured_has_dashes_and_a_reason() -> None:
    text = render(costs_only([failed()], [ADAMW]))
    assert re.search(r"^big( +–){6,}", text, re.MULTILINE)
    assert "warning: big: out of memory (no room)" in text


def test_nothing_measured_is_no_table() -> None:
    text = render(costs_only([failed()]))
    assert "─" not in text
    assert "launch" not in text
    assert "out of memory (no room)" in text
    bare = replace(costs_only([cost("new")]), measurement=None)
    assert "launch" not in render(replace(bare, arms=tuple(replace(arm, cost=None) for arm in bare.arms)))


def test_without_a_baseline_there_are_no_ratios() -> None:
    text = render(costs_only([cost("new"), cost("other")]))
    assert "against" not in text
    assert "overhead" not in text
    assert "iteration" in text


@given(st.floats(1e-7, 100), st.floats(1e-7, 100))
def test_times_of_any_size_keep_three_digits_of_the_largest(one: float, other: float) -> None:
    found = tables(render(costs_only([cost("one", one), cost("other", other)])))
    heads, units, _, *lines = found["time of a training iteration, and of an epoch"]
    place, unit = heads.split().index("step"), units.split()[1 + heads.split().index("step")]
    scale = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}[unit]
    shown = [float(line.split()[1 + place]) * scale for line in lines]
    exact = [step * 1.01 for step in (one, other)]
    for value, true in zip(shown, exact, strict=True):
        assert value == pytest.approx(true, abs=0.0051 * max(exact))


def test_rows_of_a_baseline_that_is_an_arm_too_compare_with_themselves_nowhere() -> None:
    found = tables(render(costs_only([], [ADAMW, cost("sgdm")])))
    assert [line.split()[0] for line in found["time against adamw"][2:]] == ["sgdm"]
    assert [line.split()[0] for line in found["time against sgdm"][2:]] == ["adamw"]
    assert row(ADAMW, [ADAMW]).epoch_ratio == {"adamw": None}
