"""Steps whose t lives on the device: `capturable=True` for CUDA graphs, and GradScaler's steps that may be skipped.

There t is a 0-d tensor beside the rest of a parameter's state, and the cuda executor computes the coefficients from it
on the device. A step that GradScaler skips changes nothing and does not count.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from optbench.errors import InvalidValueError, OptbenchError
from optbench.optimizers._executors import _cuda_support
from optbench.optimizers._executors._program import Batch, Clock, Program
from optbench.optimizers._plan import Plan, Prediction

if TYPE_CHECKING:
    from optbench.optimizers._engine import RuleOptimizer

Tensor = torch.Tensor


def check_executor(name: str, impl: str, capturable: bool) -> None:
    """Refuse what the cuda executor cannot run on this machine.

    Raises:
        OptbenchError: when it is asked for, by `impl=cuda` or `capturable=True`, and not there.
    """
    if capturable and impl not in ("auto", "cuda"):
        raise InvalidValueError(f"capturable=True with impl={impl} in {name}", "use impl=cuda or impl=auto")
    if (capturable or impl == "cuda") and (lack := _cuda_support.missing()):
        raise OptbenchError(*lack)


def check_parameters(optimizer: "RuleOptimizer", group: Mapping[str, Any]) -> None:
    """Refuse parameters that the cuda executor cannot run when it was asked for.

    Raises:
        OptbenchError: for a parameter on another device; with `capturable=True` also for one of an unknown type or
            layout, and for a rule whose coefficients cannot be computed on the device.
    """
    if not optimizer.capturable and optimizer.impl != "cuda":
        return
    for p in group["params"]:
        if not _cuda_support.runs_on(p.device):
            hint = "move the model to a CUDA device before building the optimizer, or use impl=auto"
            raise OptbenchError(f"impl=cuda: a parameter is on device '{p.device}'", hint)
    if optimizer.capturable:
        from optbench.optimizers._executors import cuda

        for p in group["params"]:
            _check_fits(cuda.fits(p), p)
        cuda.check_device_coefficients(_program(optimizer, group), options(optimizer, group))


def _check_fits(fits: bool, p: Tensor) -> None:
    if not fits:
        what = f"a parameter of shape {tuple(p.shape)}, {p.dtype}, strides {p.stride()}"
        raise OptbenchError(f"{what} cannot be stepped on the device", "make it contiguous, or use capturable=False")


def honours_found_inf(optimizer: "RuleOptimizer") -> bool:
    """Tell whether a step may be skipped on the device: then GradScaler leaves unscaling and skipping to it."""
    if not (optimizer.impl == "cuda" or optimizer.capturable) or _cuda_support.missing():
        return False
    params = [p for group in optimizer.param_groups for p in group["params"]]
    if not all(_cuda_support.runs_on(p.device) for p in params):
        return False
    if optimizer.impl == "auto" and any(p.device.type == "cpu" for p in params):
        return False
    from optbench.optimizers._executors import cuda

    try:
        for group in optimizer.param_groups:
            cuda.check_device_coefficients(_program(optimizer, group), options(optimizer, group))
    except OptbenchError:
        return False
    return all(cuda.fits(p) for p in params)


def options(optimizer: "RuleOptimizer", group: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's hyper-parameters; those in a tensor on the device stay there."""
    names = (*optimizer.entry.declaration.hyperparameters, *optimizer._captured)
    return {
        n: v.item() if isinstance(v := group[n], Tensor) and not _cuda_support.runs_on(v.device) else v for n in names
    }


def _program(optimizer: "RuleOptimizer", group: Mapping[str, Any]) -> Program:
    rule = optimizer.entry.rule
    assert rule is not None
    return Program.of(rule, options(optimizer, group))


def batches(
    optimizer: "RuleOptimizer", group: dict[str, Any], prediction: Prediction | None
) -> Iterator[tuple[Program, str, Batch]]:
    """Sort the parameters that have a gradient into batches of one type and device each; t may differ within them.

    Raises:
        OptbenchError: for a parameter or a prediction that the cuda executor cannot run, and within a capture for
            a state that no step has made yet.
    """
    given = options(optimizer, group)
    program = _program(optimizer, group)
    s = group["s"] if prediction else 0.0
    prediction = prediction if s else None
    if prediction and (prediction.recovers or prediction.reading != "stale"):
        raise InvalidValueError("weight prediction on the device's own clock", "use cache=true and reading=stale")
    for tensors, grads, states in _sorted(optimizer, group, program, given, prediction):
        device = tensors[0].device
        steps = [_step_of(state, device) for state in states]
        clock = Clock(steps, given, s, *(_moved(v, device) for v in scaler_values(optimizer)))
        batch = Batch(tensors, grads, {n: [st[slot.key] for st in states] for n, slot in program.slots.items()}, {})
        batch.clock = clock
        if prediction:
            batch.reach = s
            batch.swap = [state[prediction.swap] for state in states] if prediction.swap else None
            for state in states:
                state["live"] = True
        yield program, "cuda", batch


Sorted = tuple[list[Tensor], list[Tensor], list[dict[str, Any]]]


def _sorted(
    optimizer: "RuleOptimizer",
    group: Mapping[str, Any],
    program: Program,
    options: Mapping[str, Any],
    prediction: Prediction | None,
) -> Iterator[Sorted]:
    """Yield parameters, gradients and states; what held at the last step is not asked again."""
    from optbench.optimizers._executors import cuda

    params = [p for p in group["params"] if p.grad is not None]
    plan = optimizer._plans.get(id(group))
    if plan and plan.impl == "cuda" and not group["maximize"]:
        known = plan.batch(optimizer.state, program, prediction, params)
        if known:
            yield known.theta, known.grads, plan.states
            return
    buckets: dict[Any, Sorted] = defaultdict(lambda: ([], [], []))
    capturing = torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
    for p in params:
        if capturing and not isinstance(optimizer.state[p].get("step"), Tensor):
            raise OptbenchError(
                "the state is made by the first step", "take a step or two before capturing the CUDA graph"
            )
        state = optimizer._state_of(p, program, options, prediction)
        g = optimizer._gradient(p, group["maximize"])
        _check_fits(cuda.fits(p, g, *(state[slot.key] for slot in program.slots.values())), p)
        bucket = buckets[p.dtype, p.device]
        bucket[0].append(p)
        bucket[1].append(g)
        bucket[2].append(state)
    optimizer._plans.pop(id(group), None)
    for tensors, grads, states in buckets.values():
        if len(buckets) == 1:
            slots = {n: [state[slot.key] for state in states] for n, slot in program.slots.items()}
            optimizer._plans[id(group)] = Plan(optimizer.state, program, prediction, tensors, states, slots, "cuda")
        yield tensors, grads, states


def _step_of(state: dict[str, Any], device: torch.device) -> Tensor:
    step = state["step"]
    if not isinstance(step, Tensor):
        step = state["step"] = torch.full((), float(step), dtype=torch.float32, device=device)
    return step


def scaler_values(optimizer: Any) -> tuple[Tensor | None, Tensor | None]:
    """Return found_inf and grad_scale, which GradScaler sets on an optimizer for the time of a step."""
    return getattr(optimizer, "found_inf", None), getattr(optimizer, "grad_scale", None)


@contextmanager
def lent_scaler_values(wrapper: Any, base: Any) -> Iterator[None]:
    """Let a wrapped optimizer have what GradScaler has set on its wrapper."""
    given = {n: getattr(wrapper, n) for n in ("found_inf", "grad_scale") if hasattr(wrapper, n)}
    vars(base).update(given)
    try:
        yield
    finally:
        for name in given:
            delattr(base, name)


def _moved(value: Tensor | None, device: torch.device) -> Tensor | None:
    return None if value is None else value.to(device, non_blocking=True)
