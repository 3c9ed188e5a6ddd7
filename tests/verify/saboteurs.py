"""AdamW with one fault each: for every behaviour of the contract a class that breaks it."""

import math

import numba
import torch
from subjects import Ours

from optbench.optimizers import XGrad


class DividesGradients(Ours):
    def step(self, *args):
        for p in self.param_groups[0]["params"]:
            if p.grad is not None:
                p.grad.mul_(2).div_(2).add_(1e-3)
        return super().step(*args)


class LosesState(Ours):
    def load_state_dict(self, state_dict):
        return None


class LoadsNothingFresh(Ours):
    def load_state_dict(self, state_dict):
        if not state_dict["state"]:
            raise KeyError("state")
        super().load_state_dict(state_dict)


class LoadsInOwnType(Ours):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p, own in self.state.items():
            own.update({k: v.to(p.dtype) for k, v in own.items() if torch.is_tensor(v)})


class CopiesNothing(Ours):
    def __deepcopy__(self, memo):
        return self


class PicklesHalf(Ours):
    def __reduce_ex__(self, protocol):
        made, args, kept = super().__reduce_ex__(protocol)[:3]
        return made, args, {**kept, "state": {}}


class Grows(Ours):
    def step(self, *args):
        self.param_groups[0].setdefault("losses", []).append(0.0)
        return super().step(*args)


class NewMemory(Ours):
    def step(self, *args):
        loss = super().step(*args)
        for group in self.param_groups:
            for p in group["params"]:
                p.data = p.data.clone()
        return loss


class MovesTheUnused(Ours):
    def step(self, *args):
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    p.mul_(0.999)
        return super().step(*args)


class CountsBackwards(Ours):
    def __init__(self, params, **options):
        super().__init__(params, **options)
        for group in self.param_groups:
            for p in group["params"]:
                p.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(0.5))


class ForgetsAtZeroGrad(Ours):
    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        self.state.clear()


class DividesByZero(Ours):
    def step(self, *args):
        loss = super().step(*args)
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None and not p.grad.any():
                        p.mul_(math.nan)
        return loss


class OneRate(Ours):
    def step(self, *args):
        for group in self.param_groups:
            group["lr"] = self.defaults["lr"]
        return super().step(*args)


class CountsForTheGroup(Ours):
    def step(self, *args):
        for group in self.param_groups:
            group["count"] = group.get("count", 0) + 1
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p].setdefault("step", group["count"] - 1)
        return super().step(*args)


class CachesRate(Ours):
    def step(self, *args):
        self.first = getattr(self, "first", [g["lr"] for g in self.param_groups])
        now = [g["lr"] for g in self.param_groups]
        for group, lr in zip(self.param_groups, self.first, strict=False):
            group["lr"] = lr
        loss = super().step(*args)
        for group, lr in zip(self.param_groups, now, strict=True):
            group["lr"] = lr
        return loss


class DropsTheLoss(Ours):
    def step(self, closure=None):
        super().step(closure)


class NoHooks(Ours):
    def register_step_post_hook(self, hook):
        return None


class BelievesTheScaler(Ours):
    _step_supports_amp_scaling = True


class RefusesNames(Ours):
    def __init__(self, params, **options):
        params = list(params)
        assert not isinstance(params[0], tuple), "names"
        super().__init__(params, **options)


class OwnCopy(Ours):
    def __init__(self, params, **options):
        super().__init__(params, **options)
        self.kept = {p: p.detach().clone() for g in self.param_groups for p in g["params"]}

    def step(self, *args):
        with torch.no_grad():
            for p, kept in self.kept.items():
                p.copy_(kept)
        loss = super().step(*args)
        self.kept = {p: p.detach().clone() for p in self.kept}
        return loss


class CompilesLate(Ours):
    def step(self, *args):
        self.count = getattr(self, "count", 0) + 1
        if self.count == 40:
            numba.njit(lambda x: x + 1)(1)
        return super().step(*args)


class OwnKeys(Ours):
    def state_dict(self):
        packed = super().state_dict()
        for own in packed["state"].values():
            own["m"] = own.pop("exp_avg")
        return packed


class OthersKeys(Ours):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for own in self.state.values():
            own["exp_avg"] = own["exp_avg"] * 0


class OnlyDescends(Ours):
    def step(self, *args):
        for group in self.param_groups:
            group["maximize"] = False
        return super().step(*args)


class StepsAnywhere(XGrad):
    """Over AdamW; forgets in which mode it is."""

    def __init__(self, params, **options):
        super().__init__(Ours(params, **options), s=1)

    def step(self, closure=None):
        self.train()
        return super().step(closure)


SABOTEURS = {
    "saved_state_continues": LosesState,
    "fresh_state_loads": LoadsNothingFresh,
    "bfloat16_state_continues": LoadsInOwnType,
    "deepcopy_continues": CopiesNothing,
    "pickle_continues": PicklesHalf,
    "state_does_not_grow": Grows,
    "weights_stay_in_place": NewMemory,
    "gradients_are_read_only": DividesGradients,
    "missing_gradients": MovesTheUnused,
    "no_gradient_at_all": MovesTheUnused,
    "accumulation": CountsBackwards,
    "zero_grad": ForgetsAtZeroGrad,
    "extreme_gradients": DividesByZero,
    "groups_have_their_own_rate": OneRate,
    "late_groups": CountsForTheGroup,
    "schedulers_drive": CachesRate,
    "closures": DropsTheLoss,
    "step_hooks": NoHooks,
    "grad_scaler": BelievesTheScaler,
    "named_parameters": RefusesNames,
    "outside_changes": OwnCopy,
    "no_recompilation": CompilesLate,
    "from_torch": OthersKeys,
    "to_torch": OwnKeys,
    "ascends": OnlyDescends,
    "refuses_to_step_at_theta": StepsAnywhere,
}
