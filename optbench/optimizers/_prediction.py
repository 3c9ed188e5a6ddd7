"""XGrad: weight prediction over any torch.optim.Optimizer. The paper and its equations are in `xgrad.py`.

While training, parameters hold the predicted weights phi; `eval()` swaps theta back bitwise and `train()` swaps phi
in. What is swapped out is a state slot, so a model's and an optimizer's state_dict taken together, in either mode,
continue bitwise.
"""

from collections.abc import Callable, Collection, Iterator
from operator import is_
from typing import Any

import torch
from torch.optim import Optimizer

from optbench.errors import InvalidValueError, OptbenchError
from optbench.optimizers import _aim
from optbench.optimizers._aim import SWAP
from optbench.optimizers._clock import lent_scaler_values
from optbench.optimizers._engine import RuleOptimizer
from optbench.optimizers._plan import Prediction
from optbench.optimizers._registry import info

Tensor = torch.Tensor
Group = dict[str, Any]

DECOUPLED = ("decoupled_weight_decay", "weight_decouple", "decoupled_decay", "decouple", "decoupled")
"""Group keys by which torch and third parties say that their weight decay is decoupled."""


class XGrad(Optimizer):
    """Weight prediction (XGrad, arXiv:2305.18240) over a base optimizer: gradients are taken at phi.

        optimizer = XGrad(torch.optim.AdamW(model.parameters()), s=1)
        for images, labels in loader:
            optimizer.zero_grad()
            loss_of(model(images), labels).backward()      # at phi
            optimizer.step()                               # restores theta, steps, predicts
        optimizer.eval()                                   # parameters hold theta: evaluate, save
        optimizer.train()                                  # parameters hold phi: train on

    Under a schedule that changes lr every iteration call `train()` after `scheduler.step()`: the prediction is aimed
    again with the new lr. A base with a rule predicts within its own pass over memory; any other base keeps theta
    and predicts from its last displacement.

    Args:
        base_optimizer: any optimizer that needs no closure; it and the wrapper share param_groups and state.
        s: steps to predict ahead, >= 0; a group may have its own "s". 0 is bitwise the base.
        cache: keep theta beside phi (4 bytes a parameter in fp32); False recomputes it from the state.
        reading: `stale`, `zero` or `repeat`: what stands for the update that is not known yet.
        restore: False is the control that never returns to theta.

    Raises:
        OptbenchError: for a base that weight prediction is not defined for.
        InvalidValueError: for s < 0, or a reading or cache=False that this base does not allow.
    """

    def __init__(
        self,
        base_optimizer: Optimizer,
        s: float = 1,
        cache: bool = True,
        *,
        reading: str = "stale",
        restore: bool = True,
    ) -> None:
        if not isinstance(base_optimizer, Optimizer):
            raise OptbenchError(f"XGrad wraps an optimizer, not {type(base_optimizer).__name__}", "give an Optimizer")
        given = {"s": s, "cache": cache, "reading": reading, "restore": restore}
        checked = info("xgrad").declaration.validate(given)
        self.base = base_optimizer
        self.cache, self.reading, self.restore = cache, reading, restore
        self._stepped: dict[int, list[Tensor]] = {}  # by group: the parameters of its last step
        self._check_base()
        super().__init__(base_optimizer.param_groups, {**base_optimizer.defaults, "s": checked["s"]})
        self.param_groups, self.state = base_optimizer.param_groups, base_optimizer.state
        for group in self.param_groups:
            self._complete(group)

    def _check_base(self) -> None:
        base, name = self.base, type(self.base).__name__
        if isinstance(base, (XGrad, torch.optim.LBFGS, torch.optim.SparseAdam)):
            raise OptbenchError(f"weight prediction over {name} is not defined", "choose a first-order base optimizer")
        rule = base.entry.rule if isinstance(base, RuleOptimizer) else None
        if rule is not None and rule.lookahead:
            raise OptbenchError(f"weight prediction over {name} is not defined", "its weights are a prediction already")
        if self.reading != "stale" and rule is None:
            raise InvalidValueError(f"reading={self.reading} needs a base with a rule, not {name}", "use reading=stale")
        if not self.cache and self.restore:
            groups = base.param_groups if isinstance(base, RuleOptimizer) else []
            if rule is None or not all(rule.recoverable(base.options(g)) for g in groups) or rule.reduce:  # type: ignore[attr-defined]
                hint = "use cache=true, or an sgdm, adam, adamw or radam base"
                raise InvalidValueError(f"cache=false: {name}'s step is no function of its state", hint)
            if self.reading != "stale":
                raise InvalidValueError(f"cache=false with reading={self.reading}", "use cache=true")

    def _complete(self, group: Group) -> None:
        group["s"] = info("xgrad").declaration.validate({"s": group.get("s", self.defaults["s"])})["s"]
        group.setdefault("predicting", True)
        group.setdefault("aim", {})

    # --- torch.optim's contract ------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        own = {n: getattr(self, n) for n in ("base", "cache", "reading", "restore")}
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._stepped = {}
        self.base.__setstate__({"state": self.state, "param_groups": self.param_groups})
        for group in self.param_groups:
            self._complete(group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state of this class, or one of the plain base: then the first iteration is not predicted."""
        self.base.load_state_dict(state_dict)
        self.state, self.param_groups = self.base.state, self.base.param_groups
        self._stepped = {}
        for group in self.param_groups:
            self._complete(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group to the base and to the wrapper; its parameters are predicted from their second step on."""
        if self.__dict__.get("param_groups") is self.base.param_groups:
            self.base.add_param_group(param_group)
            self._complete(self.param_groups[-1])
        else:
            super().add_param_group(param_group)  # while Optimizer.__init__ runs, on its own list

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients; nothing else."""
        self.base.zero_grad(set_to_none)

    # --- phi and theta ---------------------------------------------------------------------------------------------

    @property
    def training(self) -> bool:
        """Whether the parameters hold phi."""
        return all(group["predicting"] for group in self.param_groups)

    @torch.no_grad()
    def eval(self) -> None:
        """Let the parameters hold theta: to evaluate, save or log. Nothing happens when they do already."""
        for group in self.param_groups:
            if group["predicting"]:
                self._keep_theta(group, list(self._live(group)))
                self._exchange(group)
                group["predicting"] = False

    @torch.no_grad()
    def train(self) -> None:
        """Let the parameters hold phi; where lr or s has changed since, aim the prediction again."""
        for group in self.param_groups:
            if not group["predicting"]:
                self._exchange(group)
                group["predicting"] = True
            if group["aim"] and self._moved(group) and self.restore:
                self._aim_again(group)
            if not self.cache:
                for _, state in self._live(group):
                    state.pop(SWAP, None)

    def _live(self, group: Group) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        for p in group["params"]:
            state = self.state.get(p, {})
            if state.get("live"):
                yield p, state

    def _exchange(self, group: Group) -> None:
        for p, state in self._live(group):
            if SWAP in state:
                kept = p.detach().clone()
                p.copy_(state[SWAP])
                state[SWAP].copy_(kept)

    def _keep_theta(self, group: Group, live: Collection[tuple[Tensor, dict[str, Any]]]) -> None:
        """Without a cache, put theta into `swap`; until it is taken out it costs what the cache costs."""
        if self.restore and not self.cache:
            assert isinstance(self.base, RuleOptimizer)
            _aim.keep_theta(self.base, group, live)

    @staticmethod
    def _moved(group: Group) -> bool:
        aim = group["aim"]
        return bool(float(group["lr"]) != float(aim["lr"]) or group["s"] != aim["s"])

    def _aim_again(self, group: Group) -> None:
        """Predict with the lr and s that the group has now: from the state where that gives d, else by proportion.

        By proportion is the cheaper, and where phi draws nearer to theta, as under most schedules, it rounds no worse.
        """
        lr, aim = float(group["lr"]), group["aim"]
        live = list(self._live(group))
        self._keep_theta(group, live)
        nearer = lr * group["s"] <= float(aim["lr"]) * aim["s"]
        exact = self.reading == "stale" and _aim.knows_direction(self.base, group)
        by_state = exact and not (nearer and self.cache)
        if by_state:
            assert isinstance(self.base, RuleOptimizer)
            _aim.from_state(self.base, group, live, lr)
        else:
            _aim.by_proportion(group, live, lr)
        group["aim"] = {**aim, "lr": lr if by_state or float(aim["lr"]) else 0.0, "s": group["s"]}

    # --- the step --------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Restore theta, let the base step with the gradients taken at phi, and predict with the lr of this step.

        Raises:
            OptbenchError: in eval mode, where the gradients would belong to theta.
        """
        if not self.training:
            raise OptbenchError("XGrad.step() in eval mode", "call train() before the forward pass")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._settle()
        if isinstance(self.base, RuleOptimizer):
            cached = self.cache and self.restore
            recovers = self.restore and not self.cache
            hooked = self.base._optimizer_step_pre_hooks or self.base._optimizer_step_post_hooks
            step = self.base.step if hooked else self.base.advance
            with lent_scaler_values(self, self.base):
                step(prediction=Prediction(SWAP if cached else "", recovers, self.reading))
        else:
            self._step_foreign()
        for group in self.param_groups:
            group["aim"] = self._snapshot(group) if group["s"] else {}
        return loss

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """What GradScaler asks: whether a step may be skipped on the device, as the base can, with what it takes."""
        base, restored_by_state = self.base, self.restore and not self.cache
        able = isinstance(base, RuleOptimizer) and self.reading == "stale" and not restored_by_state
        return able and bool(base._step_supports_amp_scaling)  # type: ignore[attr-defined]

    def _snapshot(self, group: Group) -> dict[str, Any]:
        base = self.base
        options = base.snapshot(group) if isinstance(base, RuleOptimizer) else {"lr": float(group["lr"])}
        return {**options, "s": group["s"]}

    @torch.no_grad()
    def _settle(self) -> None:
        """Return parameters that are not predicted any more to theta: those without a gradient, or with s = 0."""
        for group in self.param_groups:
            steps = [p for p in group["params"] if p.grad is not None]
            before, self._stepped[id(group)] = self._stepped.get(id(group)), steps
            if group["s"] and before and len(before) == len(steps) and all(map(is_, before, steps)):
                continue
            for p, state in list(self._live(group)):
                if p.grad is not None and group["s"]:
                    continue
                self._keep_theta(group, [(p, state)])
                if SWAP in state:
                    p.copy_(state[SWAP])
                state["live"] = False
                if not group["s"] or not self.cache:
                    state.pop(SWAP, None)

    @torch.no_grad()
    def _step_foreign(self) -> None:
        """Step a base that has no rule: phi = theta - s times its last displacement, decoupled decay left out."""
        moved = []
        for group in self.param_groups:
            keep = 1 - _decoupled_decay(group, self.base) if group["s"] else 1.0
            for p in group["params"]:
                if p.grad is None or not group["s"]:
                    continue
                state = self.state[p]
                if self.restore and state.get("live"):
                    p.copy_(state[SWAP])
                moved.append((p, state.pop(SWAP, None), keep, group["s"], p.detach().clone()))
        absent = [p for p, *_ in moved if not self.state[p]]
        for p in absent:
            del self.state[p]  # many optimizers take an empty state for the first step
        self.base.step()
        for p, swap, keep, s, before in moved:
            displacement = before.mul_(keep).sub_(p)
            if self.restore:
                self.state[p][SWAP] = p.detach().clone() if swap is None else swap.copy_(p)
            self.state[p]["live"] = True
            p.sub_(displacement, alpha=s)


def _decoupled_decay(group: Group, base: Optimizer) -> float:
    """Return lr * weight_decay where the base shrinks theta by it apart from the gradient, else 0."""
    decoupled = isinstance(base, torch.optim.Adafactor) or any(bool(group.get(key)) for key in DECOUPLED)
    return float(group["lr"]) * float(group.get("weight_decay", 0.0)) if decoupled else 0.0
