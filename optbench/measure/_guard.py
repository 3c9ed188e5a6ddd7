"""The guard against steps that are fast because they do nothing: bits of the parameters before and after each.

A look is taken between the timed iterations, never inside one, and on CUDA it only queues work on the device: the
sums are read when the turn is over.
"""

import itertools

import torch

from optbench.failures import Stopped

# Tensors smaller than this are joined and summed at once: each sum of its own costs some microseconds.
SMALL = 65_536
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Guard:
    """Watches the trained parameters of an optimizer.

    Args:
        optimizer: its groups' parameters are watched.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._groups = optimizer.param_groups
        self._sums: list[torch.Tensor] = []
        self._owes: list[bool] = []  # whether the step after a look owes a change
        self.steps = 0  # taken so far, timed or not

    def sums(self) -> torch.Tensor:
        """Return the sums of the parameters as they are."""
        return bit_sums([p for group in self._groups for p in group["params"]])

    def owes(self) -> bool:
        """Tell whether a step taken now owes a change: at a learning rate of 0 nothing need move."""
        return any(float(group.get("lr", 1.0)) != 0 for group in self._groups)

    def look(self) -> None:
        """Take the parameters' sums, before a step and after the last."""
        self._sums.append(self.sums())
        self._owes.append(self.owes())

    def check(self) -> None:
        """Raise Stopped unless every step between two looks changed a parameter; forget the looks.

        `steps` must count the step before the last look.
        """
        rows, owes = torch.stack(self._sums).tolist(), self._owes
        self._sums, self._owes = [], []
        first = self.steps - len(rows) + 2  # the step after the first look
        for index, (before, after) in enumerate(itertools.pairwise(rows)):
            if before == after and owes[index]:
                raise self._complaint(first + index)

    def _complaint(self, step: int) -> Stopped:
        parameters = [p for group in self._groups for p in group["params"]]
        if not all(bool(torch.isfinite(p).all()) for p in parameters):
            return Stopped("diverged", f"the parameters were no longer finite at step {step}: its time means nothing")
        return Stopped("error", f"step {step} changed no parameter: its time means nothing")


def bit_sums(parameters: list[torch.Tensor]) -> torch.Tensor:
    """Return sums over the bits of parameters, taken as integers (int64, wrapping): one bit that flips shows."""
    bits = [_bits(p.detach()) for p in parameters if p.numel()]
    sums = [each.sum(dtype=torch.int64) for each in bits if each.numel() >= SMALL]
    for size in {each.element_size() for each in bits}:
        small = [each.flatten() for each in bits if each.numel() < SMALL and each.element_size() == size]
        if small:
            sums.append(torch.cat(small).sum(dtype=torch.int64))
    return torch.stack(sums) if sums else torch.zeros(1, dtype=torch.int64)


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    """Return a view of a tensor as integers of its element size."""
    tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return tensor.view(_INTEGERS[tensor.element_size()])
