"""Each feature of training against a loop written by hand over the same batches."""

import functools
from collections.abc import Callable

import pytest
import torch
from small_runs import SMALL, make, spec_of
from torch.nn.functional import cross_entropy

from optbench._features import MicroBatches, compiling, grouped, reestimated
from optbench.errors import OptbenchError
from optbench.schedules import Schedule
from optbench.session import AUTOCAST, Session

EXACT = {"rtol": 0, "atol": 0}


def weights(session: Session) -> list[torch.Tensor]:
    return [p.detach().clone() for p in session.trained]


def train(session: Session, iterations: int) -> list[float]:
    """Train; return the learning rate that each iteration had."""
    rates = []
    for _, batch in zip(range(iterations), session.stream(), strict=False):
        rates.append(session.optimizer.param_groups[0]["lr"])
        session.iteration(batch)
    return rates


def by_hand(session: Session, iterations: int, after: Callable[[list, int], None], smoothing: float = 0.0) -> None:
    """Train a session's model as a user of PyTorch would; `after` a backward pass does the rest."""
    for number, batch in zip(range(iterations), session.stream(), strict=False):
        images, labels = batch
        session.optimizer.zero_grad()
        cross_entropy(session.model(images), labels, label_smoothing=smoothing).backward()
        after(session.trained, number)


def test_plain_training_is_a_plain_loop() -> None:
    ours, hand = make("sgdm:lr=0.05"), make("sgdm:lr=0.05")
    train(ours, 8)
    by_hand(hand, 8, lambda parameters, number: hand.optimizer.step())
    torch.testing.assert_close(weights(ours), weights(hand), **EXACT)


def test_label_smoothing_and_clipping() -> None:
    ours, hand = (make("sgdm:lr=0.05", label_smoothing=0.1, clip_norm=0.2) for _ in range(2))
    norms = []

    def clip(parameters: list[torch.Tensor], number: int) -> None:
        total = torch.cat([p.grad.flatten() for p in parameters]).norm()
        norms.append(float(total))
        for p in parameters:
            p.grad *= min(1.0, 0.2 / (float(total) + 1e-6))
        hand.optimizer.step()

    train(ours, 8)
    by_hand(hand, 8, clip, smoothing=0.1)
    assert min(norms) < 0.2 < max(norms)  # it did clip, not always
    torch.testing.assert_close(weights(ours), weights(hand), rtol=1e-4, atol=1e-6)


def test_gradients_are_unscaled_before_they_are_clipped(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setitem(AUTOCAST, "fp16", torch.bfloat16)  # a CPU without fp16 arithmetic is slow
    plain = make("sgdm:lr=0.05:impl=torch", clip_norm=0.2, precision="bf16")
    scaled = make("sgdm:lr=0.05:impl=torch", clip_norm=0.2, precision="fp16")
    assert scaled.scaler.is_enabled()
    train(plain, 3)
    train(scaled, 3)
    torch.testing.assert_close(weights(scaled), weights(plain), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("reference", ["sgdm:lr=0.05", "xgrad+adamw:s=2"])
def test_accumulated_micro_batches_are_the_whole_batch(reference: str) -> None:
    whole, parts = make(reference, batch_size=63), make(reference, batch_size=63, accumulation=3)  # 1,197 = 19 x 63
    assert whole.steps == parts.steps == 19
    losses = [[float(s.iteration(batch)) for batch in s.batches(1)] for s in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-3, atol=1e-4)


def test_the_last_group_of_an_epoch_may_be_smaller_and_nothing_is_lost() -> None:
    found = [list(group) for group in grouped(iter(range(8)), 8, 3)]
    assert found == [[0, 1, 2], [3, 4, 5], [6, 7]]
    skipped = [next(iter(group)) for group in grouped(iter(range(8)), 8, 3)]
    assert skipped == [0, 3, 6]
    untouched = [group.count for group in grouped(iter(range(8)), 8, 3)]
    assert untouched == [3, 3, 2]


def test_micro_batches_are_loaded_one_by_one_and_used_once() -> None:
    loaded = []
    group = MicroBatches((loaded.append(k) or k for k in range(5)), 3)
    assert loaded == [0]
    taken = iter(group)
    assert (next(taken), loaded) == (0, [0])
    assert (next(taken), loaded) == (1, [0, 1])
    with pytest.raises(AssertionError, match="used once"):
        next(iter(group))


def test_phases_come_in_their_order() -> None:
    session = make(
        "xgrad+sgdm", batch_size=63, accumulation=3, clip_norm=1.0, schedule=Schedule("linear", by="iteration")
    )
    told: list[str] = []
    session.iteration(next(session.batches(1)), told.append)
    micro = ["forward", "backward"]
    assert told == [*micro, "data", *micro, "data", *micro, "clip", "step", "schedule"]
    plain = make("sgdm")
    told.clear()
    plain.iteration(next(plain.batches(1)), told.append)
    assert told == [*micro, "step"]


def test_the_schedule_goes_by_iteration_and_stays_at_its_end() -> None:
    session = make("sgdm:lr=0.1", schedule=Schedule("linear", by="iteration", warmup_steps=2))
    rates = train(session, 20)
    decay = [0.1 * (1 - k / 16) for k in range(16)]
    assert rates == pytest.approx([0.05, 0.1, *decay, decay[-1], decay[-1]])


def test_an_optimizer_may_have_its_own_schedule() -> None:
    changes = {"schedule": Schedule("cosine"), "schedules": {"sgdm": Schedule("linear", by="iteration")}}
    assert train(make("sgdm:lr=0.1", **changes), 2) == pytest.approx([0.1, 0.1 * 17 / 18])
    assert train(make("adamw:lr=0.1", **changes), 2) == [0.1, 0.1]


def test_a_prediction_is_aimed_again_after_every_iteration() -> None:
    """phi = theta - s lr' d with the learning rate of the coming iteration, d the momentum buffer of SGDM."""
    session = make("xgrad+sgdm:lr=0.1:s=2:weight_decay=0", schedule=Schedule("quadratic", by="iteration"))
    for batch in session.batches(1):
        session.iteration(batch)
        lr = session.optimizer.param_groups[0]["lr"]
        phi, buffers = (
            weights(session),
            [session.optimizer.state[p]["momentum_buffer"].clone() for p in session.trained],
        )
        with session.real_weights():
            theta = weights(session)
        expected = [t - 2 * lr * b for t, b in zip(theta, buffers, strict=True)]
        torch.testing.assert_close(phi, expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(weights(session), phi, **EXACT)


def test_channels_last_changes_the_layout_and_not_the_training() -> None:
    plain, last = make("adamw"), make("adamw", channels_last=True)
    batch = next(last.batches(1))
    assert batch[0].is_contiguous(memory_format=torch.channels_last)
    convolutions = [p for p in last.trained if p.ndim == 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in convolutions)
    train(plain, 4)
    train(last, 4)
    torch.testing.assert_close(weights(last), weights(plain), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("reference", ["sgdm:lr=0.05", "xgrad+sgdm:lr=0.05:s=3", "xgrad+sgdm:lr=0.05:impl=torch:s=3"])
def test_the_average_is_of_theta_and_is_what_is_evaluated(reference: str) -> None:
    session, alone = make(reference, ema=0.75), make(reference)
    average: list[torch.Tensor] = []
    for _, ours, theirs in zip(range(7), session.stream(), alone.stream(), strict=False):
        session.iteration(ours)
        alone.iteration(theirs)
        with alone.real_weights():
            theta = weights(alone)
        average = [0.75 * a + 0.25 * t for a, t in zip(average, theta, strict=True)] if average else theta
    torch.testing.assert_close(weights(session), weights(alone), **EXACT)  # averaging disturbs nothing
    with session.real_weights():
        torch.testing.assert_close(weights(session), average, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(weights(session), weights(alone), **EXACT)
    assert session.evaluate("validation") != alone.evaluate("validation")


def test_batch_norm_is_taken_anew_and_put_back() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5))
    batches = [torch.randn(size, 3) + 5 for size in (16, 16, 8)]
    for batch in batches:
        model(batch)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    with reestimated(model, batches):
        inside = [model[0](batch).detach() for batch in batches]
        mean = torch.stack([x.mean(0) for x in inside]).mean(0)
        variance = torch.stack([x.var(0) for x in inside]).mean(0)
        torch.testing.assert_close(model[1].running_mean, mean)
        torch.testing.assert_close(model[1].running_var, variance)
        assert not model.training
        assert not model[1].training
    assert model.training
    assert model[1].momentum == 0.1
    assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(dict(model.state_dict()), before, **EXACT)


def test_evaluation_uses_the_new_statistics() -> None:
    changes = {"model": "resnet-20", "batch_size": 64}
    plain, anew = make("xgrad+sgdm:lr=0.05", **changes), make("xgrad+sgdm:lr=0.05", reestimate_batch_norm=2, **changes)
    for session in (plain, anew):
        train(session, 2)
    assert plain.evaluate("validation") != anew.evaluate("validation")
    torch.testing.assert_close(dict(anew.model.state_dict()), dict(plain.model.state_dict()), **EXACT)


def test_a_model_without_batch_norm_is_told() -> None:
    with pytest.raises(OptbenchError, match="no BatchNorm"):
        make("sgdm", reestimate_batch_norm=2)


def test_compiled_training_is_the_same_training(monkeypatch: pytest.MonkeyPatch) -> None:
    # the graph is run as it was traced: no compiler is needed, and the bits are the same
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    plain, compiled = make("sgdm:lr=0.05"), make("sgdm:lr=0.05", compile=True)
    train(plain, 6)
    train(compiled, 6)
    torch.testing.assert_close(weights(compiled), weights(plain), **EXACT)
    assert compiled.evaluate("validation") == plain.evaluate("validation")
    assert list(compiled.model.state_dict()) == list(plain.model.state_dict())


def test_a_compiler_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: object, inputs: object) -> None:
        raise RuntimeError("no C++ compiler\nand a long story")

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=broken))
    session = make("sgdm", compile=True)
    with pytest.raises(OptbenchError, match="cannot compile the model") as caught:
        session.iteration(next(session.batches(1)))
    assert "\n" not in str(caught.value)
    assert "--compile" in caught.value.hint


def test_other_errors_of_a_compiled_model_are_left_alone() -> None:
    with pytest.raises(ZeroDivisionError), compiling():
        raise ZeroDivisionError


def test_settings_change_the_key() -> None:
    settings = [
        {"accumulation": 2},
        {"label_smoothing": 0.1},
        {"clip_norm": 1.0},
        {"channels_last": True},
        {"compile": True},
        {"ema": 0.9},
        {"reestimate_batch_norm": 1},
        {"augmentation": "flip"},
        {"schedule": Schedule("linear")},
        {"schedule": Schedule("linear", by="iteration")},
        {"schedules": {"sgdm": Schedule()}},
    ]
    keys = {spec_of("sgdm", **changes).key() for changes in [{}, *settings]}
    assert len(keys) == len(settings) + 1
    assert spec_of("adamw", schedules={"sgdm": Schedule()}).key() == spec_of("adamw").key()
    assert SMALL.schedule_for("sgdm") == SMALL.schedule


@pytest.mark.parametrize("clip_norm", [None, 1e-3])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_histograms_are_of_gradients_in_their_own_unit_before_they_are_clipped(
    monkeypatch: pytest.MonkeyPatch, precision: str, clip_norm: float | None
) -> None:
    monkeypatch.setitem(AUTOCAST, "fp16", torch.bfloat16)  # a CPU without fp16 arithmetic is slow
    one = make("sgdm:lr=0.05", precision=precision, clip_norm=clip_norm, gradient_histograms=2)
    plain = make("sgdm:lr=0.05", precision=precision)  # its gradients: by its own loop below, never scaled
    batches = list(one.batches(1))[:3]
    with plain.autocast():
        loss, _ = plain.task.loss(plain.model, batches[0], None)
    loss.backward()
    size = torch.cat([p.grad.flatten() for p in plain.trained]).abs().double()
    places = (size[size > 0].log().floor().clamp(-40, 9) + 40).long()
    for batch in batches:
        one.iteration(batch)
    assert [update for update, _ in one.histograms] == [1, 3]
    counts = one.histograms[0][1]
    expected = torch.bincount(places, minlength=50)
    assert counts.sum() == expected.sum()
    assert (counts - expected).abs().sum() <= 0.002 * counts.sum()  # an edge is met by rounding
