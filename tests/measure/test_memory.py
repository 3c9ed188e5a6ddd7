"""The memory ledger: cases that can be computed by hand, to the byte, and an independent tracker beside it."""

import itertools
import sys
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from optbench import optimizers, plan, recipe
from optbench.measure._holdings import storages
from optbench.measure.memory import _peaks, ledger
from optbench.results import Ledger
from optbench.session import Session

N = 10_000  # parameters of the model below
BATCH = 500  # numbers in a batch of it
LOSS = START = 4  # bytes: the loss, and the gradient that backward starts from and lets go of
IDLE = 4 * (2 * N + BATCH)  # theta, its gradient and the batch


class ByHand:
    """A session whose memory is plain: loss = sum(theta), so the only large tensors are theta and its gradient."""

    def __init__(self, optimizer: type[torch.optim.Optimizer] = torch.optim.SGD, **options: Any) -> None:
        self.device = torch.device("cpu")
        self.spec = SimpleNamespace(optimizer=optimizers.parse("torch.optim.SGD"))
        self.model = torch.nn.ParameterList([torch.zeros(N)])
        self.optimizer = optimizer(self.model.parameters(), lr=0.1, **options)  # type: ignore[call-arg]

    def batches(self, epoch: int) -> Iterator[torch.Tensor]:
        yield torch.ones(BATCH)

    def iteration(self, batch: torch.Tensor, phase: Callable[[str], None] = lambda name: None) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss: torch.Tensor = self.model[0].sum()
        phase("forward")
        loss.backward()  # type: ignore[no-untyped-call]
        phase("backward")
        self.optimizer.step()
        phase("step")
        return loss.detach()


def weigh(session: Any) -> Ledger:
    for batch in itertools.islice(session.batches(1), 1):
        session.iteration(batch)
    return ledger(session)


def spec(reference: str) -> plan.RunSpec:
    found = recipe.load("digits-cnn").override(batch_size=100)
    return plan.build(found, [reference], [], seeds=[0])[0].specs[0]


def test_every_line_of_a_plain_iteration() -> None:
    found = weigh(ByHand(foreach=False))
    assert (found.parameters, found.buffers, found.gradients, found.batch) == (4 * N, 0, 4 * N, 4 * BATCH)
    assert (found.state, found.state_predicted, found.prediction_cache, found.step_transient) == (0, None, 0, 0)
    assert found.peaks == {
        "data": IDLE + 4 * BATCH,  # the last batch is there until the new one is
        "forward": IDLE,  # when it begins: the old gradient goes before the loss comes
        "backward": IDLE + LOSS + START,
        "step": IDLE + LOSS,
    }
    assert (found.peak, found.peak_phase) == (IDLE + 4 * BATCH, "data")
    assert (found.method, found.device) == ("live tensors", {})
    assert found.rss is not None
    assert found.rss > found.peak


def test_a_buffer_of_the_model_has_its_line() -> None:
    session = ByHand(foreach=False)
    session.model.register_buffer("counts", torch.zeros(321, dtype=torch.float64))
    found = weigh(session)
    assert (found.buffers, found.parameters, found.peak) == (8 * 321, 4 * N, IDLE + 4 * BATCH + 8 * 321)


class Hoarder(torch.optim.SGD):
    """Keeps one more buffer of the parameter's size, in one of the places where optimizers keep things."""

    def __init__(self, params: Any, lr: float, place: str, renewed: bool) -> None:
        super().__init__(params, lr, foreach=False)
        self.place, self.renewed = place, renewed
        self.attribute: Any = None

    def step(self, closure: Any = None) -> Any:
        p = self.param_groups[0]["params"][0]
        if self.renewed or (p not in self.state and self.attribute is None):
            buffer = torch.zeros_like(p)
            if self.place == "state":
                self.state[p]["extra"] = buffer
            elif self.place == "attribute":
                self.attribute = buffer
            else:
                self.attribute = {"deep": [SimpleNamespace(inside=(buffer,))]}
        return super().step(closure)


@pytest.mark.parametrize("place", ["state", "attribute", "deep inside"])
@pytest.mark.parametrize("renewed", [False, True])
def test_a_planted_buffer_appears_to_the_byte(place: str, renewed: bool) -> None:
    plain, found = weigh(ByHand(foreach=False)), weigh(ByHand(Hoarder, place=place, renewed=renewed))
    assert found.state - plain.state == 4 * N
    for phase in ("data", "forward", "backward"):
        assert found.peaks[phase] - plain.peaks[phase] == 4 * N
    # a renewed buffer is there twice while the step replaces it
    assert found.step_transient == 4 * N * renewed
    assert found.peaks["step"] - plain.peaks["step"] == 4 * N * (1 + renewed)


@pytest.mark.parametrize("size", [5, 777, 50_000])
def test_a_temporary_of_the_step_shows_to_the_byte(size: int) -> None:
    class Wasteful(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            temporary = torch.empty(size, dtype=torch.uint8)
            super().step(closure)
            return temporary.numel()

    found = weigh(ByHand(Wasteful, foreach=False))
    assert found.step_transient == size
    assert found.peaks["step"] == IDLE + LOSS + size
    assert (found.peak_phase == "step") == (size > 4 * BATCH - LOSS)


def test_the_copy_that_foreach_makes_is_seen() -> None:
    fused, foreach = (weigh(Session(spec(f"torch.optim.AdamW:{kind}=true"))) for kind in ("fused", "foreach"))
    assert foreach.state == fused.state
    assert foreach.step_transient >= foreach.parameters
    assert fused.step_transient < 100


@pytest.mark.parametrize(
    ("reference", "slots", "tensors"),
    [
        ("sgd:impl=eager", 0, 0),
        ("sgdm:impl=eager", 1, 0),
        ("adamw", 2, 0),
        ("adamw:impl=eager", 2, 0),
        ("adamw:impl=torch", 2, 1),  # torch counts t in a tensor of 4 bytes for each of the model's
        ("nadam:impl=torch", 2, 2),  # and NAdam its product of mu
        ("amsgrad:impl=eager", 3, 0),
        ("novograd:impl=eager", 1, 1),  # v is one value a tensor
        ("xgrad+adamw", 3, 0),
        ("xgrad+adamw:impl=torch", 3, 1),
        ("xgrad+adamw:impl=eager:cache=false", 2, 0),
        ("xgrad+adamw:impl=eager:s=0", 2, 0),
    ],
)
def test_state_is_what_the_rule_predicts(reference: str, slots: int, tensors: int) -> None:
    found = weigh(Session(spec(reference)))
    assert found.parameters == 4 * 38_282  # digits-cnn, of 8 tensors
    assert found.state == found.state_predicted == slots * found.parameters + tensors * 4 * 8


@pytest.mark.parametrize(("options", "copies"), [("impl=eager", 1), ("impl=eager:cache=false", 0), ("impl=torch", 1)])
def test_the_cache_of_a_prediction_is_one_copy_of_the_parameters_or_nothing(options: str, copies: int) -> None:
    base = weigh(Session(spec(f"adam:{options.removesuffix(':cache=false')}")))
    found = weigh(Session(spec(f"xgrad+adam:{options}")))
    assert found.prediction_cache == copies * found.parameters
    assert found.peak - base.peak == found.state - base.state == copies * found.parameters
    assert base.prediction_cache == 0


def test_a_class_without_a_rule_has_no_prediction() -> None:
    assert weigh(Session(spec("adafactor"))).state_predicted is None
    assert weigh(Session(spec("torch.optim.RMSprop"))).state_predicted is None


class Tracker(TorchDispatchMode):
    """Counts the storages that operators return, until Python lets go of them: another way to the same bytes."""

    def __init__(self, alive: int) -> None:
        super().__init__()
        self.live = self.peak = alive
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = storages([args, kwargs])
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (list, tuple)) else [out]:
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage().data_ptr() not in given:
                self.born(tensor.untyped_storage())
        return out

    def born(self, storage: torch.UntypedStorage) -> None:
        address, size = storage.data_ptr(), storage.nbytes()
        if address not in self.known and size:
            self.known.add(address)
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self.gone, address, size)

    def gone(self, address: int, size: int) -> None:
        self.known.discard(address)
        self.live -= size


@pytest.mark.parametrize("reference", ["torch.optim.SGD", "adamw", "xgrad+adamw", "torch.optim.AdamW:foreach=true"])
def test_an_independent_tracker_finds_the_same(reference: str) -> None:
    session = Session(spec(reference))
    found = weigh(session)
    session.optimizer.zero_grad()
    held = found.parameters + found.buffers + found.state
    tracker = Tracker(held)
    for batch in itertools.islice(session.batches(1), 2):
        with tracker:
            session.iteration(batch)
    # it does not see the batch nor the order of the epoch (1,197 rows), nor what an operator needs inside
    unseen = found.batch + 8 * 1_197
    assert tracker.peak + unseen <= found.peak
    assert tracker.peak + unseen > 0.98 * found.peak


def test_storages_are_counted_once_and_found_in_attributes() -> None:
    base = torch.zeros(100)
    holder = SimpleNamespace(mine=torch.zeros(7), code=sys, kind=torch.Tensor, name="name")
    holder.itself = holder
    nested = {"a": base, "b": [base[10:20], base.view(10, 10)], "c": (torch.zeros(3), "text", 4), "d": holder}
    assert sum(storages(nested).values()) == 400 + 12 + 28
    assert sum(storages(nested, {id(holder)}).values()) == 400 + 12


@given(st.lists(st.one_of(st.integers(-50, 50), st.sampled_from(["data", "forward", "step"])), max_size=40))
@settings(max_examples=60, deadline=None)
def test_peaks_by_phase_are_those_of_a_plain_walk(script: list[Any]) -> None:
    events = [("[memory]", 9_999), ("begin", 0)]
    events += [(item, 0) if isinstance(item, str) else ("[memory]", item) for item in script]
    levels = [[1_000]]  # by phase, all levels that were reached in it
    names: list[str] = []
    for item in script:
        if isinstance(item, str):
            names.append(item)
            levels.append([levels[-1][-1]])
        else:
            levels[-1].append(levels[-1][-1] + item)
    peaks, transient = _peaks(1_000, events)
    told = list(zip(names, levels, strict=False))
    assert peaks == {name: max(max(one) for n, one in told if n == name) for name in names}
    assert transient == max((max(one) - one[0] for n, one in told if n == "step"), default=0)


def test_cuda_tells_the_allocators_figures_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """An allocator that is made up: 1,000,000 bytes of others, everything rounded up to 512."""
    session: Any = ByHand(foreach=False)
    session.device = SimpleNamespace(type="cuda")
    resets: list[str] = []
    now = {"peak": 0}

    def statistics(device: object) -> dict[str, int]:
        now["peak"] += 1_000
        peak = 1_000_000 + 4 * N + now["peak"]
        return {
            "requested_bytes.all.peak": peak - 7,
            "allocated_bytes.all.peak": peak,
            "reserved_bytes.all.peak": 2_000_000,
        }

    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: resets.append("reset"))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1_000_000 + 4 * N)
    monkeypatch.setattr(torch.cuda, "memory_stats", statistics)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5_000_000, 8_000_000))
    found = weigh(session)
    # two iterations of four phases; a reset when they begin, so that nothing before counts, and after each phase
    assert len(resets) == 9
    phases = ("data", "forward", "backward", "step")
    assert found.peaks == {name: 4 * N + 1_000 * i for i, name in enumerate(phases, 5)}
    assert (found.peak, found.peak_phase, found.step_transient) == (4 * N + 8_000, "step", 8_000)
    assert found.device == {
        "requested": 1_000_000 + 4 * N + 8_000 - 7,
        "allocated": 1_000_000 + 4 * N + 8_000,
        "reserved": 2_000_000,
        "process": 3_000_000,
    }
    assert (found.method, found.rss) == ("CUDA allocator", None)
