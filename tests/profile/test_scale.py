"""Growth with the number of parameters: sizes, shapes, guards, and the figures of a small point."""

import math
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optbench import optimizers
from optbench.errors import OptbenchError
from optbench.measure import _scale_worker, scale
from optbench.measure.scale import ScalePoint, check_memory, needed_bytes, parse_sizes


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_scale_worker, "ROUNDS", (3, 3))
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])


def points(*texts: str, size: int = 5_000) -> list[ScalePoint]:
    return _scale_worker.measure([optimizers.parse(text) for text in texts], size, "cpu", 1, 0)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1M,10M,100M", (10**6, 10**7, 10**8)),
        ("5", (5,)),
        ("0.5m, 2k", (2_000, 500_000)),
        ("1g,1000M", (10**9,)),
    ],
)
def test_sizes(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize("text", ["", "0", "1X", "1M,,2M", "-1M", "1e6", "0.5", "1.5k,x", "M", "nan"])
def test_what_is_no_size_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(OptbenchError, match="--scale") as caught:
        parse_sizes(text)
    assert "1M,10M,100M" in caught.value.hint


@given(st.integers(1, 300_000))
def test_shapes_hold_exactly_the_parameters(size: int) -> None:
    found = _scale_worker.shapes(size)
    assert sum(map(math.prod, found)) == size
    assert all(math.prod(shape) > 0 for shape in found)
    matrices = [shape for shape in found if len(shape) == 2]
    assert len(matrices) == min(size, scale.LAYERS)
    assert all(rows == columns for rows, columns in matrices)


def test_a_point_has_the_bytes_of_its_state_and_temporaries() -> None:
    size = 5_000
    sgd, adamw, copying, foreach = points(
        "sgd:impl=eager", "adamw:impl=eager", "stepping.Copying", "torch.optim.AdamW:foreach=true", size=size
    )
    assert [p.status for p in (sgd, adamw, copying, foreach)] == ["ok"] * 4
    assert (sgd.state_bytes, adamw.state_bytes, copying.state_bytes) == (0, 8 * size, 4 * size)
    assert copying.transient_bytes == 0
    assert foreach.transient_bytes is not None
    assert foreach.transient_bytes >= 4 * size
    assert sgd.memory_bytes == 8 * size + (sgd.transient_bytes or 0)
    for point in (sgd, adamw):
        assert (point.parameters, point.rounds) == (size, 3)
        assert point.step_seconds is not None
        assert point.roofline is not None
        assert min(point.step_seconds, point.roofline) > 0
    assert copying.roofline is None


def test_a_step_that_does_nothing_or_fails_leaves_the_others_alone() -> None:
    still, failing, plain = points("stepping.Still", "stepping.Failing", "stepping.Plain")
    assert (still.status, still.step_seconds, still.memory_bytes) == ("error", None, None)
    assert "changed no parameter" in still.message
    assert (failing.status, failing.message) == ("error", "RuntimeError: no step today")
    assert plain.status == "ok"


def test_gradients_that_an_optimizer_spoils_are_drawn_again() -> None:
    """With its gradients scaled to nothing the second step of `Consuming` would change no bit."""
    consuming, plain = points("stepping.Consuming:lr=0.1", "stepping.Plain:lr=0.1")
    assert (consuming.status, plain.status) == ("ok", "ok")


def test_the_same_seed_draws_the_same_gradients() -> None:
    drawn = []
    for seed in (1, 1, 2):
        p = [torch.nn.Parameter(torch.zeros(shape)) for shape in _scale_worker.shapes(100)]
        _scale_worker._Gradients(100, torch.device("cpu"), seed).give(p)
        drawn.append(torch.cat([each.grad.flatten() for each in p if each.grad is not None]))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_a_rule_that_stands_still_at_first_is_timed_after_that() -> None:
    (point,) = points("adam-2k:impl=eager")
    assert point.status == "ok"


def test_memory_that_is_not_there_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    references = [optimizers.parse("adamw"), optimizers.parse("xgrad+adamw"), optimizers.parse("torch.optim.SGD")]
    size = 10**8
    # all share gradients; each has parameters and state, the foreign one at a guess
    assert needed_bytes(references, size) >= size * (4 + (4 + 8) + (4 + 12) + 4)
    monkeypatch.setattr(scale, "_free_bytes", lambda: 8 * 2**30)
    check_memory(references[:1], [10**6, 10**7])
    with pytest.raises(OptbenchError, match="--scale 1,000,000,000: 3 optimizers need about .* GiB, 8.0 are free"):
        check_memory(references, [10**6, 10**9])
    monkeypatch.setattr(scale, "_free_bytes", lambda: 0)  # a system that does not say
    check_memory(references, [10**12])
    monkeypatch.undo()
    assert scale._free_bytes() > 2**20
