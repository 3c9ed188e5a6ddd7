"""Adam, RAdam and NAdam: which variants there are, and who computes which."""

from optbench.verify.fingerprint._adaptive import Adaptive
from optbench.verify.fingerprint._algorithm import Algorithm, known
from optbench.verify.fingerprint._axes import CORRECTS, DECAY, EPS, MAXIMUM, NUMERATOR, RADAM, SCALED, TIME, distinct

ADAM = Algorithm(
    names=("adam", "adamw", "amsgrad"),
    oracle=Adaptive,
    axes=(
        DECAY.only("l2", "decoupled", "none", "fixed", "after"),
        EPS.only("outside", "uncorrected", "inside", "inside uncorrected"),
        MAXIMUM,
        CORRECTS.only("both", "none", "m", "v"),
    ),
    known=(
        known("torch.optim.Adam"),
        known("torch.optim.Adam(amsgrad=True); this library's amsgrad", maximum="before"),
        known("torch.optim.AdamW; timm AdamWLegacy; optax.adamw with a schedule", decay="decoupled"),
        known("torch.optim.AdamW(amsgrad=True)", decay="decoupled", maximum="before"),
        known("optax.adam; the paper's Algorithm 1", decay="none"),
        known("optax.amsgrad", decay="none", maximum="after"),
        known("the AMSGrad paper", decay="none", maximum="before", corrects="none"),
        known("Keras Adam; the paper's section 2 (epsilon hat)", decay="none", eps_place="uncorrected"),
        known("Keras Adam with weight_decay", decay="decoupled", eps_place="uncorrected"),
        known("BertAdam", decay="decoupled", corrects="none"),
        known("XGrad's Adam.py", decay="none"),
    ),
    settings=TIME,
    valid=distinct,
)

RADAM_VARIANTS = Algorithm(
    names=("radam",),
    oracle=Adaptive,
    axes=(
        RADAM,
        DECAY.only("decoupled", "l2", "none", "fixed", "after"),
        EPS.only("uncorrected", "outside", "none", "inside", "inside uncorrected"),
        CORRECTS.only("both", "v"),
    ),
    known=(
        known(
            "torch.optim.RAdam(decoupled_weight_decay=True); timm RAdamLegacy; torch_optimizer RAdam; "
            "RAdam's authors for CIFAR; this library's radam"
        ),
        known("torch.optim.RAdam", decay="l2"),
        known("RAdam's authors (latest); pytorch_optimizer RAdam", rectify="5, skip"),
        known("optax.radam", eps_place="outside", decay="none"),
        known("the paper's Algorithm 2", rectify="4, momentum", eps_place="none"),
        known("this library's radam:rectify_above=4", rectify="4, momentum"),
    ),
    settings=TIME,
    valid=distinct,
)

NADAM = Algorithm(
    names=("nadam", "nadamw"),
    oracle=Adaptive,
    axes=(
        NUMERATOR.only("torch", "dozat", "choi", "optax", "m"),
        DECAY.only("l2", "decoupled", "none", "fixed", "after"),
        EPS.only("outside", "uncorrected", "inside"),
        SCALED,
    ),
    known=(
        known("torch.optim.NAdam; timm NAdamLegacy"),
        known("torch.optim.NAdam(decoupled_weight_decay=True)", decay="decoupled"),
        known("Keras Nadam (its momentum_decay is 1)", decay="none"),
        known("Dozat's report", numerator="dozat", decay="none"),
        known("Dozat's OpenReview version", numerator="dozat", decay="none", scaled="beta2"),
        known(
            "NAdamW of Choi et al.; timm NAdamW; MLCommons; this library's nadamw", numerator="choi", decay="decoupled"
        ),
        known("optax.nadam", numerator="optax", decay="none"),
        known("optax.nadamw", numerator="optax", decay="decoupled"),
    ),
    settings={**TIME, "momentum_decay": 0.1},
    valid=distinct,
)

ALGORITHMS = (ADAM, RADAM_VARIANTS, NADAM)
