"""RuleOptimizer: a torch.optim.Optimizer that runs a rule through an executor."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch.optim import Optimizer

from optbench.errors import InvalidValueError, OptbenchError
from optbench.optimizers import _clock
from optbench.optimizers._choice import choose, executor
from optbench.optimizers._executors._program import Batch, Program, compute_dtype
from optbench.optimizers._hyperparameters import Value
from optbench.optimizers._plan import Plan, Prediction, predict
from optbench.optimizers._registry import Entry

Tensor = torch.Tensor
Group = dict[str, Any]

IMPLEMENTATIONS = ("auto", "eager", "cpu", "cuda")


class RuleOptimizer(Optimizer):
    """Runs `entry.rule` on its parameters.

    `impl` chooses the executor: `eager`, `cpu`, `cuda`, or `auto`: `cpu` or `cuda` where it fits a parameter, else
    `eager`. t belongs to each parameter, as in torch: a step without its gradient does not count. State is kept in
    fp32 for bf16 and fp16 parameters, and under torch's keys where torch has the algorithm. `capturable=True` keeps t
    and the coefficients on the device, so that a step can be captured into a CUDA graph; a learning rate that changes
    between replays is given as a tensor on the device.
    """

    entry: ClassVar[Entry]

    def __init__(
        self,
        params: Any,
        options: Mapping[str, object],
        *,
        impl: str = "auto",
        maximize: bool = False,
        capturable: bool = False,
    ) -> None:
        if impl not in IMPLEMENTATIONS:
            hint = f"give {', '.join(IMPLEMENTATIONS)}"
            raise InvalidValueError(f"impl={impl} is not an executor of {self.entry.name}", hint)
        _clock.check_executor(self.entry.name, impl, capturable)
        self.impl, self.capturable = impl, capturable
        self._on_device = capturable  # whether t has moved to the device
        self._honours: bool | None = None
        self.used: set[str] = set()
        self._plans: dict[int, Plan] = {}
        declaration = self.entry.declaration
        given: dict[str, Any] = {**declaration.defaults(), **declaration.validate(options), "maximize": maximize}
        given |= {n: v for n, v in options.items() if isinstance(v, Tensor)}
        super().__init__(params, given)

    # --- torch.optim's contract ------------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters with its own hyper-parameters.

        Raises:
            OptbenchError: for a sparse, complex or integer parameter, or a hyper-parameter out of its bounds.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            for p in group["params"]:
                check_parameter(self.entry.name, p)
            self._check_group(group)
            _clock.check_parameters(self, group)
        except OptbenchError:
            self.param_groups.pop()
            raise
        self._honours = None

    @property
    def _captured(self) -> Mapping[str, str]:
        return self.entry.rule.captured if self.entry.rule else {}

    def _check_group(self, group: Group) -> None:
        declaration = self.entry.declaration
        given = declaration.validate({n: group[n] for n in declaration.hyperparameters})
        declaration.check(given)
        for name, source in self._captured.items():
            group.setdefault(name, given[source])
        group.update({n: v for n, v in given.items() if not isinstance(group[n], Tensor)})

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "impl": self.impl, "used": self.used, "capturable": self.capturable}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._plans = {}
        self._on_device, self._honours = self.capturable, None
        torch_class = self.entry.torch
        renamed = torch_class.keys if torch_class else {}
        defaults = {**self.entry.declaration.defaults(), "maximize": False}
        for group in self.param_groups:
            for ours, theirs in renamed.items():
                if theirs in group:
                    group.setdefault(ours, group[theirs])
            for key, value in defaults.items():
                group.setdefault(key, value)
            self._check_group(group)
        for p_state in self.state.values():
            if isinstance(step := p_state.get("step", 1 if p_state else None), Tensor):
                step = int(step.item())
            if step is not None:
                p_state["step"] = int(step)

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """What GradScaler asks: whether `step` takes found_inf and grad_scale, which it then sets, on the device."""
        if self._honours is None:
            self._honours = _clock.honours_found_inf(self)
        return self._honours

    def state_dict(self) -> dict[str, Any]:
        """Return the state, with torch's names of hyper-parameters beside ours: torch's own class can load it."""
        packed = super().state_dict()
        if self.entry.torch:
            for group in packed["param_groups"]:
                group.update({theirs: group[ours] for ours, theirs in self.entry.torch.keys.items()})
        return packed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state, of this class or of torch's own; state tensors keep the type in which they were saved."""
        super().load_state_dict(state_dict)
        keep_dtypes(self, state_dict)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None, *, prediction: Prediction | None = None) -> Any:
        """Take one step; the closure, if any, is called first with gradients enabled, and its loss is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.advance(prediction)
        return loss

    @torch.no_grad()
    def advance(self, prediction: Prediction | None = None) -> None:
        """Take one step without running hooks: XGrad's own step has run them."""
        self._refuse_sparse()
        self._on_device = self._on_device or _clock.scaler_values(self) != (None, None)
        batches = partial(_clock.batches, self) if self._on_device else self._batches
        for group in self.param_groups:
            for program, impl, batch in batches(group, prediction):
                self.used.add(impl)
                executor(impl).advance(program, batch)

    def _refuse_sparse(self) -> None:
        """Look at every gradient before any parameter moves: a refused step leaves everything as it was."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and p.grad.layout is not torch.strided:
                    raise OptbenchError(
                        f"{self.entry.name} does not support sparse gradients",
                        "use a dense gradient (nn.Embedding(sparse=False)) or torch.optim.SparseAdam",
                    )

    # --- one step --------------------------------------------------------------------------------------------------

    def options(self, group: Group) -> dict[str, Value]:
        """Return a group's hyper-parameters, and what it captured at construction, as plain values."""
        return plain(group, (*self.entry.declaration.hyperparameters, *self._captured))

    def snapshot(self, group: Group) -> dict[str, Any]:
        """Return what `options` does, without waiting for a device that keeps t: its tensors are copied there."""
        if not self._on_device:
            return self.options(group)
        kept = _clock.options(self, group)
        return {n: v.detach().clone() if isinstance(v, Tensor) else v for n, v in kept.items()}

    def _batches(self, group: Group, prediction: Prediction | None) -> Iterator[tuple[Program, str, Batch]]:
        """Sort the parameters that have a gradient into batches: one executor, type, device and t each."""
        rule = self.entry.rule
        assert rule is not None
        options = self.options(group)
        s = group["s"] if prediction else 0.0
        prediction = prediction if s else None
        program = Program.of(rule, options)
        for impl, t, live, batch, states in self._sorted(group, program, options, prediction):
            batch.k = rule.coefficients_at(t, options)
            if prediction:
                predict(batch, group, rule, options, t, s, live, states, prediction)
            yield program, impl, batch

    def _sorted(
        self, group: Group, program: Program, options: Mapping[str, Value], prediction: Prediction | None
    ) -> Iterator[tuple[str, int, bool, Batch, list[dict[str, Any]]]]:
        """Yield executor, t, whether the batch is predicted now, the batch without coefficients, and its states."""
        params = [p for p in group["params"] if p.grad is not None]
        plan = self._plans.get(id(group))
        if (
            plan is not None
            and not group["maximize"]
            and (batch := plan.batch(self.state, program, prediction, params))
        ):
            yield plan.impl, plan.count(), prediction is not None, batch, plan.states
            return
        keys = [slot.key for slot in program.slots.values()]
        buckets: dict[Any, tuple[list[Tensor], list[Tensor], list[dict[str, Any]]]] = defaultdict(lambda: ([], [], []))
        for p in params:
            state = self._state_of(p, program, options, prediction)
            state["step"] = t = state["step"] + 1
            g = self._gradient(p, group["maximize"])
            stale = prediction is None or prediction.reading == "stale"
            impl = self.executor_for(p, g, [state[key] for key in keys]) if stale else "eager"
            live = bool(prediction and state.get("live"))
            bucket = buckets[impl, p.dtype, p.device, t, live]
            bucket[0].append(p)
            bucket[1].append(g)
            bucket[2].append(state)
        self._plans.pop(id(group), None)
        for (impl, _, _, t, live), (tensors, grads, states) in buckets.items():
            slots = {n: [state[slot.key] for state in states] for n, slot in program.slots.items()}
            if len(buckets) == 1:
                self._plans[id(group)] = Plan(self.state, program, prediction, tensors, states, slots, impl)
            yield impl, t, live, Batch(tensors, grads, slots, {}), states

    def _gradient(self, p: Tensor, maximize: bool) -> Tensor:
        g = p.grad
        assert g is not None
        if g.stride() != p.stride() and type(g) is Tensor and not (g.is_contiguous() and p.is_contiguous()):
            g = torch.empty_like(p).copy_(g)
        return -g if maximize else g

    def _state_of(
        self, p: Tensor, program: Program, options: Mapping[str, Value], prediction: Prediction | None
    ) -> dict[str, Any]:
        state: dict[str, Any] = self.state[p]
        state.setdefault("step", 0)
        dtype = compute_dtype(p.dtype)
        for slot in program.slots.values():
            if slot.key in state:
                continue
            if slot.initial == "theta":
                state[slot.key] = p.detach().clone().to(dtype)
                continue
            value = options[slot.initial] if isinstance(slot.initial, str) else slot.initial
            assert isinstance(value, (int, float))
            like = p.new_empty(()) if slot.per_tensor else p
            state[slot.key] = torch.full_like(like, value, dtype=dtype, requires_grad=False)
        if prediction and prediction.swap and prediction.swap not in state:
            state[prediction.swap] = p.detach().clone()
        return state

    def executor_for(self, p: Tensor, g: Tensor, state: Iterable[Tensor]) -> str:
        """Return the executor that runs a parameter with its gradient and state."""
        return choose(self.impl, self.capturable, p, g, state)


def plain(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Value]:
    """Return the named values, tensors among them read."""
    return {n: v.item() if isinstance(v := values[n], Tensor) else v for n in names}


def check_parameter(name: str, p: Tensor) -> None:
    """Refuse a parameter that no rule can update.

    Raises:
        OptbenchError: for a sparse, complex or integer parameter.
    """
    if p.layout is not torch.strided:
        raise OptbenchError(f"{name} does not support sparse parameters", "give a dense tensor")
    if p.is_complex():
        raise OptbenchError(f"{name} does not support complex parameters ({p.dtype})", "use torch.view_as_real")
    if not p.is_floating_point():
        raise OptbenchError(f"{name} does not support integer parameters ({p.dtype})", "give a floating-point tensor")


def keep_dtypes(optimizer: RuleOptimizer, state_dict: Mapping[str, Any]) -> None:
    """Undo torch's cast of loaded state to the parameter's type: fp32 moments of bf16 parameters stay fp32.

    What is no slot of the rule (weights that XGrad has swapped out) stays as it was saved.
    """
    assert optimizer.entry.rule is not None
    slots = {slot.key for slot in optimizer.entry.rule.slots.values()}
    saved = (i for group in state_dict["param_groups"] for i in group["params"])
    for i, p in zip(saved, (p for group in optimizer.param_groups for p in group["params"]), strict=True):
        for key, value in state_dict["state"].get(i, {}).items():
            if isinstance(value, Tensor) and key != "step" and value.is_floating_point():
                kept = p.dtype == torch.float64 or key not in slots
                dtype = value.dtype if kept else compute_dtype(value.dtype)
                optimizer.state[p][key] = value.to(device=p.device, dtype=dtype)
