"""What a step does, counted: operators, kernels, bytes; and the copy that it is held against."""

import pytest
import torch
from stepping import Copying, Plain

from optbench import optimizers
from optbench.measure._counting import StepCounts, count_step
from optbench.measure.roofline import MAX_COPY, copier, copy_seconds, minimum_bytes, timed

CPU = torch.device("cpu")
SHAPES = [(100, 30), (7,), (2, 3, 4)]
COUNT = 3_000 + 7 + 24


def parameters() -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    for p in made:
        p.grad = torch.randn(p.shape, generator=generator)
    return made


def counted(reference: str) -> StepCounts:
    optimizer = optimizers.create(reference, parameters(), lr=1e-3)
    for _ in range(7):  # radam's variance is tractable from then on
        optimizer.step()
    return count_step(optimizer, CPU)


def test_an_operator_reads_and_writes_its_arguments() -> None:
    found = count_step(Plain(parameters(), lr=0.1), CPU)
    # each tensor is read, its gradient is read, and it is written
    assert found == StepCounts(operators=3, kernels=0, device_kernels=None, moved_bytes=12 * COUNT)
    assert found.launches == 3


def test_a_planted_copy_is_an_operator_and_two_passes_more() -> None:
    found = count_step(Copying(parameters(), lr=0.1), CPU)
    assert (found.operators, found.moved_bytes) == (6, (12 + 8) * COUNT)


def test_views_and_allocations_move_nothing_and_broadcasting_is_counted_as_seen() -> None:
    class Viewing(Plain):
        def step(self, closure: object = None) -> None:  # type: ignore[override]
            p = self.param_groups[0]["params"][0].detach()
            torch.empty(1_000)
            p.view(-1)[:10].t()
            p.t().select(0, 1).fill_(1.0)  # 100 numbers are written, none is read
            torch.zeros(5) + torch.zeros(())  # 20 and 4 bytes are filled; 20 + 4 are read, 20 written

    found = count_step(Viewing(parameters(), lr=0.1), CPU)
    assert (found.operators, found.moved_bytes) == (4, 400 + 24 + 44)


@pytest.mark.parametrize(
    ("reference", "kernels"),
    [("lamb", 3), ("xgrad+adamw", 1)],
)
def test_a_compiled_rule_moves_its_minimum(reference: str, kernels: int) -> None:
    found = counted(f"{reference}:impl=cpu")
    assert (found.operators, found.kernels, found.launches) == (0, kernels, kernels)
    # values of a whole tensor are no traffic to speak of
    assert found.moved_bytes == minimum_bytes(optimizers.parse(reference), COUNT)


def test_an_eager_rule_moves_more_than_it_must() -> None:
    found = counted("adamw:impl=eager")
    least = minimum_bytes(optimizers.parse("adamw"), COUNT)
    assert least == 28 * COUNT
    assert found.kernels == 0
    assert found.operators > 10
    assert found.moved_bytes > 3 * least


def test_torchs_fused_step_is_one_operator_beside_its_counters() -> None:
    found = counted("adamw:impl=torch")
    assert found.operators == 2
    # theta, two moments: read and written; the gradient: read. Three counters of 4 bytes are advanced, then read
    assert 28 * COUNT <= found.moved_bytes <= 28 * COUNT + 3 * 4 * 4


def test_the_minimum_of_references() -> None:
    def least(text: str) -> int | None:
        return minimum_bytes(optimizers.parse(text), 10)

    assert (least("sgd"), least("sgdm"), least("adamw"), least("amsgrad")) == (120, 200, 280, 360)
    assert (least("xgrad+sgdm"), least("xgrad+sgdm:cache=false")) == (240, 200)
    assert least("torch.optim.AdamW") is None


@pytest.mark.parametrize("size", [1, 8, 80_000])
def test_a_copy_moves_half_in_and_half_out(size: int) -> None:
    copy, moved = copier(size, CPU)
    target = copy()
    assert isinstance(target, torch.Tensor)
    assert moved == 2 * target.numel() * 4 == max(size, 8)
    assert bool((target == 1).all())


def test_a_copy_that_is_too_large_is_made_in_part_and_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    from optbench.measure import roofline

    monkeypatch.setattr(roofline, "MAX_COPY", 800)
    monkeypatch.setattr(roofline, "timed", lambda copy, device: 0.5 if copy().numel() == 100 else 0.0)
    called: list[int] = []
    assert copy_seconds(8_000, CPU, lambda: called.append(1)) == 5.0
    assert len(called) == roofline.COPIES[1]
    assert MAX_COPY >= 2**28


def test_work_is_timed_where_it_runs() -> None:
    done: list[int] = []
    assert timed(lambda: done.append(1), CPU) >= 0
    assert done == [1]
