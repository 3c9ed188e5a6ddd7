import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from making import METRICS
from priced import cost, ledger, measurement, samples
from scipy import stats

from optbench.errors import OptbenchError
from optbench.gate import Decision, Outcome, Rule, check_alike, decide, parse_rules
from optbench.report import gate as words
from optbench.results import Measurement
from optbench.saved import Saved, SavedArm
from optbench.stats import Tolerance

OLD = (98.0, 98.5, 97.5, 98.2, 97.8)
HERE, THERE = {"processor": "A", "cores": 2}, {"processor": "B", "cores": 2}


def arm(name: str, accuracies: Sequence[float | None] = OLD, role: str = "arm", **changes: object) -> SavedArm:
    statuses = tuple("diverged" if value is None else "ok" for value in accuracies)
    values: dict[str, object] = {
        "optimizer": name,
        "canonical": f"{name}:full=1",
        "role": role,
        "executor": "cpu",
        "statuses": statuses,
        "metrics": {"accuracy": tuple(accuracies), "cross_entropy": (0.5,) * len(statuses)},
        "state_bytes": 2048,
    }
    return SavedArm(**(values | changes))  # type: ignore[arg-type]


def saved(*arms: SavedArm, prices: Measurement | None = None, **changes: object) -> Saved:
    values: dict[str, object] = {
        "recipe": "tiny",
        "settings": {"epochs": 2},
        "machine": {},
        "directions": {"accuracy": "higher", "cross_entropy": "lower"},
        "seeds": tuple(range(len(arms[0].statuses) if arms else 0)),
        "arms": arms,
        "measurement": prices,
    }
    return Saved(**(values | changes))  # type: ignore[arg-type]


def rules(*texts: str) -> tuple[Rule, ...]:
    return parse_rules(texts, METRICS)


def one(outcome: Outcome) -> Decision:
    (decision,) = outcome.decisions
    return decision


def held(new: Sequence[float | None], old: Sequence[float | None] = OLD, rule: str = "accuracy:0.5") -> Decision:
    return one(decide(saved(arm("a", new)), saved(arm("a", old)), rules(rule)))


def less(by: float, spread: float = 0.1) -> list[float]:
    """Return new figures that are lower by `by` in the mean; `spread` is the standard deviation of the differences."""
    return [value - by + spread * way for value, way in zip(OLD, (1, -1, 1, -1, 0), strict=True)]


# -- rules ---------------------------------------------------------------------------------------------------------


def test_rules_are_read_with_their_sign_ignored() -> None:
    assert rules("accuracy:-0.5", "loss:2%", "state_bytes:0%", "peak_memory:1024", "step_time:5%") == (
        Rule("accuracy", Tolerance(0.5)),
        Rule("cross_entropy", Tolerance(0.02, relative=True)),
        Rule("state_bytes", Tolerance(0.0, relative=True)),
        Rule("peak_memory", Tolerance(1024.0)),
        Rule("step_time", Tolerance(0.05, relative=True)),
    )


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["acuracy:1"], "did you mean 'accuracy'?"),
        (["step-time:1%"], "did you mean 'step_time'?"),
        (["zzz:1"], "accuracy, cross_entropy, step_time, epoch_time, state_bytes, peak_memory, loss"),
        (["accuracy"], "not METRIC:VALUE"),
        (["accuracy:"], "not METRIC:VALUE"),
        (["accuracy:much"], "'much' is no number"),
        (["accuracy:nan"], "'nan' is no number"),
        (["accuracy:inf%"], "'inf' is no number"),
        (["step_time:0.01"], "write step_time:5%"),
        (["loss:1%", "cross_entropy:2%"], "cross_entropy is given twice"),
    ],
)
def test_a_rule_that_will_not_do_is_an_error(texts: list[str], said: str) -> None:
    with pytest.raises(OptbenchError, match="--fail-if") as error:
        parse_rules(texts, METRICS)
    assert said in str(error.value)


# -- quality -------------------------------------------------------------------------------------------------------


def test_worse_by_more_than_allowed_and_significantly_so_is_a_regression() -> None:
    found = held(less(1.0))
    low, high = stats.ttest_rel(less(1.0), OLD).confidence_interval(0.95)
    assert found.status == "regression"
    assert (found.value, found.low, found.high) == pytest.approx((-1.0, low, high))
    assert "accuracy of a: -1 [" in found.sentence
    assert "over 5 seeds, 0.5 worse is allowed; it is worse by more, and significantly so" in found.sentence


def test_worse_by_less_than_allowed_passes_even_where_it_is_significant() -> None:
    assert stats.ttest_rel(less(0.2, 0.05), OLD).pvalue < 0.01
    assert held(less(0.2, 0.05)).status == "pass"


def test_better_passes_and_lower_is_better_for_a_loss() -> None:
    assert held(less(-1.0)).status == "pass"
    worse = saved(arm("a", metrics={"accuracy": OLD, "cross_entropy": (0.7, 0.71, 0.69, 0.7, 0.7)}))
    assert one(decide(worse, saved(arm("a")), rules("loss:2%"))).status == "regression"
    assert one(decide(saved(arm("a")), worse, rules("loss:2%"))).status == "pass"


def test_a_large_difference_that_is_not_significant_is_inconclusive_and_says_how_many_seeds_would_do() -> None:
    found = held(less(0.8, 1.5))
    assert found.status == "inconclusive"
    assert "it is worse by more, but not significantly; it would take about" in found.sentence


def test_a_small_difference_passes_only_where_a_large_one_is_ruled_out() -> None:
    found = held(less(0.1, 1.5))
    assert found.status == "inconclusive"
    assert "a worsening by more cannot be ruled out; it would take about 58 seeds" in found.sentence
    # just where the one-sided 95 % bound is the tolerance
    edge = -stats.ttest_rel(less(0.1, 1.5), OLD).confidence_interval(0.9).low
    assert held(less(0.1, 1.5), rule=f"accuracy:{edge * 1.001}").status == "pass"
    assert held(less(0.1, 1.5), rule=f"accuracy:{edge * 0.999}").status == "inconclusive"


def test_one_seed_never_passes_but_with_the_very_same_figure() -> None:
    found = held([97.9], [98.0])
    assert (found.status, found.low) == ("inconclusive", None)
    assert "give --seeds 5 or more" in found.sentence
    assert held([90.0], [98.0]).status == "inconclusive"
    assert held([98.0], [98.0]).status == "pass"


def test_the_same_figures_pass_with_nothing_allowed() -> None:
    found = held(OLD, rule="accuracy:0")
    assert (found.status, found.value) == ("pass", 0.0)
    assert found.sentence == "accuracy of a: the same as before in each of 5 seeds"


def test_a_relative_tolerance_is_of_the_old_mean() -> None:
    assert held(less(0.9, 0.05), rule="accuracy:1%").status == "pass"  # 0.98 points
    assert held(less(1.3), rule="accuracy:1%").status == "regression"


def test_seeds_are_paired_by_number_and_only_shared_ones_count() -> None:
    new = saved(arm("a", [96.0, 97.0, 98.0]), seeds=(1, 2, 3))
    old = saved(arm("a", [0.0, 97.0, 98.0, 99.0, 0.0]))
    found = one(decide(new, old, rules("accuracy:0.5")))
    assert (found.value, found.status) == (-1.0, "inconclusive")  # 3 seeds on one side are chance in 1 of 4
    assert "over 3 seeds" in found.sentence


def test_significance_is_corrected_over_the_arms() -> None:
    new = [less(0.6, 0.45), less(0.0, 0.45)]
    p = stats.ttest_rel(new[0], OLD).pvalue
    assert 0.025 < p < 0.05
    alone = decide(saved(arm("a", new[0])), saved(arm("a")), rules("accuracy:0.5"))
    both = decide(saved(arm("a", new[0]), arm("b", new[1])), saved(arm("a"), arm("b")), rules("accuracy:0.5"))
    assert (alone.status, both.decisions[0].status) == ("regression", "inconclusive")


def test_a_run_that_fails_now_and_did_not_before_is_a_regression_whatever_is_held() -> None:
    new = saved(arm("a", [98.0, None, 97.5, 98.2, None]))
    outcome = decide(new, saved(arm("a", [98.0, 98.5, 97.5, 98.2, None])), rules("state_bytes:0%"))
    failed = outcome.decisions[0]
    assert (failed.metric, failed.status) == ("status", "regression")
    assert failed.sentence == "a finished before and fails now (seed 1: diverged)"
    gone = held([None] * 5, [None] * 5)
    assert (gone.status, gone.sentence) == ("inconclusive", "accuracy of a: no seed finished both then and now")


def test_arms_that_are_gone_are_inconclusive_and_baselines_and_new_ones_are_noted() -> None:
    old = saved(arm("a"), arm("gone"), arm("adamw", role="baseline"), arm("adamw:impl=torch", role="reference"))
    outcome = decide(saved(arm("a"), arm("new")), old, rules("accuracy:0.5"))
    assert [(d.arm, d.status) for d in outcome.decisions] == [("gone", "inconclusive"), ("a", "pass")]
    assert "new is new: there is nothing to hold it against" in outcome.notes
    assert "the saved baseline adamw was not run now" in outcome.notes
    assert outcome.exit_status == 3


def test_an_arm_is_found_by_its_hyper_parameters_or_else_by_its_name() -> None:
    old = saved(arm("adam:lr=1e-3", canonical="adam:lr=0.001"), arm("b", canonical="b:lr=1"))
    new = saved(arm("adam", canonical="adam:lr=0.001"), arm("b", canonical="b:lr=2"))
    outcome = decide(new, old, rules("accuracy:0.5"))
    assert [d.status for d in outcome.decisions] == ["pass", "pass"]
    assert outcome.notes == ("b was b:lr=1 and is b:lr=2",)


def test_reference_rows_are_not_gated() -> None:
    rows = arm("a"), arm("adamw:impl=torch", less(50.0), role="reference")
    assert (
        decide(saved(*rows), saved(arm("a"), arm("adamw:impl=torch")), rules("accuracy:0.5")).status == "inconclusive"
    )


def test_a_metric_that_one_side_lacks_is_inconclusive() -> None:
    old = saved(arm("a", metrics={"cross_entropy": (0.5,) * 5}), directions={"cross_entropy": "lower"})
    found = one(decide(saved(arm("a")), old, rules("accuracy:0.5")))
    assert (found.status, found.sentence) == ("inconclusive", "accuracy: the saved comparison has none")


# -- costs ---------------------------------------------------------------------------------------------------------


def prices(
    step: float = 1e-4, *, noise: float = 0.002, seed: int = 1, launches: int = 5, **changes: object
) -> Measurement:
    """Return a measurement of `a` alone, each launch with a noise of its own."""
    rng = np.random.default_rng(seed)
    rows = {
        phase: tuple(tuple(s * float(np.exp(rng.normal(0, noise))) for s in turns) for turns in by_launch)
        for phase, by_launch in samples(step, launches).items()
    }
    more = {"machine": HERE} | changes
    return measurement(cost("a", samples=rows, **({"ledger": more.pop("ledger")} if "ledger" in more else {})), **more)


def timed(new: Measurement, old: Measurement, rule: str = "step_time:5%") -> Decision:
    return one(decide(saved(arm("a"), prices=new), saved(arm("a"), prices=old), rules(rule)))


def test_times_of_one_machine_are_held_by_launch() -> None:
    assert timed(prices(seed=1), prices(seed=2)).status == "pass"
    slow = timed(prices(1.2e-4, seed=1), prices(seed=2))
    assert slow.status == "regression"
    assert slow.value == pytest.approx(1.2, abs=0.01)
    assert slow.low is not None
    assert slow.low > 1.15
    assert "step time of a: 1.2" in slow.sentence
    assert "over 5 launches, 5 % more is allowed; it is slower by more" in slow.sentence
    assert timed(prices(1.2e-4, seed=1), prices(seed=2), "epoch_time:5%").status == "pass"  # 0.6 % of an iteration


def test_the_interval_of_two_sessions_is_welchs() -> None:
    new, old = prices(1.02e-4, noise=0.05, seed=1), prices(noise=0.01, seed=2, launches=7)
    found = timed(new, old)
    logs = [np.log([np.median(turns) for turns in side.costs["a:full=1"].samples["step"]]) for side in (new, old)]
    low, high = stats.ttest_ind(*logs, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((np.exp(low), np.exp(high)))


def test_a_time_that_may_be_slower_than_allowed_is_inconclusive() -> None:
    found = timed(prices(1.03e-4, noise=0.1), prices(noise=0.1, seed=2))
    assert found.status == "inconclusive"
    assert "--cost-budget" in found.sentence
    single = timed(prices(launches=1), prices(launches=1, seed=2))
    assert (single.status, single.low) == ("inconclusive", None)
    assert "one launch has no interval" in single.sentence


def test_times_of_another_machine_are_never_a_pass_but_bytes_are() -> None:
    new, old = saved(arm("a"), prices=prices()), saved(arm("a"), prices=prices(machine=THERE))
    found = decide(new, old, rules("step_time:5%", "epoch_time:5%", "peak_memory:1%", "state_bytes:0%"))
    assert [d.status for d in found.decisions] == ["inconclusive", "inconclusive", "pass", "pass"]
    assert "another machine's (processor B then, A now)" in found.decisions[0].sentence
    assert "--against-path" in found.decisions[0].sentence


def test_times_of_a_busy_machine_are_inconclusive_against_a_file() -> None:
    found = timed(prices(), prices(busy=("load 3.1 on 2 cores",)))
    assert found.status == "inconclusive"
    assert "the machine was busy (then: load 3.1 on 2 cores)" in found.sentence


def test_bytes_are_exact() -> None:
    old = prices(ledger=ledger(state=1000, peak=10_000))
    for state, peak, rule, status in (
        (1000, 10_000, "state_bytes:0%", "pass"),
        (1001, 10_000, "state_bytes:0%", "regression"),
        (999, 10_000, "state_bytes:0%", "pass"),
        (1000, 10_100, "peak_memory:1%", "pass"),
        (1000, 10_101, "peak_memory:1%", "regression"),
        (1000, 10_101, "peak_memory:101", "pass"),
    ):
        assert timed(prices(ledger=ledger(state=state, peak=peak)), old, rule).status == status
    found = timed(prices(ledger=ledger(state=1001)), old, "state_bytes:0%")
    assert found.sentence == "state of a: 1,000 bytes then, 1,001 now (+1), 0 more are allowed"
    assert found.value == 1.001


def test_the_state_is_known_from_runs_where_costs_were_not_measured() -> None:
    new, old = saved(arm("a", state_bytes=2049)), saved(arm("a"))
    assert one(decide(new, old, rules("state_bytes:0%"))).status == "regression"
    for rule in ("peak_memory:1%", "step_time:5%"):
        assert one(decide(new, old, rules(rule))).status == "inconclusive"


def beside(old_step: float, new_step: float, **changes: object) -> Measurement:
    """Return a measurement of `a` and of the old code's `a`, turn by turn, under a drift that both share."""
    rng = np.random.default_rng(3)
    drift, costs = np.exp(rng.normal(0, 0.2, (5, 4))), []
    for canonical, step in (("a:full=1", new_step), ("a:full=1#old", old_step)):
        noisy = drift * np.exp(rng.normal(0, 0.002, (5, 4)))
        rows = {phase: tuple(map(tuple, np.array(found) * noisy)) for phase, found in samples(step, 5).items()}
        costs.append(cost("a", canonical=canonical, samples=rows))
    costs[1] = replace(costs[1], **changes)
    return measurement(*costs, machine=HERE)


def test_old_code_in_the_same_run_is_held_turn_by_turn_whatever_the_drift() -> None:
    new = saved(arm("a"), prices=beside(1e-4, 1.01e-4))
    outcome = decide(new, None, rules("step_time:5%", "epoch_time:5%", "state_bytes:0%"), against_path=True)
    assert [d.status for d in outcome.decisions] == ["pass"] * 3
    assert outcome.decisions[0].value == pytest.approx(1.01, abs=0.005)
    slow = saved(arm("a"), prices=beside(1e-4, 1.1e-4))
    assert one(decide(slow, None, rules("step_time:5%"), against_path=True)).status == "regression"


def test_with_old_code_and_a_file_costs_are_held_against_the_code_and_quality_against_the_file() -> None:
    new = saved(arm("a", less(1.0)), prices=beside(1e-4, 1e-4))
    old = saved(arm("a"), prices=prices(1e-5, machine=THERE))
    outcome = decide(new, old, rules("step_time:5%", "accuracy:0.5"), against_path=True)
    assert [(d.metric, d.status) for d in outcome.decisions] == [("step_time", "pass"), ("accuracy", "regression")]


def test_old_code_that_cannot_be_measured_is_inconclusive_and_new_code_a_regression() -> None:
    broken = {"status": "error", "message": "no such optimizer", "samples": {}, "ledger": None}
    new = saved(arm("a"), prices=beside(1e-4, 1e-4, **broken))
    found = one(decide(new, None, rules("step_time:5%"), against_path=True))
    assert found.status == "inconclusive"
    assert found.sentence == "step time of a: the old one could not be measured: no such optimizer"
    prices_now = prices()
    prices_now = replace(prices_now, costs={"a:full=1": replace(prices_now.costs["a:full=1"], **broken)})
    assert timed(prices_now, prices()).status == "regression"


# -- the whole -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "status", "exit_status"),
    [
        ([], "pass", 0),
        (["pass", "pass"], "pass", 0),
        (["pass", "inconclusive"], "inconclusive", 3),
        (["inconclusive", "regression", "pass"], "regression", 1),
    ],
)
def test_a_regression_outweighs_what_is_inconclusive(statuses: list, status: str, exit_status: int) -> None:
    outcome = Outcome(tuple(Decision("accuracy", "a", each, "why") for each in statuses))
    assert (outcome.status, outcome.exit_status) == (status, exit_status)


def test_other_settings_are_an_error_that_names_them() -> None:
    old = saved(arm("a"), settings={"epochs": 15, "data": "digits", "title": "x", "gone": 1})
    check_alike("tiny", {"epochs": 15, "data": "digits", "title": "another", "unknown there": 1}, old, "main")
    with pytest.raises(OptbenchError, match="main is not comparable: the recipe is tiny there, big here; epochs is 15"):
        check_alike("big", {"epochs": 2, "data": "digits"}, old, "main")


def test_settings_that_only_one_side_knows_are_noted() -> None:
    new = saved(arm("a"), settings={"epochs": 2, "ema": 0.9})
    assert decide(new, saved(arm("a")), rules("accuracy:0.5")).notes == (
        "not known to be the same, since another optbench saved the file: ema",
    )


OUTCOME = Outcome(
    (
        Decision("accuracy", "a|b", "regression", "fell by 50%:\r\nbad", -0.5, -0.7, -0.3),
        Decision("step_time", "c", "inconclusive", "another machine's"),
        Decision("state_bytes", "c", "pass", "1 byte", 1.0),
    ),
    ("a note",),
)


def test_the_terminal_gets_a_line_a_decision() -> None:
    assert words.text(OUTCOME).splitlines() == [
        "regression    fell by 50%:",
        "bad",
        "inconclusive  another machine's",
        "pass          1 byte",
        "a note",
        "gate: a regression (1 regression, 1 inconclusive, 1 pass)",
    ]


def test_a_comment_gets_a_table_whose_cells_cannot_break_it() -> None:
    lines = words.markdown(OUTCOME).splitlines()
    assert lines[0] == "**Gate: a regression (1 regression, 1 inconclusive, 1 pass)**"
    assert lines[4] == r"| **regression** | accuracy | a\|b | fell by 50%: bad |"
    assert lines[6] == r"| pass | state\_bytes | c | 1 byte |"
    assert lines[-1] == "- a note"


def test_annotations_are_escaped_as_github_asks() -> None:
    assert words.annotations(OUTCOME) == [
        "::error title=optbench%3A accuracy of a|b::fell by 50%25:%0D%0Abad",
        "::warning title=optbench%3A step_time of c::another machine's",
    ]
    assert words.annotations(Outcome(())) == ["::notice title=optbench::no regression"]


def test_the_document_is_json_with_every_decision() -> None:
    document = json.loads(json.dumps(words.document(OUTCOME, rules("accuracy:0.5", "step_time:5%")), allow_nan=False))
    assert (document["status"], document["exit_status"], document["notes"]) == ("regression", 1, ["a note"])
    assert document["rules"][1] == {"metric": "step_time", "tolerance": 0.05, "relative": True}
    first: Mapping[str, object] = document["decisions"][0]
    assert (first["optimizer"], first["value"], first["low"], first["high"]) == ("a|b", -0.5, -0.7, -0.3)
