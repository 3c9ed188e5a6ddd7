"""Third-party optimizers that tests profile: what each step does is plain to see."""

from typing import Any

import torch


class Plain(torch.optim.SGD):
    """theta -= lr * g, an operator a tensor."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad, alpha=-group["lr"])


class Copying(Plain):
    """The same, after a copy of each parameter that is kept: one buffer of the parameters' size."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for p in self.param_groups[0]["params"]:
            if p not in self.state:
                self.state[p]["copy"] = torch.empty_like(p)
            self.state[p]["copy"].copy_(p)
        super().step()


class Consuming(Plain):
    """The same, and it scales the gradient in place, as some do."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        super().step()
        for p in self.param_groups[0]["params"]:
            p.grad.mul_(1e-30)


class Still(Plain):
    """Does nothing."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        return


class Failing(Plain):
    """Raises."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        raise RuntimeError("no step today")
