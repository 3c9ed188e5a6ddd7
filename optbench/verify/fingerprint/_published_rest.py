"""Adam-2k, AdamW-Win and Adafactor: which variants there are, and who computes which."""

from optbench.verify.fingerprint._algorithm import Algorithm, Axis, known
from optbench.verify.fingerprint._axes import DECAY, EPS, MAXIMUM, TIME
from optbench.verify.fingerprint._further import Accelerated, Factored, Frozen

ADAM_2K = Algorithm(
    names=("adam-2k",),
    oracle=Frozen,
    axes=(
        DECAY.only("decoupled", "l2", "none", "after"),
        Axis("frozen", "while v fills", {"both": "theta and m stand still", "theta": "theta alone stands still"}),
        Axis(
            "counts",
            "m's bias correction",
            {"all": "counts every step", "own": "counts from the end of the warm-up", "none": "none"},
        ),
        EPS.only("outside", "uncorrected"),
    ),
    known=(
        known("this library's adam-2k"),
        known("RAdam's authors' Adam2", eps_place="uncorrected"),
        known("RAdam's authors' Adam2(adam_no_correction1=True)", eps_place="uncorrected", counts="none"),
        known("torch.optim.AdamW at lr = 0 for as many steps", frozen="theta"),
    ),
    settings={**TIME, "warm_steps": 4},
)

ADAMW_WIN = Algorithm(
    names=("adamw-win",),
    oracle=Accelerated,
    axes=(
        Axis("mode", "acceleration", {"win": "Win", "win2": "Win2", "none": "none"}),
        DECAY.only("proximal", "decoupled", "l2", "none"),
        MAXIMUM.only("off", "before"),
        EPS.only("outside", "uncorrected"),
    ),
    known=(
        known("the authors' AdamW_Win(acceleration_mode='win'); this library's adamw-win"),
        known("the authors' AdamW_Win(acceleration_mode='win2'); this library's adamw-win:win2=true", mode="win2"),
        known("the authors' AdamW_Win(acceleration_mode='win', amsgrad=True)", maximum="before"),
        known("the authors' AdamW_Win(acceleration_mode='win2', amsgrad=True)", mode="win2", maximum="before"),
        known("torch.optim.AdamW; the authors' AdamW_Win(acceleration_mode='none')", mode="none", decay="decoupled"),
        known("the authors' Adam_Win(acceleration_mode='win')", decay="l2", eps_place="uncorrected"),
        known("the authors' Adam_Win(acceleration_mode='win2')", mode="win2", decay="l2", eps_place="uncorrected"),
    ),
    settings={**TIME, "acceleration": (1.5, 5.0)},
    valid=lambda choice: choice["decay"] in ("l2", "none", "decoupled" if choice["mode"] == "none" else "proximal"),
)

FAIRSEQ = "Adafactor of fairseq, transformers and torch_optimizer"
LIKE_FAIRSEQ = {"decay": "scaled", "small": "added"}

ADAFACTOR = Algorithm(
    names=("adafactor",),
    oracle=Factored,
    axes=(
        Axis(
            "step_size",
            "step size",
            {
                "capped": "min(lr, 1 / sqrt(t))",
                "lr": "lr",
                "relative": "min(1e-2, 1 / sqrt(t)), whatever lr is",
                "warming": "min(1e-6 t, 1 / sqrt(t)), whatever lr is",
            },
        ),
        Axis("scale", "in units of", {"parameter": "max(eps2, RMS(theta))", "none": "1"}),
        Axis(
            "decay",
            "weight decay",
            {
                **DECAY.only("decoupled", "l2", "fixed", "none").values,
                "scaled": "decoupled, by lambda times the step size",
            },
        ),
        Axis("factored", "second moments of a small matrix", {"matrices": "factored", "none": "not factored"}),
        Axis("small", "eps1", {"clamp": "the least that mean(R) and sqrt(V) may be", "added": "added to g^2"}),
        Axis(
            "momentum",
            "momentum",
            {
                "none": "none",
                "update": "an average of the updates",
                "direction": "an average of what the step size multiplies",
            },
        ),
    ),
    known=(
        known("torch.optim.Adafactor; this library's adafactor"),
        known("the paper's Algorithms 4 and 5", step_size="relative", decay="none", small="added"),
        known(f"{FAIRSEQ}; pytorch_optimizer AdaFactor without momentum", step_size="relative", **LIKE_FAIRSEQ),
        known(f"{FAIRSEQ}(relative_step=False)", step_size="lr", **LIKE_FAIRSEQ),
        known(f"{FAIRSEQ}(warmup_init=True)", step_size="warming", **LIKE_FAIRSEQ),
        known(
            f"{FAIRSEQ}(beta1=...); pytorch_optimizer AdaFactor, which keeps m in bfloat16",
            step_size="relative",
            momentum="update",
            **LIKE_FAIRSEQ,
        ),
        known("timm Adafactor", step_size="relative", factored="none", **LIKE_FAIRSEQ),
        known("timm Adafactor with an lr", step_size="lr", scale="none", factored="none", small="added"),
        known(
            "timm AdafactorBigVision, which keeps m in bfloat16",
            step_size="lr",
            scale="none",
            factored="none",
            small="added",
            momentum="direction",
        ),
    ),
    settings={"lr": 0.5, "weight_decay": 0.1, "d": 0.8, "eps": (0.03, 1e-3), "eps1": 0.03, "eps2": (0.03, 1e-3)},
    whole=False,
    valid=lambda choice: choice["decay"] != "scaled" or (choice["step_size"], choice["scale"]) != ("lr", "none"),
)

ALGORITHMS = (ADAM_2K, ADAMW_WIN, ADAFACTOR)
