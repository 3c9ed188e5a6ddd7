"""An awkward problem: parameters of odd shapes and layouts in two groups, and the gradients of every step."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Tensor = torch.Tensor
Array = NDArray[np.float64]


@dataclass
class Problem:
    """Parameters and gradients, drawn from a seed.

    Six kinds of tensor are always there, in sizes that the seed draws: a matrix whose memory is transposed, a vector,
    a single number `()`, an empty one, a 3-d one, and a matrix with gaps in its memory. The first four are one group,
    the rest another. Some gradients are missing, so that t differs between tensors; some elements are exactly 0.

    Attributes:
        seed: of the draw.
        steps: for which there are gradients.
        dtype: of the parameters and gradients; what is drawn is rounded to it.
        empty: whether there is an empty tensor.
        gaps: whether memory layouts are awkward; False makes every tensor contiguous.
        missing: whether gradients are missing.
        scale: the gradients' size.
        large: elements of one tensor more, of 67 distinct values repeated, to fill more than one chunk of a kernel.
    """

    seed: int = 0
    steps: int = 12
    dtype: torch.dtype = torch.float64
    empty: bool = True
    gaps: bool = True
    missing: bool = True
    scale: float = 1.0
    large: int = 0
    shapes: list[tuple[int, ...]] = field(init=False)
    initial: list[Tensor] = field(init=False)
    gradients: list[list[Tensor | None]] = field(init=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        a, b, c = (int(n) for n in random.integers(2, 7, size=3))
        self.shapes = [(a, b), (2 * c + 1,), (), (0,) if self.empty else (2,), (b, c, a), (c, b), (c,)]
        self.initial = [self._draw(random, shape) for shape in self.shapes]
        self.initial[-1].zero_()
        self.gradients = [[self._gradient(random, t, i) for i in range(len(self.shapes))] for t in range(self.steps)]
        if self.large:
            self._add_large(random)

    def _draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        return torch.tensor(random.standard_normal(shape), dtype=torch.float64).to(self.dtype)

    def _gradient(self, random: np.random.Generator, step: int, i: int) -> Tensor | None:
        g = self._draw(random, self.shapes[i]) * self.scale
        if g.dim() and g.numel():
            g[0] = g[0] * (step > 2)  # exactly 0 at first
        if not g.dim():
            g = g * (step > 1)  # a whole gradient of 0
        # the vector has no gradient at first, the 3-d tensor misses one in four, the last its eighth
        gone = (i == 1 and step < 2) or (i == 4 and step % 4 == 2) or (i == 5 and step == 7)
        return None if self.missing and gone else g

    def _add_large(self, random: np.random.Generator) -> None:
        def repeated() -> Tensor:
            return self._draw(random, (67,)).repeat(-(-self.large // 67))[: self.large].clone()

        self.shapes.append((self.large,))
        self.initial.append(repeated())
        for row in self.gradients:
            row.append(repeated() * self.scale)

    def parameters(self, dtype: torch.dtype | None = None, device: str = "cpu") -> list[torch.nn.Parameter]:
        """Return fresh parameters: the first one's memory is transposed, the sixth has gaps."""
        tensors = [p.to(device=device, dtype=dtype or self.dtype, copy=True) for p in self.initial]
        if self.gaps:
            tensors[0] = tensors[0].t().contiguous().t()
            roomy = tensors[5].new_zeros(2 * tensors[5].shape[0], 2 * tensors[5].shape[1])
            tensors[5] = roomy[::2, ::2].copy_(tensors[5])
        return [torch.nn.Parameter(p) for p in tensors]

    def give(self, parameters: list[torch.nn.Parameter], step: int, plain: bool = False) -> None:
        """Put the gradients of a step on the parameters, in their dtype and on their device.

        Args:
            parameters: those of this problem.
            step: from 0.
            plain: lay the gradients out as autograd does, which torch's fused kernels rely on; else the layout
                changes from step to step.
        """
        for p, g in zip(parameters, self.gradients[step], strict=True):
            if g is not None:
                g = g.to(device=p.device, dtype=p.dtype, copy=True)
                if plain:
                    g = torch.empty_like(p, requires_grad=False).copy_(g)
                elif g.dim() > 1 and step % 2:
                    g = g.transpose(0, 1).contiguous().transpose(0, 1)
            p.grad = g

    def arrays(self, step: int) -> list[Array | None]:
        """Return the gradients of a step in float64."""
        return [None if g is None else array(g) for g in self.gradients[step]]

    @staticmethod
    def groups(parameters: list[torch.nn.Parameter]) -> list[dict[str, Any]]:
        """Return the parameters in two groups."""
        return [{"params": parameters[:4]}, {"params": parameters[4:]}]


def array(tensor: Tensor) -> Array:
    """Return a float64 copy."""
    return np.asarray(tensor.detach().to(device="cpu", dtype=torch.float64).numpy()).copy()


def learning_rates(lr: float, step: int) -> tuple[float, float]:
    """Return the learning rates of the two groups at a step: a schedule, and twice the constant."""
    return lr * (1 + 0.5 * math.cos(step)), 2 * lr


def distance(left: list[Array], right: list[Array]) -> float:
    """Return the largest difference; NaN and unequal infinities count as infinite."""
    worst = 0.0
    for a, b in zip(left, right, strict=True):
        if a.size:
            with np.errstate(invalid="ignore"):
                d = float(np.max(np.where(a == b, 0.0, np.abs(a - b))))
            worst = max(worst, math.inf if math.isnan(d) else d)
    return worst


def largest(values: list[Array]) -> float:
    """Return the largest magnitude, 0 for none."""
    return max((float(np.max(np.abs(v))) for v in values if v.size), default=0.0)
