"""What the HTML report draws, against known answers and against `optbench.stats`."""

import math
from dataclasses import replace

import pytest
from html_made_up import arm, entry, four, with_gradients
from hypothesis import given, settings
from hypothesis import strategies as st
from making import ACCURACY, METRICS, run
from making import arm as bare
from priced import MIB, cost, ledger, measurement

from optbench.report import html
from optbench.report.html import _against, _costs, _curves
from optbench.report.html._curves import Pool, thinned
from optbench.stats import ArmResult, compare

ACCURACIES = st.lists(st.integers(0, 300).map(lambda k: k / 3), min_size=4, max_size=4)


def rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


@settings(max_examples=25, deadline=None)
@given(st.lists(ACCURACIES, min_size=3, max_size=4), st.data())
def test_a_chosen_baseline_is_judged_as_if_it_had_been_the_baseline(figures: list[list[float]], data) -> None:
    names = [f"a{k}" for k in range(len(figures))]
    chosen = data.draw(st.sampled_from(names))
    arms = [bare(name, own) for name, own in zip(names, figures, strict=True)]
    asked = compare(arms, METRICS, "accuracy")
    order = [row.optimizer for row in asked.arms]
    found = _against.differences(asked, ACCURACY)[order.index(chosen)]
    roles = [replace(each, role="baseline" if each.label == chosen else "arm") for each in arms]
    for row in compare(roles, METRICS, "accuracy").arms:
        cell, expected = found[order.index(row.optimizer)], row.metrics["accuracy"].difference[chosen]
        if row.optimizer == chosen:
            assert cell is None
            continue
        assert cell is not None
        assert cell[:3] == [rounded(expected.value), rounded(expected.low), rounded(expected.high)]
        assert cell[3] == expected.verdict


def test_the_comparisons_own_baseline_keeps_its_verdict_and_the_seeds_it_would_take() -> None:
    comparison = entry(four()).comparison
    order = [row.optimizer for row in comparison.arms]
    found = _against.differences(comparison, comparison.metrics["accuracy"])[order.index("adamw")]
    fast, shaky, lost = (found[order.index(name)] for name in ("fast", "shaky", "lost"))
    assert fast is not None and shaky is not None and lost is not None
    assert fast[0] == pytest.approx(95.7 / 3 + 190 / 3 - 90.2, abs=0.01)
    assert fast[3:] == ["better", "better"]
    assert shaky[3] == "not distinguishable"
    assert shaky[4].startswith("not distinguishable (")
    assert lost == [None, None, None, "", ""]


def test_overheads_are_percent_of_an_iteration_for_every_baseline() -> None:
    comparison = entry(four()).comparison
    order = [row.optimizer for row in comparison.arms]
    found = _against.overheads(comparison)
    assert found is not None
    cell = found[order.index("adamw")][order.index("fast")]
    assert cell is not None
    assert cell[0] == pytest.approx(100 * (2e-4 - 1e-4) / (3.01e-3 + 1e-4), rel=1e-3)  # see priced.samples
    back = found[order.index("fast")][order.index("adamw")]
    assert back is not None
    assert back[0] == pytest.approx(100 * (1e-4 - 2e-4) / (3.01e-3 + 2e-4), rel=1e-3)


def curves_of(*arms: ArmResult, points: int = 10**6):
    labels = [each.label for each in arms]
    found = _curves.curves(labels, {each.label: each.runs for each in arms}, {m.name: m for m in METRICS}, points)
    assert found is not None
    return found


def test_curves_carry_the_histories() -> None:
    found = curves_of(arm("a", [90.0, None]))
    titles = [series["title"] for series in found["series"]]
    assert titles == ["training loss", "validation accuracy %", "validation cross-entropy", "learning rate"]
    assert [series["log"] for series in found["series"]] == [True, False, True, True]
    ((whole, broken),) = found["arms"]
    assert found["xs"][whole["epoch"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert found["xs"][whole["update"]] == [100 * epoch for epoch in range(1, 9)]
    assert whole["second"] == pytest.approx([2.3 * epoch for epoch in range(1, 9)])
    assert whole["y"][1] == pytest.approx([90 * (1 - math.exp(-0.3 * epoch)) for epoch in range(1, 9)], rel=1e-4)
    assert (whole["status"], broken["status"]) == ("ok", "diverged")
    assert broken["y"][0][3:] == [1e4, 1e5, 1e6, None]


def test_losses_by_update_are_joined_by_their_updates() -> None:
    # 3, 1, then 2 and 4 updates with means 1, 5, 3 and 6: joined in pairs (3 + 5) / 4 and (6 + 24) / 6
    rows = ({"epoch": 1, "losses": [[3, 1.0], [4, 5.0]]}, {"epoch": 2, "losses": [[6, 3.0], [10, 6.0]]})
    pool = Pool()
    found = _curves._losses(rows, 2, pool)
    assert found is not None
    assert (pool.values[found[0]], found[1]) == ([4, 10], [2, 5])
    assert _curves._losses(rows, 4, pool)[1] == [1, 5, 3, 6]  # type: ignore[index]
    assert _curves._losses(({"epoch": 1},), 4, pool) is None
    bad = ({"losses": [[1, math.nan], [2, 1.0], [3, None], [4, 1.0]]},)
    assert _curves._losses(bad, 4, pool)[1] == [None, 1, None, 1]  # type: ignore[index]


def test_rows_of_before_updates_were_recorded_have_curves_by_epoch() -> None:
    rows = tuple({"epoch": e, "train_loss": 1 / e, "lr": 0.1, "seconds": 1.0, "test": {"accuracy": e}} for e in (1, 2))
    found = curves_of(ArmResult("old", "arm", "cpu", (run("old", 0, 50.0, history=rows),)))
    assert [series["title"] for series in found["series"]] == ["training loss", "test accuracy %"]
    ((only,),) = found["arms"]
    assert (only["update"], only["loss"]) == (None, None)
    assert only["second"] == [1, 2]


@given(st.integers(0, 5000), st.integers(2, 300))
def test_thinning_keeps_the_ends_and_never_repeats(count: int, points: int) -> None:
    kept = thinned(count, points)
    assert len(kept) == min(count, points)
    assert kept == sorted(set(kept))
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)


def test_long_runs_are_thinned_to_what_there_is_room_for() -> None:
    found = curves_of(arm("long", [90.0], rate=0.001, epochs=3000), points=1000)
    ((only,),) = found["arms"]
    assert len(only["y"][0]) == 100  # 1000 numbers, of 4 series each twice, epoch and second
    assert found["xs"][only["epoch"]][-1] == 3000
    assert len(only["loss"][1]) <= 200


def test_memory_at_the_peak_adds_up_to_it() -> None:
    comparison = entry(four()).comparison
    found = _costs.memory(comparison)
    assert found is not None
    for row, total, own in zip(found["rows"], found["totals"], comparison.arms, strict=True):
        assert total == own.peak_memory_bytes
        assert sum(row) == total
    assert "XGrad's cache" not in found["parts"]
    xgrad = cost("x", ledger=ledger(state=3 * MIB, prediction_cache=MIB, peak=MIB))
    other = compare([ArmResult("x", "arm", "cpu", (), xgrad)], (), "", measurement=measurement(xgrad))
    found = _costs.memory(other)
    assert found is not None
    parts = dict(zip(found["parts"], found["rows"][0], strict=True))
    assert (parts["optimizer state"], parts["XGrad's cache"]) == (2 * MIB, MIB)
    assert "activations and temporaries" not in parts  # the rest is larger than the peak


def test_the_time_split_has_the_medians_by_phase() -> None:
    found = _costs.time_split(entry(four()).comparison)
    assert found is not None
    fast = found["rows"][[row.optimizer for row in entry(four()).comparison.arms].index("fast")]
    assert fast == pytest.approx([1.01e-5, 1.01e-3, 2.02e-3, 2.02e-4], rel=1e-3)  # the middle launch is 1 % slower


def test_an_arms_status_is_that_of_its_runs_before_that_of_its_cost() -> None:
    comparison = entry(four()).comparison
    by_name = {row.optimizer: row for row in comparison.arms}
    assert _costs.status(by_name["fast"]) == "ok"
    assert _costs.status(replace(by_name["fast"], status="error")) == "error"
    assert _costs.status(replace(by_name["shaky"], status="error")) == "diverged"


def test_gradients_are_digits_by_the_root_of_their_share() -> None:
    (chapter,) = html.build([entry([with_gradients(arm("a", [90.0, 91.0])), arm("b", [90.0, 91.0])])]).chapters
    found = chapter.drawn["gradients"]
    assert found["edges"] == [-10, -9, -8]  # bins 30 and 31 of -40, -39, ...
    (only,) = found["arms"]
    assert (chapter.drawn["arms"][only["arm"]]["name"], only["seed"], only["updates"]) == ("a", 0, [1, 11])
    assert only["levels"] == ["90", "77"]  # 9 sqrt(1 / 2) = 6.4, rounded up


def sentence(*arms: ArmResult) -> str:
    return html.verdict(compare(arms, METRICS, "accuracy"))


def test_the_verdict_is_one_sentence() -> None:
    base = bare("adamw", [90.0, 90.2, 90.4], "baseline")
    good, bad, same = (
        bare("good", [95.0, 95.5, 95.2]),
        bare("bad", [80.0, 80.1, 80.5]),
        bare("same", [89.0, 91.5, 90.0]),
    )
    text = sentence(good, bad, same, base)
    assert text.startswith("Accuracy at 3 seeds: good has the best mean, 95.23; good (+5.03 [")
    assert " is better than adamw, bad (-10.00 [" in text
    assert text.endswith("is worse than it, same is not distinguishable from it.")
    many = [bare(f"good{k}", [95.0, 95.5, 95.2]) for k in range(4)]
    assert "4 optimizers are better than adamw" in sentence(*many, base)


def test_the_verdict_says_why_there_is_none() -> None:
    assert sentence(bare("a", [90.0]), bare("adamw", [91.0], "baseline")) == (
        "Accuracy at 1 seed: adamw has the best mean, 91.00, but one seed allows no verdict."
    )
    assert "without a baseline there is no verdict" in sentence(bare("a", [90.0, 91.0]), bare("b", [90.0, 91.0]))
    assert sentence(bare("a", [None, None])) == "Accuracy at 2 seeds: no run finished; a: diverged in 2 of 2 runs."
    assert html.verdict(compare([], (), "")) == "Nothing was trained and nothing was measured."


def test_the_verdict_tells_the_cost_and_failures() -> None:
    text = html.verdict(entry(four()[:1] + four()[3:]).comparison)
    assert "beside adamw, the time of a training iteration changes by +3.2 % [" in text
    text = html.verdict(entry(four()).comparison)
    assert "changes by +0.0 to +3.2 %" in text
    assert text.endswith("; shaky: diverged in 1 of 3 runs; lost: diverged in 3 of 3 runs.")
