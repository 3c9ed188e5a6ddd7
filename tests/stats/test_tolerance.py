import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import METRICS

from optbench.errors import OptbenchError
from optbench.stats.tolerance import Tolerance, margins, parse, target


@given(st.floats(-1e6, 1e6), st.booleans())
def test_a_tolerance_is_read_as_written_but_for_its_sign(amount: float, relative: bool) -> None:
    found = parse(f"{amount!r}{'%' if relative else ''}", "--margin", "text")
    assert found == Tolerance(abs(amount) / (100 if relative else 1), relative)
    assert found.of(-50.0) == pytest.approx(abs(amount) / 2 if relative else abs(amount))


@given(st.text(max_size=12))
def test_anything_else_is_an_error_and_nothing_else(text: str) -> None:
    for read in (lambda: margins([text], METRICS), lambda: target(text, METRICS, "accuracy")):
        try:
            read()
        except OptbenchError as error:
            assert repr(text) in str(error) or text.strip().partition(":")[0].strip() in str(error)


def test_margins_and_targets_are_by_metric_name() -> None:
    assert margins(["accuracy:0.5", "loss:-2%"], METRICS) == {
        "accuracy": Tolerance(0.5),
        "cross_entropy": Tolerance(0.02, relative=True),
    }
    assert target("97%", METRICS, "accuracy") == ("accuracy", 97.0)
    assert target(" 97.5 ", METRICS, "accuracy") == ("accuracy", 97.5)
    assert target("accuracy:97%", METRICS, "cross_entropy") == ("accuracy", 97.0)
    assert target("loss:0.1", METRICS, "accuracy") == ("cross_entropy", 0.1)
    assert (str(Tolerance(0.5)), str(Tolerance(0.025, relative=True))) == ("0.5", "2.5 %")
    assert math.isclose(Tolerance(0.02, relative=True).of(-50), 1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accuracy:0", "no two arms differ by less than 0"),
        ("acc:1", "the metrics are accuracy, cross_entropy, loss"),
        ("step_time:1%", "unknown metric 'step_time'"),
        ("0.5", "not METRIC:VALUE"),
    ],
)
def test_a_margin_that_will_not_do_is_an_error(text: str, said: str) -> None:
    with pytest.raises(OptbenchError, match="--margin") as error:
        margins([text], METRICS)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss:97%", "cross_entropy is in nats, not in percent"),
        ("high", "'high' is no number"),
        ("nan", "'nan' is no number"),
        (":5", "not METRIC:VALUE"),
        ("los:5", "did you mean 'loss'?"),
    ],
)
def test_a_target_that_will_not_do_is_an_error(text: str, said: str) -> None:
    with pytest.raises(OptbenchError, match="--target") as error:
        target(text, METRICS, "accuracy")
    assert said in str(error.value)


def test_a_margin_given_twice_is_an_error() -> None:
    with pytest.raises(OptbenchError, match="cross_entropy is given twice"):
        margins(["loss:1", "cross_entropy:2"], METRICS)
