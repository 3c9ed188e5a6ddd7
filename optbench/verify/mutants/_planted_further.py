"""Faults planted by hand in the other rules: mistakes that people make with these algorithms.

Each: the optimizer, the mistake in words, and (function, what stands there, what the mistake writes instead).
"""

from optbench.verify.mutants._plant import Fault, lines

SWAP_BETAS = lines("beta1, beta2 = beta2, beta1", "return {")

IN_FURTHER: tuple[Fault, ...] = (
    # --- SGD
    Fault("sgdm", "the first step is damped", ("coefficients", "t == 1 or momentum == 0", "momentum == 0")),
    Fault("sgdm", "dampening is left out", ("coefficients", "1 - dampening", "1.0")),
    Fault("sgd", "Nesterov's step weighs g instead of b", ("direction", "d = g + mu * b", "d = b + mu * g")),
    Fault("sgd", "the decay has the wrong sign", ("direction", "g + decay * theta", "g - decay * theta")),
    # --- NovoGrad
    Fault(
        "novograd",
        "v starts again whenever it is 0",
        ("layer", "b2 * v + a2 * n1", "where(v > 0, b2 * v + a2 * n1, n1)"),
    ),
    Fault(
        "novograd",
        "v starts from 0",
        ("coefficients", "0.0 if t == 1 else beta2", "beta2"),
        ("coefficients", "1.0 if t == 1 else 1 - beta2", "1 - beta2"),
    ),
    Fault("novograd", "eps inside the root", ("layer", "sqrt(v_max) + eps", "sqrt(v_max + eps)")),
    Fault(
        "novograd",
        "decay inside the norm",
        ("direction", "u = g / norm", "u = (g + decay * theta) / norm - decay * theta"),
    ),
    Fault("novograd", "the second moment unscaled too", ("coefficients", "t == 1 and", "t <= 2 and")),
    # --- Lion, Yogi
    Fault(
        "lion",
        "m updated before the sign",
        (
            "direction",
            lines("d = sign(b1 * m + a1 * g)", "m = b2 * m + a2 * g"),
            lines("m = b2 * m + a2 * g", "d = sign(b1 * m + a1 * g)"),
        ),
    ),
    Fault("lion", "beta1 and beta2 swapped", ("coefficients", "return {", SWAP_BETAS)),
    Fault("lion", "the step is not a sign", ("direction", "sign(b1 * m + a1 * g)", "(b1 * m + a1 * g)")),
    Fault("yogi", "v grows where it should shrink", ("direction", "v - a2 * sign", "v + a2 * sign")),
    Fault("yogi", "Adam's v", ("direction", "sign(v - g * g) * g * g", "(v - g * g)")),
    # --- LAMB, LARS
    Fault(
        "lamb",
        "the ratio of the norms is inverted",
        ("layer", "sqrt(n1) / sqrt(where(n2 == 0, 1.0, n2))", "sqrt(n2) / sqrt(where(n1 == 0, 1.0, n1))"),
    ),
    Fault(
        "lamb",
        "decay outside the normalised direction",
        ("direction", "eps) + decay * theta)", "eps)) + decay * theta"),
    ),
    Fault("lamb", "a tensor of zeros never moves", ("layer", "where(n1 > 0,", "where(n2 > 0,")),
    Fault("lars", "decay missing in the ratio", ("layer", "sqrt(n2) + decay * sqrt(n1)", "sqrt(n2)")),
    Fault(
        "lars",
        "lr outside the buffer",
        ("coefficients", '"scale": 1.0', '"scale": lr'),
        ("layer", "(lr * where", "(where"),
    ),
    # --- AdaBound, Adan, Win
    Fault(
        "adabound",
        "bounds ignore the schedule",
        ("coefficients", "final_lr * lr / base_lr if base_lr else 0.0", "final_lr"),
    ),
    Fault(
        "adabound",
        "no upper bound",
        (
            "direction",
            "minimum(maximum(rate / (sqrt(v_max) + eps), low), high)",
            "maximum(rate / (sqrt(v_max) + eps), low)",
        ),
    ),
    Fault("adan", "the first difference is g", ("coefficients", "0.0 if t == 1 else 1.0", "1.0")),
    Fault("adan", "1 - beta2 in the numerator (optax 0.2.8)", ("coefficients", '"kv": beta2 /', '"kv": (1 - beta2) /')),
    Fault(
        "adan",
        "proximal decay computed as decoupled",
        ("coefficients", "1 / (1 + lr * weight_decay) if", "1 - lr * weight_decay if"),
    ),
    Fault(
        "adan",
        "decay on the wrong side of the step",
        ("apply", "keep * (theta - scale * d)", "keep * theta - scale * d"),
    ),
    Fault(
        "adamw-win",
        "decay decoupled instead of proximal",
        ("coefficients", '"keep": 1 / (1 + lr * weight_decay)', '"keep": 1 - lr * weight_decay'),
    ),
    Fault(
        "adamw-win", "y without its decay", ("coefficients", "1 / (1 + g1 + lr * g1 * weight_decay)", "1 / (1 + g1)")
    ),
    Fault("adamw-win", "win2 leaves y out", ("apply", "g2 * x + g3 * y", "g2 * x + g3 * x")),
    # --- AdaGrad, RMSprop, AdaDelta, Adam-2k
    Fault("adagrad", "lr decays from the first step on", ("coefficients", "(t - 1) * lr_decay", "t * lr_decay")),
    Fault("adagrad", "eps inside the root", ("direction", "(sqrt(v) + eps)", "sqrt(v + eps)")),
    Fault("rmsprop", "eps inside the root", ("direction", "(sqrt(spread) + eps)", "sqrt(spread + eps)")),
    Fault("rmsprop", "the mean is not squared", ("direction", "v - a * a", "v - a")),
    Fault(
        "adadelta",
        "u updated before its use",
        ("direction", "sqrt(u + eps)", "sqrt(rho * u + rest * g * g + eps)"),
    ),
    Fault("adadelta", "eps in one root only", ("direction", "sqrt(u + eps)", "sqrt(u)")),
    Fault("adam-2k", "m moves during the warm-up", ("coefficients", "0.0 if warm else 1 - beta1", "1 - beta1")),
    Fault("adam-2k", "the warm-up is a step short", ("coefficients", "t <= warm_steps", "t < warm_steps")),
)
