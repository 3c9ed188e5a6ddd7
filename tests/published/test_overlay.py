"""Published figures beside made-up runs: verdicts follow from the figures as the module says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from scipy import stats as scipy_stats

from optbench import recipe
from optbench.overlay import Overlay, overlay
from optbench.report import published as report
from optbench.report import render
from optbench.results import RunResult
from optbench.stats import ArmResult, Comparison, compare
from optbench.tasks import info

LENET = recipe.load("xgrad/table7-lenet")
SETTINGS = {"data": "fashion-mnist", "epochs": 50, "batch_size": 128, "protocol": "paper"}
# as published: base 89.83, S1 89.36, S2 89.43, S3 89.83, S4 89.68
AS_PUBLISHED = {
    "adamw": (89.80, 89.90, 89.80),
    "xgrad+adamw:s=1": (89.35, 89.42, 89.33),
    "xgrad+adamw:s=2": (89.40, 89.50, 89.42),
    "xgrad+adamw:s=3": (89.79, 89.93, 89.78),
    "xgrad+adamw:s=4": (89.67, 89.72, 89.66),
}


def run(name: str, seed: int, metrics: Mapping[str, float | None], status: str = "ok") -> RunResult:
    return RunResult(
        optimizer=name,
        canonical=name,
        seed=seed,
        status=status,  # type: ignore[arg-type]
        message="",
        metrics=metrics,
        reported="best epoch",
        history=(),
        executor="cpu",
        state_bytes=None,
        parameters=None,
        seconds=1.0,
        weights_sha256="",
        environment={},
    )


def comparison(accuracies: Mapping[str, Sequence[float | None]], **settings: object) -> Comparison:
    arms = []
    for name, values in accuracies.items():
        runs = [
            run(name, seed, {"accuracy": value, "cross_entropy": 0.3}, "ok" if value is not None else "diverged")
            for seed, value in enumerate(values)
        ]
        arms.append(ArmResult(name, "baseline" if name == "adamw" else "arm", "cpu", tuple(runs)))
    task = info("classification")
    return compare(arms, task.metrics, task.primary, recipe="xgrad/table7-lenet", settings={**SETTINGS, **settings})


def laid(accuracies: Mapping[str, Sequence[float | None]] = AS_PUBLISHED, **settings: object) -> Overlay:
    found = overlay(comparison(accuracies, **settings), LENET)
    assert found is not None
    return found


def lines(found: Overlay) -> dict[str, object]:
    return {line.optimizer: line for line in found.parts[0].lines}


def test_what_comes_out_as_published_is_reproduced() -> None:
    found = lines(laid())
    for name in ("AdamW", "XGrad-S1", "XGrad-S2", "XGrad-S3", "XGrad-S4"):
        assert found[name].verdict == "reproduced", (name, found[name].reason)
        assert found[name].reason == ""
    assert found["XGrad-S1"].printed == "89.36"
    assert found["XGrad-S1"].difference == pytest.approx(89.36667 - 89.36, abs=1e-4)


def test_the_interval_is_where_one_more_run_would_fall() -> None:
    line = lines(laid())["AdamW"]
    values = AS_PUBLISHED["adamw"]
    half = scipy_stats.t.ppf(0.975, 2) * scipy_stats.tstd(values) * (1 + 1 / 3) ** 0.5
    assert (line.low, line.high) == pytest.approx((sum(values) / 3 - half, sum(values) / 3 + half))


def test_a_value_outside_the_interval_is_not_reproduced() -> None:
    line = lines(laid(AS_PUBLISHED | {"xgrad+adamw:s=1": (88.0, 88.1, 88.0)}))["XGrad-S1"]
    assert (line.verdict, line.reason) == ("not reproduced", "the printed value is outside the interval")


def test_the_order_must_be_shown_too() -> None:
    wide = {"adamw": (89.0, 90.0, 90.6), "xgrad+adamw:s=1": (90.2, 89.0, 89.3)}
    line = lines(laid(wide))["XGrad-S1"]
    assert line.verdict == "not reproduced"
    assert line.reason == "its order to AdamW is not distinguishable with 3 seeds"
    turned = {"adamw": (89.0, 90.0, 90.6), "xgrad+adamw:s=1": (89.5, 90.5, 91.1)}
    assert lines(laid(turned))["XGrad-S1"].reason == "its order to AdamW is reversed"


def test_a_printed_tie_asks_for_an_interval_that_holds_0() -> None:
    assert lines(laid())["XGrad-S3"].verdict == "reproduced"
    apart = AS_PUBLISHED | {"xgrad+adamw:s=3": (90.0, 90.1, 90.0)}
    assert "no tie" in lines(laid(apart))["XGrad-S3"].reason


@pytest.mark.parametrize(
    ("settings", "words", "short"),
    [
        ({"epochs": 2}, "fewer epochs (2, the paper has 50)", "fewer epochs"),
        ({"epochs": 60}, "other epochs (60, the paper has 50)", "other epochs"),
        ({"batch_size": 64}, "fewer images a step (64, the paper has 128)", "fewer images a step"),
        ({"data": "mnist"}, "other data (mnist, the paper has FashionMNIST)", "other data"),
        (
            {"protocol": "standard"},
            "other protocol (the paper: max over epochs of its FashionMNIST test data)",
            "other protocol",
        ),
    ],
)
def test_other_settings_are_not_comparable_and_say_why(settings: dict[str, object], words: str, short: str) -> None:
    found = laid(**settings)
    assert words in found.parts[0].reasons
    for line in found.parts[0].lines:
        if not line.best_of:
            assert (line.verdict, line.reason) == ("not comparable", short)
            assert line.difference is not None


def test_data_that_are_not_the_published_bytes_are_not_comparable() -> None:
    made = comparison(AS_PUBLISHED)
    for exact, reasons in ((True, ()), (None, ()), (False, ("other data (not the published files of fashion-mnist)",))):
        found = overlay(made, LENET, exact)
        assert found is not None
        assert found.parts[0].reasons == reasons


def test_one_seed_has_no_interval_but_an_order() -> None:
    found = lines(laid({name: values[:1] for name, values in AS_PUBLISHED.items()}))
    assert found["XGrad-S1"].verdict == "not comparable"
    assert found["XGrad-S1"].reason == "one seed has no interval; in it the order to AdamW is the printed one"
    assert found["XGrad-S3"].reason == "one seed has no interval; in it the order to AdamW is not the printed one"
    assert found["AdamW"].reason == "one seed has no interval"


def test_arms_that_failed_or_were_not_run_are_said() -> None:
    found = lines(laid({"adamw": AS_PUBLISHED["adamw"], "xgrad+adamw:s=1": (None, None, None)}))
    assert (found["XGrad-S1"].verdict, found["XGrad-S1"].reason) == ("not reproduced", "diverged")
    assert (found["XGrad-S2"].verdict, found["XGrad-S2"].reason) == ("", "not run")
    assert found["XGrad-S2"].measured is None


def test_the_best_of_several_is_labelled() -> None:
    best = laid().parts[0].lines[-1]
    assert best.best_of == 4
    assert best.reason.startswith("best-of-4")
    assert (best.paper, best.arm) == (89.83, "xgrad+adamw:s=3")
    assert best.verdict == ""


def test_orders_are_written_out() -> None:
    assert laid().parts[0].orders == (
        "AdamW = XGrad-S3 > XGrad-S4 > XGrad-S2 > XGrad-S1",
        "AdamW = XGrad-S3 > XGrad-S4 > XGrad-S2 > XGrad-S1",
    )


def test_flags_and_claims_that_do_not_check_out_are_carried() -> None:
    notes = "\n".join(laid().notes)
    assert "0.80 over five models; 1.00 without LeNet" in notes  # the flag that the recipe names
    assert "LeNet is a tie (89.83)" in notes  # a claim about this table
    suspect = recipe.load("adaplus/table1-vgg-11")
    made = comparison({"adamw": (88.6, 88.7, 88.5), "lion": (87.7, 87.8, 87.6)}, data="cifar10", epochs=200)
    found = overlay(made, suspect)
    assert found is not None
    assert "Disagrees with section 3.1" in lines(found)["Lion"].note
    assert "87.71?" in report.text(found)


def test_nothing_published_is_nothing() -> None:
    assert overlay(comparison(AS_PUBLISHED), recipe.load("digits-cnn")) is None
    assert overlay(comparison({"sgdm": (80.0, 81.0)}), LENET) is None
    assert (report.text(None), report.markdown(None), report.document(None)) == ("", "", None)


def test_options_given_otherwise_are_the_same_arm() -> None:
    found = laid({"adamw:lr=1e-3": AS_PUBLISHED["adamw"]})
    assert lines(found)["AdamW"].arm == "adamw:lr=1e-3"
    other = overlay(comparison({"adamw:lr=3e-3": AS_PUBLISHED["adamw"]}), LENET)
    assert other is None  # other hyper-parameters are not the published arm


def test_text_markdown_and_json_say_the_same() -> None:
    found = laid(epochs=2)
    text, page, document = report.text(found), report.markdown(found), report.document(found)
    for form in (text, page):
        assert "XGrad: Boosting Gradient-Based Optimizers With Weight Prediction (arXiv:2305.18240)" in form
        assert "Table VII, LeNet on FashionMNIST: top1 accuracy, percent, max over epochs" in form
        assert "fewer epochs (2, the paper has 50)" in form
        assert "89.36" in form
        assert "best-of-4" in form
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    (table,) = document["tables"]
    assert [row["optimizer"] for row in table["rows"]][:2] == ["AdamW", "XGrad-S1"]
    assert table["rows"][1]["verdict"] == "not comparable"
    assert table["rows"][1]["paper"] == 89.36
    assert max(map(len, report.text(found, width=100).splitlines())) <= max(
        100, max(len(line) for line in text.splitlines() if line.startswith("  "))
    )


@pytest.mark.parametrize("form", ["table", "json", "markdown", "csv"])
def test_it_is_joined_to_every_format_that_can_hold_it(form: str) -> None:
    made = comparison(AS_PUBLISHED)
    plain = render(made, form)
    whole = report.joined(plain, laid(), form)
    assert report.joined(plain, None, form) == plain
    if form == "json":
        document = json.loads(whole)
        assert document.pop("published") == report.document(laid())
        assert document == json.loads(plain)
    elif form == "csv":
        assert whole == plain
    else:
        assert whole.startswith(plain.rstrip())
        assert "Table VII" in whole


def test_what_costs_is_laid_beside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = recipe.load("xgrad/table8-resnet-34")
    made = comparison({"sgdm": (50.0,), "xgrad+sgdm:s=1": (51.0,)}, data="cifar10", epochs=1)
    base, arm = (next(a for a in made.arms if a.optimizer == name) for name in ("sgdm", "xgrad+sgdm:s=1"))
    base = replace(base, epoch_seconds=100.0)
    arm = replace(arm, epoch_seconds=105.0, memory_ratio={"sgdm": 1.02})
    found = overlay(replace(made, arms=(base, arm)), chosen)
    assert found is not None
    seconds, overhead, memory = found.parts
    assert [line.measured for line in seconds.lines] == [100.0, 105.0]
    assert {line.verdict for part in found.parts for line in part.lines} == {"not comparable"}
    assert all("other hardware" in part.reasons[0] for part in found.parts)
    assert [line.measured for line in overhead.lines] == [None]  # there is no measured ratio of times
    assert [line.measured for line in memory.lines] == pytest.approx([2.0])
    assert "over several models" in memory.reasons[1]


LSTM = recipe.load("xgrad/table7-lstm-1")
PTB = {"task": "language_modeling", "data": "ptb", "epochs": 200, "batch_size": 20, "protocol": "paper"}


def of_text(
    chosen: recipe.Recipe, perplexities: Mapping[str, Sequence[float]], settings: Mapping[str, object]
) -> Comparison:
    """A comparison of runs whose validation perplexity falls to 10 above the test's, and rises again."""
    task = info(chosen.task)
    arms = []
    for name, values in perplexities.items():
        runs = []
        for seed, value in enumerate(values):
            metrics = {metric.name: value for metric in task.metrics}
            rows = [
                {"epoch": n, "validation": dict.fromkeys(metrics, value + more)}
                for n, more in ((1, 50), (2, 10), (3, 20))
            ]
            runs.append(replace(run(name, seed, metrics), history=tuple(rows)))
        arms.append(ArmResult(name, "baseline" if name == chosen.baselines[0] else "arm", "cpu", tuple(runs)))
    return compare(arms, task.metrics, task.primary, recipe=chosen.name, settings=settings)


def test_a_lower_perplexity_is_better_and_the_best_of_several_is_the_least() -> None:
    values = {
        "adamw": (88.4, 88.5, 88.45),
        "xgrad+adamw:s=1": (89.0, 89.2, 89.1),
        "xgrad+adamw:s=2": (92.2, 92.3, 92.3),
    }
    found = overlay(of_text(LSTM, values, PTB), LSTM)
    assert found is not None
    (part,) = found.parts
    assert part.orders == ("AdamW > XGrad-S1 > XGrad-S2 > XGrad-S3 > XGrad-S4", "AdamW > XGrad-S1 > XGrad-S2")
    assert [line.verdict for line in part.lines[:3]] == ["reproduced"] * 3
    assert (part.lines[-1].best_of, part.lines[-1].arm) == (4, "xgrad+adamw:s=1")
    assert "Table VII, LSTM-1 on Penn TreeBank: perplexity" in report.text(found)


@pytest.mark.parametrize("data", ["asv", "wikitext2", "text"])
def test_a_stand_in_is_other_data(data: str) -> None:
    found = overlay(of_text(LSTM, {"adamw": (88.4, 88.5, 88.45)}, {**PTB, "data": data}), LSTM)
    assert found is not None
    assert found.parts[0].reasons == (f"other data ({data}, the paper has Penn TreeBank)",)
    assert found.parts[0].lines[0].verdict == "not comparable"


def test_validation_figures_stand_beside_validation_figures() -> None:
    chosen = recipe.load("adamw_wp/table3-lstm-1")
    settings = {**PTB, "epochs": 100, "protocol": "standard"}
    values = {"adamw": (116.2, 116.3, 116.15), "xgrad+adamw:s=2": (106.9, 107.0, 107.05)}
    found = overlay(of_text(chosen, values, settings), chosen)
    assert found is not None
    perplexity, loss = found.parts
    assert perplexity.reasons == ()
    measured = {line.optimizer: line.measured for line in perplexity.lines if not line.best_of}
    assert measured["AdamW"] == pytest.approx(126.2167, abs=1e-3)
    assert {line.optimizer: line.verdict for line in perplexity.lines}["Ours-S2"] == "reproduced"
    assert loss.table.metric == "loss"
    assert loss.lines[0].measured == pytest.approx(126.2167, abs=1e-3)
    tested = overlay(of_text(chosen, values, {**settings, "protocol": "paper"}), chosen)
    assert tested is not None
    assert tested.parts[0].reasons == ("other split (test data, the paper has validation (equals exp of Table 4))",)
    assert tested.parts[0].lines[0].measured == pytest.approx(116.2167, abs=1e-3)


def test_one_run_has_both_splits_of_a_table() -> None:
    chosen = recipe.load("novograd/table7-transformer-xl")
    settings = {**PTB, "data": "wikitext103", "epochs": 117, "batch_size": 256, "protocol": "standard"}
    found = overlay(of_text(chosen, {"novograd": (21.2, 21.3), "adam": (25.3, 25.4)}, settings), chosen)
    assert found is not None
    validation, test = ({line.optimizer: line.measured for line in part.lines} for part in found.parts)
    assert (validation["NovoGrad"], test["NovoGrad"]) == pytest.approx((31.25, 21.25))


@pytest.mark.parametrize(("tokenize", "beside"), [("13a", 0), ("none", 1)])
def test_tokenised_and_detokenised_bleu_are_told_apart(tokenize: str, beside: int) -> None:
    chosen = recipe.load("novograd/table6-novograd")
    chosen = replace(chosen, task_options={**chosen.task_options, "tokenize": tokenize})
    settings = {"task": "translation", "data": "wmt14", "epochs": 150, "batch_size": 245_000, "protocol": "standard"}
    found = overlay(of_text(chosen, {"novograd": (28.7, 28.8)}, settings), chosen)
    assert found is not None
    measured = [part.lines[0].measured for part in found.parts]
    assert measured.pop(beside) == pytest.approx(28.75)
    assert measured == [None]
    assert found.parts[beside].reasons == ()


@pytest.mark.parametrize(
    ("batch", "reasons"), [(4000, ()), (600, ("fewer tokens or pairs a step (600, the paper has 4000)",))]
)
def test_batches_of_tokens_are_compared(batch: int, reasons: tuple[str, ...]) -> None:
    chosen = recipe.load("radam/table2-iwslt-de-en")
    settings = {"task": "translation", "data": "iwslt14", "epochs": 68, "batch_size": batch, "protocol": "standard"}
    found = overlay(of_text(chosen, {"adamw": (34.6, 34.7), "radam": (34.7, 34.8)}, settings), chosen)
    assert found is not None
    assert found.parts[0].reasons == reasons


def test_minutes_of_an_epoch_are_seconds_by_60() -> None:
    chosen = recipe.load("xgrad/table9-gnmt-8")
    made = of_text(chosen, {"adam": (1.0,), "xgrad+adam:s=1": (1.0,)}, {"task": "translation", "data": "wmt16"})
    arms = tuple(replace(arm, epoch_seconds=6000.0) for arm in made.arms)
    found = overlay(replace(made, arms=arms), chosen)
    assert found is not None
    assert [line.measured for line in found.parts[0].lines] == [100.0, 100.0]
    assert "other hardware" in found.parts[0].reasons[0]
