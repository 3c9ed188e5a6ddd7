"""Peak memory: cases that can be computed by hand, to the byte."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from optbench import plan, recipe
from optbench.measure.memory import peak_bytes, tensor_bytes
from optbench.session import Session

N = 10_000  # parameters of the model below
BATCH = 500  # numbers in a batch of it
LOSS = START = 4  # bytes: the loss, and the gradient that backward starts from and lets go of
ALL = 4 * (2 * N + BATCH) + LOSS + START  # theta, its gradient and the batch besides


class ByHand:
    """A session whose memory is plain: loss = sum(theta), so the only large tensors are theta and its gradient."""

    def __init__(self, optimizer: type[torch.optim.Optimizer] = torch.optim.SGD, **options: Any) -> None:
        self.device = torch.device("cpu")
        self.model = torch.nn.ParameterList([torch.zeros(N)])
        self.optimizer = optimizer(self.model.parameters(), lr=0.1, **options)  # type: ignore[call-arg]

    def batches(self, epoch: int) -> Iterator[torch.Tensor]:
        yield torch.ones(BATCH)

    def iteration(self, batch: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss: torch.Tensor = self.model[0].sum()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()


def peak(session: Any) -> int:
    for batch in session.batches(1):
        session.iteration(batch)
    return peak_bytes(session)


def test_parameters_gradients_and_batch() -> None:
    assert peak(ByHand(foreach=False)) == ALL


def test_optimizer_state_is_counted() -> None:
    class Stateful(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            for p in self.param_groups[0]["params"]:
                if p not in self.state:
                    self.state[p]["history"] = torch.zeros(3, N, dtype=torch.float64)
            super().step(closure)

    assert peak(ByHand(Stateful, foreach=False)) == ALL + 3 * 8 * N


def test_a_buffer_of_the_model_is_counted() -> None:
    session = ByHand(foreach=False)
    session.model.register_buffer("counts", torch.zeros(321, dtype=torch.float64))
    assert peak(session) == ALL + 8 * 321


@pytest.mark.parametrize("size", [5, 777, 50_000])
def test_a_temporary_of_the_step_shows_to_the_byte(size: int) -> None:
    class Wasteful(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            temporary = torch.empty(size, dtype=torch.uint8)
            super().step(closure)
            return temporary.numel()

    assert peak(ByHand(Wasteful, foreach=False)) == ALL - START + size


def test_a_temporary_that_is_gone_before_the_peak_does_not_show() -> None:
    class Brief(ByHand):
        def iteration(self, batch: torch.Tensor) -> torch.Tensor:
            self.optimizer.zero_grad()
            torch.empty(N)  # as large as the gradient that comes after it
            return super().iteration(batch)

    assert peak(Brief(foreach=False)) == ALL


def test_storages_are_counted_once() -> None:
    base = torch.zeros(100)
    nested = {"a": base, "b": [base[10:20], base.view(10, 10)], "c": (torch.zeros(3), "text", 4)}
    assert tensor_bytes(nested) == 400 + 12


def test_a_real_session_holds_at_least_its_parts_and_is_repeatable() -> None:
    found = recipe.load("digits-cnn").override(batch_size=100)
    sizes = {}
    for name in ("sgdm:impl=torch", "adamw:impl=torch", "adamw"):
        spec = plan.build(found, [name], [], seeds=[0])[0].specs[0]
        sizes[name] = {peak(Session(spec)) for _ in range(2)}
        assert len(sizes[name]) == 1
    parameters = 38_282
    (sgdm,) = sizes["sgdm:impl=torch"]
    (adamw,) = sizes["adamw:impl=torch"]
    # conv 1's output and its ReLU's, kept for backward: 2 x 16 x 8 x 8 numbers an image, in fp32
    assert sgdm > 4 * (3 * parameters + 100 * 2 * 16 * 64)
    # one more slot a parameter, and torch's step counter of 4 bytes for each of the 8 tensors
    assert adamw - sgdm == 4 * parameters + 4 * 8
    assert sizes["adamw"] <= {adamw, adamw - 4 * 8}


def test_cuda_takes_the_allocators_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    session: Any = ByHand(foreach=False)
    session.device = SimpleNamespace(type="cuda")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1_000_000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 1_000_000 + 4 * N)
    assert peak_bytes(session) == 4 * (2 * N + BATCH)
