"""NovoGrad, LAMB and LARS: which variants there are, and who computes which."""

from optbench.verify.fingerprint._algorithm import Algorithm, Axis, known
from optbench.verify.fingerprint._axes import CORRECTS, DECAY, EPS, LR_PLACE, MAXIMUM, TIME
from optbench.verify.fingerprint._layerwise import Normalised, Ratio, Trust

NOVOGRAD = Algorithm(
    names=("novograd",),
    oracle=Normalised,
    axes=(
        DECAY.only("moment", "decoupled", "l2", "none", "after"),
        Axis(
            "start_v",
            "v starts as",
            {
                "norm": "the first gradient's squared norm",
                "again": "the gradient's squared norm, and again whenever it is 0",
                "ema": "0",
            },
        ),
        Axis("averaging", "gradient averaging", {"no": "no", "yes": "yes: the bracket times 1 - beta1"}),
        Axis("first", "first moment", {"scaled": "scaled like the others", "unscaled": "unscaled"}),
        MAXIMUM.only("off", "before"),
        EPS.only("outside", "inside"),
        Axis(
            "moment_of",
            "moment",
            {"normalised": "of the normalised gradient", "raw": "of the gradient, then normalised"},
        ),
        CORRECTS.only("none", "both"),
    ),
    known=(
        known("the paper with its decay; this library's novograd; pytorch_optimizer NovoGrad"),
        known("NVIDIA's code; timm NvNovoGrad; torch_optimizer NovoGrad", start_v="again"),
        known("NVIDIA's code(grad_averaging=True)", start_v="again", averaging="yes"),
        known("NVIDIA's code(amsgrad=True)", start_v="again", maximum="before"),
        known("timm NvNovoGrad(decoupled_decay=True)", start_v="again", decay="decoupled"),
        known("apex FusedNovoGrad", averaging="yes", decay="decoupled", moment_of="raw", corrects="both"),
        known("this library's novograd:grad_averaging=true", averaging="yes"),
        known(
            "the paper under averaging; pytorch_optimizer NovoGrad(grad_averaging=True)",
            averaging="yes",
            first="unscaled",
        ),
        known("this library's novograd:decoupled=true; the paper's footnote 2", decay="decoupled"),
    ),
    settings=TIME,
    whole=False,
    valid=lambda choice: (
        (choice["averaging"] == "yes" or choice["first"] == "scaled")
        and (choice["decay"] != "l2" or choice["start_v"] != "again")
    ),
)

LAMB = Algorithm(
    names=("lamb",),
    oracle=Ratio,
    axes=(
        DECAY.only("direction", "decoupled", "l2", "none"),
        CORRECTS.only("both", "none", "m after the ratio"),
        Axis("clamp", "|theta|", {"none": "as it is", "10": "clamped to 10", "ratio": "as it is, the ratio at most 1"}),
        Axis("clip", "gradient clipping", {"none": "none", "1": "all gradients together to norm 1"}),
        Axis("zeros", "ratio of a tensor of zeros", {"1": "1", "0": "0"}),
        Axis("eps_ratio", "eps in the ratio", {"no": "no", "yes": "added to |r|"}),
    ),
    known=(
        known("timm Lamb(max_grad_norm=None); optax.lamb; this library's lamb"),
        known("timm Lamb", clip="1"),
        known("timm Lamb(trust_clip=True)", clip="1", clamp="ratio"),
        known("pytorch-lamb 1.0.0", corrects="none", clamp="10", zeros="0"),
        known("torch_optimizer Lamb", corrects="none", clamp="10"),
        known("pytorch_optimizer Lamb", decay="decoupled", corrects="m after the ratio", clamp="10", eps_ratio="yes"),
        known(
            "pytorch_optimizer Lamb(weight_decouple=False)", corrects="m after the ratio", clamp="10", eps_ratio="yes"
        ),
    ),
    settings=TIME,
    whole=False,
    valid=lambda choice: choice["clamp"] != "ratio" or (choice["decay"] == "direction" and choice["eps_ratio"] == "no"),
)

LARS = Algorithm(
    names=("lars",),
    oracle=Trust,
    axes=(
        DECAY.only("l2", "none"),
        LR_PLACE.only("inside", "outside"),
        Axis("norm", "norm under the ratio", {"sum": "|g| + lambda |theta|", "joint": "|g + lambda theta|"}),
        Axis("small", "added to that norm", {"none": "nothing", "1e-8": "1e-8"}),
        Axis(
            "still",
            "where g is all 0",
            {"one": "the ratio is 1", "trust": "the ratio is taken all the same", "nothing": "neither ratio nor decay"},
        ),
        Axis("vectors", "vectors", {"adapted": "like matrices", "plain": "neither ratio nor decay"}),
    ),
    known=(
        known("the paper; this library's lars"),
        known("timm Lars", lr_place="outside", small="1e-8"),
        known("torch_optimizer LARS", lr_place="outside", small="1e-8", still="nothing"),
        known("pytorch_optimizer LARS", lr_place="outside", still="trust", vectors="plain"),
        known("optax.lars", norm="joint", still="trust"),
    ),
    settings={"lr": 1.0, "weight_decay": 0.1, "momentum": 0.8, "trust_coefficient": 0.02},
    whole=False,
    valid=lambda choice: choice["decay"] == "l2" or choice["still"] == "one",
)

ALGORITHMS = (NOVOGRAD, LAMB, LARS)
