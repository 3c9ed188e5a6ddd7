"""`optbench verify CLASS --as NAME`: which published variant a class is."""

import itertools
import json
import sys

import numpy as np
import pytest
import third_party
import torch

from optbench.errors import OptbenchError
from optbench.optimizers import names
from optbench.verify import fingerprint
from optbench.verify.fingerprint._compare import EXACT, _agrees
from optbench.verify.fingerprint._experiment import transcribe

TORCH = [
    ("torch.optim.RAdam", "radam", "torch.optim.RAdam"),
    ("torch.optim.RAdam:decoupled_weight_decay=true", "radam", "torch.optim.RAdam(decoupled_weight_decay=True)"),
    ("torch.optim.NAdam", "nadam", "torch.optim.NAdam"),
    ("torch.optim.NAdam:decoupled_weight_decay=true", "nadam", "torch.optim.NAdam(decoupled_weight_decay=True)"),
    ("torch.optim.Adagrad", "adagrad", "torch.optim.Adagrad"),
    ("torch.optim.Adam", "adam", "torch.optim.Adam"),
    ("torch.optim.Adam:amsgrad=true", "amsgrad", "torch.optim.Adam(amsgrad=True)"),
    ("torch.optim.AdamW", "adam", "torch.optim.AdamW"),
    ("torch.optim.AdamW:amsgrad=true", "adamw", "torch.optim.AdamW(amsgrad=True)"),
    ("torch.optim.RMSprop", "rmsprop", "torch.optim.RMSprop"),
    ("torch.optim.RMSprop:centered=true", "rmsprop", "torch.optim.RMSprop(centered=True)"),
    ("torch.optim.SGD", "sgdm", "torch.optim.SGD"),
    ("torch.optim.SGD:nesterov=true", "sgdm", "torch.optim.SGD(nesterov=True)"),
    ("torch.optim.Adadelta", "adadelta", "torch.optim.Adadelta"),
    ("torch.optim.Adafactor", "adafactor", "torch.optim.Adafactor"),
    ("torch.optim.AdamW", "adamw-win", "torch.optim.AdamW"),
]

BY_HAND = [
    (third_party.PaperRAdam, "radam", "the paper's Algorithm 2"),
    (third_party.OptaxRAdam, "radam", "optax.radam"),
    (third_party.StillRAdam, "radam", "RAdam's authors (latest)"),
    (third_party.DozatNAdam, "nadam", "Dozat's report"),
    (third_party.KerasAdamW, "adam", "Keras Adam with weight_decay"),
    (third_party.BertAdam, "adamw", "BertAdam"),
    (third_party.OptaxAMSGrad, "amsgrad", "optax.amsgrad"),
    (third_party.KerasAdagrad, "adagrad", "Keras Adagrad"),
    (third_party.ApexNovoGrad, "novograd", "apex FusedNovoGrad"),
    (third_party.PaperNovoGrad, "novograd", "the paper under averaging"),
    (third_party.ThirdVersionLAMB, "lamb", "pytorch-lamb 1.0.0"),
    (third_party.KerasSGD, "sgdm", "Keras SGD(nesterov=True)"),
    (third_party.OptaxAdan, "adan", "optax.contrib adan 0.2.8"),
    (third_party.AuthorsAdam2, "adam-2k", "RAdam's authors' Adam2"),
    (third_party.AdamWin, "adamw-win", "the authors' Adam_Win(acceleration_mode='win')"),
    (third_party.FairseqAdafactor, "adafactor", "Adafactor of fairseq, transformers and torch_optimizer"),
]

# Package, reference, algorithm, the name under which the variant is known. None of them is a dependency of the tests.
PACKAGES = [
    ("pytorch_optimizer", "RAdam", "radam", "pytorch_optimizer RAdam"),
    ("pytorch_optimizer", "AdaBelief", "adabelief", "pytorch_optimizer AdaBelief"),
    ("pytorch_optimizer", "AdaBelief:rectify=true", "adabelief", "adabelief-pytorch 0.2.1"),
    ("pytorch_optimizer", "NovoGrad", "novograd", "pytorch_optimizer NovoGrad"),
    ("pytorch_optimizer", "Yogi", "yogi", "pytorch_optimizer Yogi"),
    ("pytorch_optimizer", "Lamb", "lamb", "pytorch_optimizer Lamb"),
    ("pytorch_optimizer", "LARS", "lars", "pytorch_optimizer LARS"),
    ("pytorch_optimizer", "Adan", "adan", "pytorch_optimizer Adan"),
    ("pytorch_optimizer", "AdaBound", "adabound", "pytorch_optimizer AdaBound"),
    ("timm.optim.radam", "RAdamLegacy", "radam", "timm RAdamLegacy"),
    ("timm.optim.nadam", "NAdamLegacy", "nadam", "timm NAdamLegacy"),
    ("timm.optim.nadamw", "NAdamW", "nadamw", "timm NAdamW"),
    ("timm.optim.adabelief", "AdaBelief", "adabelief", "timm AdaBelief"),
    ("timm.optim.nvnovograd", "NvNovoGrad", "novograd", "timm NvNovoGrad"),
    ("timm.optim.lamb", "Lamb", "lamb", "timm Lamb"),
    ("timm.optim.lars", "Lars", "lars", "timm Lars"),
    ("timm.optim.rmsprop_tf", "RMSpropTF", "rmsprop", "timm RMSpropTF"),
    ("adabelief_pytorch", "AdaBelief", "adabelief", "adabelief-pytorch 0.2.1"),
    ("adabound", "AdaBound", "adabound", "adabound 0.0.5, the authors'"),
    ("lion_pytorch", "Lion:decoupled_weight_decay=true", "lion", "lion-pytorch(decoupled_weight_decay=True)"),
    ("torch_optimizer", "Yogi", "yogi", "torch_optimizer Yogi"),
    ("torch_optimizer", "LARS", "lars", "torch_optimizer LARS"),
    ("torch_optimizer", "SGDW", "sgdm", "torch_optimizer SGDW"),
    ("torch_optimizer", "Adafactor:relative_step=false", "adafactor", "torch_optimizer(relative_step=False)"),
    ("timm.optim.adafactor", "Adafactor", "adafactor", "timm Adafactor with an lr"),
    ("timm.optim.adafactor_bv", "AdafactorBigVision:momentum_dtype=float32", "adafactor", "timm AdafactorBigVision"),
    ("timm.optim.adan", "Adan", "adan", "timm Adan"),
    ("timm.optim.lion", "Lion", "lion", "timm Lion"),
    ("pytorch_lamb", "Lamb", "lamb", "pytorch-lamb 1.0.0"),
]


@pytest.mark.parametrize(("reference", "algorithm", "who"), TORCH)
def test_torchs_classes_are_named(reference, algorithm, who):
    report = fingerprint.run(reference, algorithm)
    assert report.identified
    assert report.who[0] == who


@pytest.mark.parametrize(("cls", "algorithm", "who"), BY_HAND)
def test_variants_written_by_hand_are_named(cls, algorithm, who):
    report = fingerprint.run(cls, algorithm)
    assert report.identified, report.lines
    assert who in report.who
    assert report.precision == "float64"
    assert len(report.variants) <= 2, report.axes  # a keyword that a class lacks cannot be told


@pytest.mark.parametrize(("package", "reference", "algorithm", "who"), PACKAGES)
@pytest.mark.filterwarnings("ignore")
def test_packages_classes_are_named(package, reference, algorithm, who):
    pytest.importorskip(package, exc_type=ImportError)
    assert any(who in told for told in fingerprint.run(f"{package}.{reference}", algorithm).who)


@pytest.mark.parametrize("name", [n for n in fingerprint.names() if n not in ("sgd", "sgdm", "adam", "adamw")])
def test_this_librarys_own_are_the_reference(name):
    if name not in names():
        return
    report = fingerprint.run(name, name)
    assert report.identified
    if not any(who.startswith("torch.optim") for who in report.who):
        assert f"this library's {name}" in report.who


def test_a_variant_under_no_known_name_is_described():
    report = fingerprint.run(third_party.LateAdamW, "adamw")
    assert report.identified
    assert report.who == ()
    assert dict(report.axes)["weight decay"] == ("decoupled, after the step: (theta - lr d) (1 - lr lambda)",)
    assert "under no known name" in report.lines[0]


def test_an_unpublished_combination_is_described():
    report = fingerprint.run(third_party.OldBelief, "adabelief")
    told = dict(report.axes)
    assert report.identified
    assert told["second moment"] == ("of g - m with the m before",)
    assert told["weight decay"][0].startswith("coupled")


def test_the_nearest_variant_says_where_it_parts():
    report = fingerprint.run(third_party.WrongRAdam, "radam")
    assert not report.identified
    assert not report.passed
    assert "RAdam's authors (latest)" in report.who
    assert report.parting.startswith("step 6:")  # the first with rho_t > 5 at beta2 = 0.9
    assert report.states == ("m: m agrees throughout", "v: v agrees throughout")
    assert "none of" in report.lines[0]


def test_a_hasty_lion_is_not_lion():
    report = fingerprint.run(third_party.HastyLion, "lion")
    assert dict(report.axes)["order"] == ("m, then the sign",)


def test_without_weight_decay_its_place_does_not_matter():
    report = fingerprint.run("torch.optim.Adam:weight_decay=0", "adam")
    assert {"torch.optim.Adam", "torch.optim.AdamW"} <= set(report.who)


def test_given_keywords_stay():
    report = fingerprint.run("torch.optim.RAdam:betas=0.8/0.95:lr=0.03", "radam")
    assert report.hyperparameters["betas"] == (0.8, 0.95)
    assert report.hyperparameters["lr"] == 0.03
    assert report.who == ("torch.optim.RAdam",)


def test_the_report_is_json():
    told = fingerprint.run("torch.optim.NAdam", "nadam").to_dict()
    assert json.loads(json.dumps(told, allow_nan=False))["identified"] is True
    assert told["schema"] == "optbench.fingerprint/1"


def test_infinities_are_reported_and_json_holds_none():
    report = fingerprint.run(third_party.Explosive, "adam")
    assert not report.identified
    assert report.to_dict()["worst"] is None
    json.dumps(report.to_dict(), allow_nan=False)


def test_what_a_class_prints_stays_off_stdout(capsys):
    assert fingerprint.run(third_party.Talkative, "adam").identified
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "be careful" in printed.err


@pytest.mark.parametrize(
    ("optimizer", "algorithm", "message"),
    [
        ("torch.optim.RAdam", "radm", "did you mean 'radam'"),
        ("torch.optim.Radam", "radam", "has no optimizer 'Radam'"),
        ("torch.optim.LBFGS", "adam", "fails"),
        ("xgrad+radam", "radam", "name the base alone"),
        (third_party.Unwilling, "adam", "RuntimeError: no"),
        ("torch.optim.RAdam:lr=-1", "radam", "cannot build"),
    ],
)
def test_mistakes_are_told(optimizer, algorithm, message):
    with pytest.raises(OptbenchError, match=message):
        fingerprint.run(optimizer, algorithm)


@pytest.mark.parametrize("algorithm", fingerprint.ALGORITHMS, ids=lambda a: a.names[0])
def test_known_variants_and_each_axis_part_in_the_experiment(algorithm):
    hyper = {k: v for k, v in algorithm.oracle.defaults.items() if not isinstance(v, str)}
    hyper |= {k: v for k, v in algorithm.settings.items() if k in hyper}
    choices = [{**algorithm.reference, **one.differs} for one in algorithm.known]
    for axis in algorithm.axes:
        choices += [{**algorithm.reference, axis.name: value} for value in axis.values]
    allowed = list(algorithm.variants(True))
    choices = [c for i, c in enumerate(choices) if c in allowed and c not in choices[:i]]
    went = [transcribe(algorithm, c, hyper) for c in choices]
    for (a, one), (b, other) in itertools.combinations(zip(choices, went, strict=True), 2):
        assert not _agrees(one, other, *EXACT).all(), (a, b)


@pytest.mark.parametrize("algorithm", fingerprint.ALGORITHMS, ids=lambda a: a.names[0])
def test_known_variants_are_among_those_tried(algorithm):
    allowed = list(algorithm.variants(True))
    for one in algorithm.known:
        assert {**algorithm.reference, **one.differs} in allowed, one


def test_the_experiment_is_the_same_for_joined_and_separate_tensors():
    algorithm = fingerprint.algorithm("radam")
    hyper = {"lr": 0.02, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.1}
    one = transcribe(algorithm, algorithm.reference, hyper)
    apart = type(algorithm)(**{**vars(algorithm), "whole": False})
    assert np.array_equal(one.moves, transcribe(apart, algorithm.reference, hyper).moves)


def test_gradients_that_a_class_overwrites_do_not_matter():
    class Destructive(torch.optim.SGD):
        def step(self, closure=None):
            super().step()
            for p in self.param_groups[0]["params"]:
                p.grad.zero_()

    assert fingerprint.run(Destructive, "sgdm").who == ("torch.optim.SGD",)


def test_fingerprint_needs_no_torch_until_it_runs():
    import subprocess

    code = "import sys; import optbench.verify.fingerprint; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
