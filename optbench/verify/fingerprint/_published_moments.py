"""AdaBelief, Yogi, AdaMomentum, AdaPlus and AdaBound: which variants there are, and who computes which."""

from optbench.verify.fingerprint._adaptive import Adaptive
from optbench.verify.fingerprint._algorithm import Algorithm, known
from optbench.verify.fingerprint._axes import (
    BOUNDS,
    CORRECTS,
    DECAY,
    EPS,
    MAXIMUM,
    NUMERATOR,
    RECTIFY,
    SECOND,
    START,
    STATE_EPS,
    TIME,
    distinct,
)

ADABELIEF = Algorithm(
    names=("adabelief",),
    oracle=Adaptive,
    axes=(
        RECTIFY.only("never", "5, momentum", "5, skip", "5, skip but decay", "4, momentum"),
        DECAY.only("decoupled", "l2", "none", "fixed", "after"),
        EPS.only("outside", "uncorrected", "none", "inside"),
        STATE_EPS,
        MAXIMUM,
        SECOND.only("belief", "surprise"),
    ),
    known=(
        known("the paper; this library's adabelief; pytorch_optimizer AdaBelief; adabelief-pytorch(rectify=False)"),
        known("adabelief-pytorch 0.2.1; timm AdaBelief", rectify="5, momentum", eps_place="uncorrected"),
        known("adabelief-pytorch(degenerated_to_sgd=False)", rectify="5, skip but decay", eps_place="uncorrected"),
        known("adabelief-pytorch(rectify=False, amsgrad=True)", maximum="before"),
        known("optax.adabelief", decay="none"),
        known("adabelief-pytorch(weight_decouple=False, rectify=False); torch_optimizer AdaBelief", decay="l2"),
    ),
    settings=TIME,
    valid=distinct,
)

YOGI = Algorithm(
    names=("yogi",),
    oracle=Adaptive,
    axes=(
        DECAY.only("l2", "decoupled", "none", "fixed", "after"),
        START,
        CORRECTS.only("both", "none", "m", "v"),
        EPS.only("outside", "uncorrected", "inside"),
    ),
    known=(
        known("torch_optimizer Yogi; this library's yogi"),
        known("pytorch_optimizer Yogi; this library's yogi:decoupled=true", decay="decoupled"),
        known("optax.yogi", decay="none"),
        known("the paper", decay="none", start="zero", corrects="none"),
    ),
    settings=TIME,
    defaults={"second": "yogi"},
    valid=distinct,
)

ADAMOMENTUM = Algorithm(
    names=("adamomentum",),
    oracle=Adaptive,
    axes=(
        DECAY.only("decoupled", "l2", "none", "fixed", "after"),
        STATE_EPS,
        EPS.only("none", "outside"),
        SECOND.only("momentum", "square", "belief"),
    ),
    known=(
        known("AdaM3 (the authors); this library's adamomentum"),
        known("AdaM3 in the authors' CIFAR scripts (weight_decouple=False)", decay="l2"),
    ),
    settings=TIME,
    valid=distinct,
)

ADAPLUS = Algorithm(
    names=("adaplus",),
    oracle=Adaptive,
    axes=(
        STATE_EPS,
        EPS.only("none", "outside"),
        DECAY.only("decoupled", "l2", "none", "fixed", "after"),
        MAXIMUM,
        NUMERATOR.only("choi", "optax", "m"),
        SECOND.only("belief", "surprise", "square"),
    ),
    known=(
        known("the author's AdaPlus.py; this library's adaplus"),
        known("the author's AdaPlus.py(amsgrad=True)", maximum="before"),
        known("the paper's Algorithm 1; this library's adaplus:eps_mode=paper", eps_place="outside"),
    ),
    settings=TIME,
    valid=distinct,
)

ADABOUND = Algorithm(
    names=("adabound",),
    oracle=Adaptive,
    axes=(
        DECAY.only("l2", "decoupled", "none", "fixed", "after"),
        BOUNDS,
        MAXIMUM.only("off", "before"),
        CORRECTS.only("both", "none"),
        EPS.only("uncorrected", "outside", "1e-15 inside"),
    ),
    known=(
        known("adabound 0.0.5, the authors'; torch_optimizer AdaBound; this library's adabound"),
        known("adabound(amsbound=True)", maximum="before"),
        known("pytorch_optimizer AdaBound", decay="decoupled", eps_place="1e-15 inside"),
        known(
            "pytorch_optimizer AdaBound(ams_bound=True)", decay="decoupled", eps_place="1e-15 inside", maximum="before"
        ),
        known("the paper", decay="none", corrects="none", eps_place="outside"),
    ),
    settings={**TIME, "final_lr": 0.5, "gamma": 0.1},
    valid=distinct,
)

ALGORITHMS = (ADABELIEF, YOGI, ADAMOMENTUM, ADAPLUS, ADABOUND)
