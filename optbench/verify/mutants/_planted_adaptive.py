"""Faults planted by hand in Adam and its descendants: mistakes that people make with these algorithms.

Each: the optimizer, the mistake in words, and (function, what stands there, what the mistake writes instead).
"""

from optbench.verify.mutants._plant import Fault, lines

SWAP_BETAS = lines("beta1, beta2 = beta2, beta1", "return {")

IN_ADAPTIVE: tuple[Fault, ...] = (
    # --- Adam, AdamW, AMSGrad
    Fault("adam", "m is not corrected", ("coefficients", "1 / (1 - beta1**t)", "1.0")),
    Fault("adam", "v is not corrected", ("coefficients", "(1 - beta2**t) ** -0.5", "1.0")),
    Fault(
        "adam", "the correction is one step ahead", ("coefficients", "1 / (1 - beta1**t)", "1 / (1 - beta1**(t + 1))")
    ),
    Fault("adam", "eps inside the root", ("adapted", "(k2 * sqrt(v) + eps)", "sqrt(k2 * k2 * v + eps)")),
    Fault("adam", "eps on the uncorrected root", ("adapted", "(k2 * sqrt(v) + eps)", "(k2 * (sqrt(v) + eps))")),
    Fault("adam", "beta1 and beta2 swapped", ("coefficients", "return {", SWAP_BETAS)),
    Fault(
        "adam",
        "decay decoupled instead of coupled",
        ("coefficients", '"keep": 1.0', '"keep": 1 - lr * weight_decay'),
        ("direction", "if not decoupled:", "if decoupled:"),
    ),
    Fault(
        "adamw",
        "decay coupled instead of decoupled",
        ("coefficients", 'eps, 0.0), "keep": 1 - lr * weight_decay', "eps, weight_decay)"),
        ("direction", "if not decoupled:", "if decoupled:"),
    ),
    Fault("adamw", "the decay is not scaled by lr", ("coefficients", "1 - lr * weight_decay", "1 - weight_decay")),
    Fault("adamw", "decay after the step", ("apply", "keep * theta - scale * d", "keep * (theta - scale * d)")),
    Fault("adamw", "v takes |g| instead of its square", ("direction", "a2 * g * g", "a2 * sqrt(g * g)")),
    Fault(
        "amsgrad",
        "the maximum after the bias correction",
        ("direction", "maximum(x, v)", "maximum(x, k2 * k2 * v)"),
        ("adapted", "v = x", "v = x / (k2 * k2)"),
    ),
    Fault("amsgrad", "the maximum is forgotten", ("direction", "x = maximum(x, v)", "x = v")),
    # --- AdaPlus
    Fault(
        "adaplus",
        "s updated before m",
        (
            "direction",
            lines("m = b1 * m + a1 * g", "s = b2 * s + a2 * (g - m) * (g - m) + eps"),
            lines("s = b2 * s + a2 * (g - m) * (g - m) + eps", "m = b1 * m + a1 * g"),
        ),
    ),
    Fault("adaplus", "no look-ahead in the numerator", ("direction", "m_bar = b1 * m + a1 * g", "m_bar = m")),
    Fault("adaplus", "numerator corrected by t + 1", ("coefficients", "1 - beta1**t", "1 - beta1**(t + 1)")),
    Fault(
        "adaplus",
        "eps does not stay in the state",
        ("direction", "(g - m) * (g - m) + eps", "(g - m) * (g - m)"),
        ("direction", "sqrt(k2 * s_max)", "sqrt(k2 * s_max + eps)"),
    ),
    Fault("adaplus", "eps_mode=paper is ignored", ("coefficients", 'eps if eps_mode == "paper" else 0.0', "0.0")),
    Fault("adaplus", "s measures g instead of its surprise", ("direction", "(g - m) * (g - m)", "g * g")),
    # --- RAdam
    Fault("radam", "threshold off by one", ("coefficients", "rho > rectify_above", "rho > rectify_above - 1")),
    Fault("radam", "rho_inf off by one", ("coefficients", "2 / (1 - beta2) - 1", "2 / (1 - beta2)")),
    Fault("radam", "r_t without its root", ("coefficients", "rho)) ** 0.5", "rho))")),
    Fault("radam", "r_t upside down", ("coefficients", "k *= r", "k *= 1 / r")),
    Fault("radam", "v is not corrected", ("coefficients", "k *= r * (1 - beta2**t) ** 0.5", "k *= r")),
    Fault("radam", "warm=skip decays all the same", ("coefficients", "if decoupled and not still", "if decoupled")),
    Fault("radam", "the warm-up's m is not corrected", ("rectified", "+ eps), k * m)", "+ eps), m)")),
    # --- AdaBelief, AdaMomentum
    Fault(
        "adabelief",
        "s updated before m",
        (
            "direction",
            lines("m = b1 * m + a1 * g", "s = b2 * s + a2 * (g - m) * (g - m) + eps"),
            lines("s = b2 * s + a2 * (g - m) * (g - m) + eps", "m = b1 * m + a1 * g"),
        ),
    ),
    Fault("adabelief", "eps does not stay in the state", ("direction", "(g - m) + eps", "(g - m)")),
    Fault("adabelief", "no eps outside the root", ("believed", "(k2 * sqrt(s) + eps)", "(k2 * sqrt(s))")),
    Fault("adabelief", "rectified from rho = 4 on", ("coefficients", "rho >= 5", "rho >= 4")),
    Fault("adamomentum", "v takes g instead of m", ("direction", "a2 * m * m", "a2 * g * g")),
    Fault("adamomentum", "eps does not stay in the state", ("direction", "a2 * m * m + eps", "a2 * m * m")),
    # --- NAdam, NAdamW
    Fault("nadam", "mu_t a step late", ("coefficients", "(t * momentum_decay)", "((t - 1) * momentum_decay)")),
    Fault("nadam", "the product of the mu forgets", ("layer", "P = P * mu", "P = mu")),
    Fault(
        "nadam",
        "m moves with mu_t (Dozat)",
        ("coefficients", "return {", lines("beta1 = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))", "return {")),
    ),
    Fault("nadamw", "the unbiased divisor of Dozat", ("coefficients", "1 - beta1**t", "1 - beta1**(t + 1)")),
)
