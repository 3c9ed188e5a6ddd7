"""Faults planted by hand in what all rules share: the engine, XGrad and the eager executor.

Each: the reference whose verification must fail, the mistake in words, the module, and (function, what stands there,
what the mistake writes instead).
"""

from optbench.verify.mutants._plant import Fault, lines

EAGER = "_executors.eager"

IN_ENGINE: tuple[Fault, ...] = (
    # --- the engine
    Fault(
        "adamw",
        "t counted globally",
        (
            "RuleOptimizer.advance",
            "for group in self.param_groups:",
            lines('self.clock = getattr(self, "clock", 0) + 1', "for group in self.param_groups:"),
        ),
        ("RuleOptimizer._sorted", 't = state["step"] + 1', "t = self.clock"),
        module="_engine",
    ),
    Fault(
        "adamw",
        "every group has the first group's lr",
        ("RuleOptimizer.options", "plain(group,", "plain(self.param_groups[0],"),
        module="_engine",
    ),
    Fault(
        "adamw",
        "a step is counted twice",
        ("RuleOptimizer._sorted", 'state["step"] + 1', 'state["step"] + 2'),
        module="_engine",
    ),
    Fault("adamw", "maximize descends", ("RuleOptimizer._gradient", "-g if maximize else g", "g"), module="_engine"),
    Fault(
        "adamw",
        "the closure sees no gradients",
        ("RuleOptimizer.step", "with torch.enable_grad():", "with torch.no_grad():"),
        module="_engine",
    ),
    Fault(
        "adamw",
        "bf16 parameters keep bf16 state",
        ("RuleOptimizer._state_of", "dtype = compute_dtype(p.dtype)", "dtype = p.dtype"),
        module="_engine",
    ),
    Fault(
        "adamw",
        "the gradient is changed",
        ("advance", "element.slots, batch.k)", lines("element.slots, batch.k)", "    batch.grads[i].mul_(2)")),
        module=EAGER,
    ),
    Fault(
        "adamw-win",
        "x starts at 0 instead of theta",
        ("RuleOptimizer._state_of", "p.detach().clone().to(dtype)", "torch.zeros_like(p, dtype=dtype)"),
        module="_engine",
    ),
    Fault(
        "yogi",
        "slots start at 0 instead of their value",
        ("RuleOptimizer._state_of", "torch.full_like(like, value,", "torch.full_like(like, 0.0,"),
        module="_engine",
    ),
    Fault(
        "novograd", "the sum over a tensor is its mean", ("_Element.direction", "term.sum(", "term.mean("), module=EAGER
    ),
    Fault(
        "lamb",
        "norms of twice the direction",
        ("_Element._terms", "rule.layer_values, 1.0)", "rule.layer_values, 2.0)"),
        module=EAGER,
    ),
    # --- XGrad
    Fault(
        "xgrad+adamw",
        "theta is not restored",
        ("advance", "p if batch.swap is None else batch.swap[i]", "p"),
        module=EAGER,
    ),
    Fault(
        "xgrad+adamw", "the wrong sign", ("advance", "theta - batch.reach * d", "theta + batch.reach * d"), module=EAGER
    ),
    Fault(
        "xgrad+adamw",
        "decay included in the prediction",
        ("advance", "theta = apply(", "before, theta = theta, apply("),
        ("advance", "theta - batch.reach * d", 'theta - batch.reach / batch.k["scale"] * (before - theta)'),
        module=EAGER,
    ),
    Fault("xgrad+adamw", "s is ignored", ("predict", 's * batch.k["scale"]', 'batch.k["scale"]'), module="_plan"),
    Fault(
        "xgrad+adamw",
        "the old lr after a schedule",
        ("XGrad.train", "and self._moved(group)", "and False"),
        module="_prediction",
    ),
    Fault(
        "xgrad+adaplus",
        "the proportion of the lrs upside down",
        ("by_proportion", 'lr * group["s"] / old', 'old / (lr * group["s"])'),
        module="_aim",
    ),
    Fault(
        "xgrad+adamw",
        "aimed again with the next step's corrections",
        ("from_state", "coefficients_at(t,", "coefficients_at(t + 1,"),
        module="_aim",
    ),
    Fault("xgrad+adamw", "eval() leaves phi", ("XGrad.eval", "self._exchange(group)", "pass"), module="_prediction"),
    Fault(
        "xgrad+adamw",
        "train() exchanges every time",
        ("XGrad.train", 'if not group["predicting"]:', "if True:"),
        module="_prediction",
    ),
    Fault(
        "xgrad+adamw", "step() in eval mode", ("XGrad.step", "if not self.training:", "if False:"), module="_prediction"
    ),
    Fault(
        "xgrad+adamw",
        "a parameter without a gradient stays predicted",
        ("XGrad._settle", "if p.grad is not None and", "if"),
        module="_prediction",
    ),
    Fault(
        "xgrad+sgdm",
        "the reading repeat sees 0",
        ("predict", 'prediction.reading == "repeat"', "False"),
        module="_plan",
    ),
    Fault("xgrad+adam", "rehearsals start at t", ("predict", "range(1, int(s) + 1)", "range(int(s))"), module="_plan"),
    Fault(
        "xgrad+adamw",
        "restore=false restores",
        ("XGrad.step", "self.cache and self.restore", "self.cache"),
        module="_prediction",
    ),
    Fault(
        "xgrad+adam",
        "theta recovered with the next corrections",
        ("predict", "coefficients_at(t - 1, aim)", "coefficients_at(t, aim)"),
        module="_plan",
    ),
    Fault(
        "xgrad+adamw",
        "decay included over a foreign base",
        ("XGrad._step_foreign", "1 - _decoupled_decay(group, self.base)", "1.0"),
        module="_prediction",
    ),
    Fault(
        "xgrad+adamw",
        "theta is not restored for a foreign base",
        ("XGrad._step_foreign", "p.copy_(state[SWAP])", "pass"),
        module="_prediction",
    ),
)
