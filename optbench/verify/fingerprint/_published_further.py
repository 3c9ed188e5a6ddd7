"""Momentum, sign and sum-of-squares methods, Adan: the axes of their variants, and who computes which."""

from optbench.verify.fingerprint._algorithm import Algorithm, Axis, known
from optbench.verify.fingerprint._axes import DECAY, EPS, LR_PLACE
from optbench.verify.fingerprint._plain import Differences, Momentum, RootMeanSquare, Signed, SumOfSquares, Units

L2_FIRST = DECAY.only("l2", "decoupled", "none", "fixed", "after")
START_V = Axis(
    "start_v", "sum of squares starts at", {"given": "the class's own keyword, or 0", "0": "0", "0.1": "0.1", "1": "1"}
)

SGD = Algorithm(
    names=("sgd", "sgdm"),
    oracle=Momentum,
    axes=(
        DECAY.only("l2", "decoupled", "none", "fixed", "after", "constant"),
        Axis("first", "first step", {"undamped": "undamped: b_1 = g_1", "damped": "damped like the others"}),
        Axis("weight", "a gradient enters the buffer times", {"damped": "1 - dampening", "average": "1 - momentum"}),
        LR_PLACE,
        Axis("look_ahead", "Nesterov", {"none": "off", "nesterov": "d = g + momentum b"}),
    ),
    known=(
        known("torch.optim.SGD"),
        known("torch.optim.SGD(nesterov=True)", look_ahead="nesterov"),
        known("timm SGDW; pytorch_optimizer SGDW", decay="decoupled"),
        known("torch_optimizer SGDW", decay="constant"),
        known("XGrad's SGD.py", first="damped"),
        known("Keras SGD", lr_place="inside", decay="none"),
        known("Keras SGD(nesterov=True)", lr_place="inside", decay="none", look_ahead="nesterov"),
        known("an exponential average of the gradient", first="damped", weight="average", decay="none"),
    ),
    settings={"lr": 0.02, "weight_decay": 0.1, "momentum": 0.8, "dampening": 0.3},
)

LION = Algorithm(
    names=("lion",),
    oracle=Signed,
    axes=(
        DECAY.only("decoupled", "l2", "none", "fixed", "after", "by first lr"),
        Axis(
            "order",
            "order",
            {
                "reference": "sign of the interpolation, then m",
                "m first": "m, then the sign",
                "one beta": "sign, then m with beta1",
            },
        ),
    ),
    known=(
        known("lion-pytorch; timm Lion; pytorch_optimizer Lion; optax.lion; this library's lion"),
        known("lion-pytorch(decoupled_weight_decay=True)", decay="by first lr"),
    ),
    settings={"lr": 0.02, "weight_decay": 0.1, "betas": (0.6, 0.9)},
)

RMSPROP = Algorithm(
    names=("rmsprop",),
    oracle=RootMeanSquare,
    axes=(
        L2_FIRST,
        START_V.only("0", "1"),
        EPS.only("outside", "inside"),
        LR_PLACE,
        Axis("centre", "centered", {"no": "no", "yes": "yes"}),
    ),
    known=(
        known("torch.optim.RMSprop"),
        known("torch.optim.RMSprop(centered=True)", centre="yes"),
        known("timm RMSpropTF", start_v="1", eps_place="inside", lr_place="inside"),
        known(
            "timm RMSpropTF(decoupled_decay=True)",
            start_v="1",
            eps_place="inside",
            lr_place="inside",
            decay="decoupled",
        ),
        known("timm RMSpropTF(lr_in_momentum=False)", start_v="1", eps_place="inside"),
        known("Keras RMSprop", eps_place="inside", lr_place="inside", decay="none"),
        known("optax.rmsprop", eps_place="inside", decay="none"),
    ),
    settings={"lr": 0.02, "weight_decay": 0.1, "alpha": 0.8, "eps": 0.01, "momentum": 0.7},
)

ADAGRAD = Algorithm(
    names=("adagrad",),
    oracle=SumOfSquares,
    axes=(
        L2_FIRST,
        START_V.only("given", "0.1"),
        EPS.only("outside", "inside"),
        Axis("decay_from", "lr decay counts", {"t - 1": "from the second step", "t": "from the first step"}),
    ),
    known=(
        known("torch.optim.Adagrad"),
        known("the paper", decay="none"),
        known("Keras Adagrad; optax.adagrad", start_v="0.1", eps_place="inside", decay="none"),
    ),
    settings={"lr": 0.02, "weight_decay": 0.1, "eps": 0.01, "lr_decay": 0.1},
)

ADADELTA = Algorithm(
    names=("adadelta",),
    oracle=Units,
    axes=(L2_FIRST, EPS.only("inside", "outside")),
    known=(
        known("torch.optim.Adadelta; pytorch_optimizer AdaDelta"),
        known("the paper; Keras Adadelta; optax.adadelta", decay="none"),
        known("pytorch_optimizer AdaDelta(weight_decouple=True)", decay="decoupled"),
    ),
    settings={"lr": 0.5, "weight_decay": 0.1, "eps": 0.01, "rho": 0.8},
)

ADAN = Algorithm(
    names=("adan",),
    oracle=Differences,
    axes=(
        DECAY.only("proximal", "decoupled", "l2", "none", "after"),
        Axis("first", "first difference", {"zero": "0", "gradient": "the gradient itself"}),
        Axis("look_ahead", "look-ahead", {"beta2": "beta2", "1 - beta2": "1 - beta2"}),
        EPS.only("outside", "inside"),
    ),
    known=(
        known("the authors' Adan; timm Adan; pytorch_optimizer Adan; this library's adan"),
        known("the authors' Adan(no_prox=True); timm AdanW; this library's adan:proximal=false", decay="decoupled"),
        known("optax.contrib adan 0.2.8", look_ahead="1 - beta2"),
    ),
    settings={"lr": 0.02, "weight_decay": 0.1, "betas": (0.9, 0.7, 0.8), "eps": 0.01},
)

ALGORITHMS = (SGD, LION, RMSPROP, ADAGRAD, ADADELTA, ADAN)
