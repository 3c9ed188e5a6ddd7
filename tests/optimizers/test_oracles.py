"""The oracles themselves: torch-free, and equal to torch.optim where torch has the algorithm."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from optimizer_cases import ENVIRONMENT

from optbench.verify.oracles import make, names, oracle

optim = torch.optim
SHAPES = [(3, 4), (5,), (), (2, 3, 4)]

# oracle, its keywords, torch's class, its keywords where they are spelt otherwise
CASES = [
    ("sgd", {"lr": 0.1}, optim.SGD, {}),
    ("sgd", {"lr": 0.1, "weight_decay": 0.1}, optim.SGD, {}),
    ("sgdm", {"lr": 0.1, "weight_decay": 0.1}, optim.SGD, {"momentum": 0.9}),
    ("sgdm", {"lr": 0.1, "dampening": 0.3}, optim.SGD, {"momentum": 0.9}),
    ("sgdm", {"lr": 0.1, "momentum": 0.7, "nesterov": True, "weight_decay": 0.1}, optim.SGD, {}),
    ("adam", {"lr": 0.02, "weight_decay": 0.1}, optim.Adam, {}),
    ("adam", {"lr": 0.02, "betas": (0.8, 0.95), "amsgrad": True}, optim.Adam, {}),
    ("adamw", {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-3}, optim.AdamW, {}),
    ("adamw", {"lr": 0.02, "amsgrad": True}, optim.AdamW, {}),
    ("amsgrad", {"lr": 0.02, "weight_decay": 0.1}, optim.Adam, {"amsgrad": True}),
    ("nadam", {"lr": 0.02, "weight_decay": 0.1}, optim.NAdam, {}),
    ("nadam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}, optim.NAdam, {}),
    ("adagrad", {"lr": 0.02, "lr_decay": 0.1, "weight_decay": 0.1}, optim.Adagrad, {}),
    ("adagrad", {"lr": 0.02, "initial_accumulator_value": 0.1, "eps": 1e-3}, optim.Adagrad, {}),
    ("rmsprop", {"lr": 0.02, "weight_decay": 0.1, "alpha": 0.9}, optim.RMSprop, {}),
    ("rmsprop", {"lr": 0.02, "momentum": 0.9}, optim.RMSprop, {}),
    ("rmsprop", {"lr": 0.02, "momentum": 0.9, "centered": True}, optim.RMSprop, {}),
    ("adadelta", {"lr": 0.5, "weight_decay": 0.1}, optim.Adadelta, {}),
    ("adafactor", {"lr": 0.02, "weight_decay": 0.1}, optim.Adafactor, {}),
    ("adafactor", {"lr": 0.9, "d": 1.5, "eps": (1e-2, 1e-2), "beta2_decay": -0.5}, optim.Adafactor, {}),
    ("radam", {"lr": 0.02, "weight_decay": 0.1}, optim.RAdam, {"decoupled_weight_decay": True}),
    ("radam", {"lr": 0.02, "weight_decay": 0.1, "decoupled": False, "betas": (0.8, 0.9)}, optim.RAdam, {}),
]


@pytest.mark.parametrize(("name", "keywords", "cls", "spelt"), CASES)
def test_oracle_equals_torch(name, keywords, cls, spelt):
    generator = np.random.default_rng(0)
    theta = [np.asarray(generator.standard_normal(shape)) for shape in SHAPES]
    parameters = [torch.nn.Parameter(torch.tensor(p)) for p in theta]
    shared = {k: v for k, v in keywords.items() if k not in ("decoupled",)}
    theirs = cls(parameters, **shared, **spelt)
    ours = oracle(name)(theta, **keywords)
    for step in range(12):
        gradients = [np.asarray(generator.standard_normal(shape)) for shape in SHAPES]
        gradients[step % 4] = None if step % 3 == 0 else gradients[step % 4]
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = None if g is None else torch.tensor(g)
        theirs.step()
        ours.step(gradients)
    for p, expected in zip(parameters, ours.theta, strict=True):
        assert p.shape == expected.shape
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=0, atol=1e-9 if name == "nadam" else 1e-13)


def test_xgrad_of_sgdm_with_s_equal_momentum_is_nesterov():
    generator = np.random.default_rng(1)
    curvature = generator.uniform(0.5, 2.0, 6)
    start = generator.standard_normal(6)
    parameter = torch.nn.Parameter(torch.tensor(start))
    theirs = optim.SGD([parameter], lr=0.1, momentum=0.8, nesterov=True)
    ours = make("xgrad+sgdm", [start], lr=0.1, momentum=0.8, s=0.8)
    for _ in range(12):
        parameter.grad = torch.tensor(curvature) * parameter.detach()
        theirs.step()
        ours.step([curvature * ours.phi[0]])
        np.testing.assert_allclose(ours.phi[0], parameter.detach().numpy(), rtol=0, atol=1e-14)


def test_xgrad_without_decoupled_decay_extrapolates_the_last_step():
    generator = np.random.default_rng(2)
    for name in names():
        hyper = {"lr": 0.01, **({"weight_decay": 0.0} if "weight_decay" in oracle(name).defaults else {})}
        if name == "adam-2k":
            hyper["warm_steps"] = 3
        ours = make(f"xgrad+{name}", [generator.standard_normal((3, 2))], s=2.5, **hyper)
        np.testing.assert_array_equal(ours.phi[0], ours.theta[0])
        for _ in range(8):
            before = ours.theta[0].copy()
            ours.step([generator.standard_normal((3, 2))])
            expected = ours.theta[0] + 2.5 * (ours.theta[0] - before)
            np.testing.assert_allclose(ours.phi[0], expected, rtol=0, atol=1e-13, err_msg=name)


def test_an_unknown_keyword_is_refused():
    with pytest.raises(TypeError, match="warn"):
        oracle("radam")([1.0], warn="skip")


def test_oracles_import_no_torch():
    code = "import sys; from optbench.verify.oracles import names; names(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
