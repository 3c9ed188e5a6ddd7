"""What the tests of the cuda executor share: a problem with every awkward kind of tensor, on a GPU if there is one."""

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from optimizer_cases import VARIANTS

from optbench.optimizers import create, info, names

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
"""Without a GPU the tests run under Triton's interpreter, which takes tensors on the CPU."""

STEPS = 4

FEW = ["adamw", "adaplus", "lamb", "nadam", "novograd", "sgdm"]
"""One of each kind of kernel."""

SHAPES = ((1100,), (), (0,), (5, 3), (2, 3, 2, 2), (6, 4), (1030,))
"""A whole block and a rest for the step (1024 elements); see `Problem.parameters` for the last three."""

GAPS = 5
"""The index of the tensor that is left to eager."""

LARGE = (4100,)
"""A whole block and a rest for the sums (4096 elements)."""


def rules() -> list[str]:
    """The entries that have a rule."""
    return [name for name in names() if info(name).rule]


def variants(name: str) -> list[dict[str, Any]]:
    return VARIANTS.get(name, [{}])


class Problem:
    """Tensors and a gradient for each of them and each step; some gradients are missing, so that t differs."""

    def __init__(self, dtype: torch.dtype, steps: int = STEPS, whole: bool = False, large: bool = False) -> None:
        generator = torch.Generator().manual_seed(0)
        self.dtype, self.steps = dtype, steps
        shapes = (*SHAPES, LARGE) if large else SHAPES
        self.initial = [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]
        self.gradients = [
            [
                None
                if not whole and (step, i) in ((0, 3), (1, 0))
                else torch.randn(shape, generator=generator).to(dtype)
                for i, shape in enumerate(shapes)
            ]
            for step in range(steps)
        ]

    def parameters(self) -> list[torch.nn.Parameter]:
        """Fresh parameters: channels last, with gaps (left to eager), and at an odd address in the end."""
        made = [torch.empty(p.shape, dtype=self.dtype, device=DEVICE) for p in self.initial]
        made[4] = made[4].contiguous(memory_format=torch.channels_last)
        made[5] = torch.empty(12, 8, dtype=self.dtype, device=DEVICE)[::2, ::2]
        made[6] = torch.empty(1031, dtype=self.dtype, device=DEVICE)[1:]
        assert made[6].data_ptr() % 16
        return [torch.nn.Parameter(new.copy_(old)) for new, old in zip(made, self.initial, strict=True)]

    def give(self, parameters: list[torch.nn.Parameter], step: int) -> None:
        for p, g in zip(parameters, self.gradients[step], strict=True):
            p.grad = None if g is None else torch.empty_like(p, requires_grad=False).copy_(g)


def run(reference: str, problem: Problem, *, dense: bool = False, schedule: bool = False, **options: Any) -> Any:
    """Take every step and return the parameters and the optimizer; `dense` leaves the tensor with gaps out."""
    parameters = problem.parameters()
    used = [p for i, p in enumerate(parameters) if not (dense and i == GAPS)]
    optimizer = create(reference, used, **options)
    for step in range(problem.steps):
        if schedule:
            set_lr(optimizer, 0.02 / (step + 1))
        if hasattr(optimizer, "train"):
            optimizer.train()
        problem.give(parameters, step)
        optimizer.step()
    return used, optimizer


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def slots_of(optimizer: torch.optim.Optimizer) -> list[dict[str, torch.Tensor]]:
    """The state of each parameter, its count aside."""
    return [
        {key: v for key, v in state.items() if isinstance(v, torch.Tensor) and key != "step"}
        for state in optimizer.state.values()
    ]


def assert_close(ours: list[torch.Tensor], theirs: list[torch.Tensor], dtype: torch.dtype, steps: int = STEPS) -> None:
    """Equal up to a few roundings a step of numbers of the order of 1 (or of their own, where that is larger)."""
    bound = (4 if dtype.itemsize == 2 else 16) * steps * torch.finfo(dtype).eps
    for a, b in zip(ours, theirs, strict=True):
        wide_a, wide_b = a.detach().double(), b.detach().double()
        worst = ((wide_a - wide_b).abs() / wide_b.abs().clamp(min=1.0)).max().item() if a.numel() else 0.0
        assert worst <= bound, f"shape {tuple(a.shape)}: {worst:.2e} is above {bound:.2e}"


def assert_same(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)
