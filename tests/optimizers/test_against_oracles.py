"""Every registered optimizer, implementation, variant and dtype against its oracle."""

import numpy as np
import pytest
import torch
from optimizer_cases import (
    VARIANTS,
    Beside,
    Problem,
    array,
    case_id,
    problem_for,
    supported,
    tolerance,
    variant_cases,
)

from optbench.optimizers import create, executor_of, info, names
from optbench.verify import oracles

# Each costs a compilation: the others differ from eager no more in fp32 than they do in fp64.
CPU_FLOAT32 = ["adaplus", "novograd"]


def test_every_registered_optimizer_has_an_oracle_and_variants():
    assert set(names()) <= set(oracles.names())
    assert set(names()) <= set(VARIANTS)


@pytest.mark.parametrize("name", names())
def test_every_hyperparameter_is_varied_and_known_to_the_oracle(name):
    keys = {h.name for h in info(name).hyperparameters}
    varied = {key for variant in VARIANTS[name] for key in variant}
    fixed = {"amsgrad"} if name == "amsgrad" else set()
    assert keys - fixed == varied - fixed
    assert keys <= set(oracles.oracle(name).defaults)


@pytest.mark.parametrize("name", names())
def test_defaults_are_those_of_the_oracle(name):
    expected = oracles.oracle(name).defaults
    for h in info(name).hyperparameters:
        assert h.default == expected[h.name], h.name


@pytest.mark.parametrize(("name", "impl", "hyper"), variant_cases(), ids=case_id)
def test_float64_trajectory(name, impl, hyper):
    pair = Beside(name, impl, hyper, problem_for(name))
    for step in pair.run():
        assert pair.worst() <= tolerance(name, impl), f"step {step + 1}"
    assert impl in executor_of(pair.optimizer).split("+")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", names())
def test_other_seeds_and_scales_of_the_gradient(name, seed):
    problem = problem_for(name, seed=seed, steps=30)
    scale = {1: 1e-6, 2: 1e3, 3: 1.0}[seed]
    problem.gradients = [[None if g is None else g * scale for g in row] for row in problem.gradients]
    impl = "eager" if info(name).rule else "torch"
    pair = Beside(name, impl, {**VARIANTS[name][0], "lr": 0.002}, problem)
    for step in pair.run():
        # Directions of SGD grow with the gradient: hold the error against the distance travelled.
        moved = max(float(np.max(np.abs(p))) for oracle in pair.oracles for p in oracle.theta if p.size)
        bound = tolerance(name, impl) * max(1.0, moved)
        assert pair.worst() <= bound, f"step {step + 1}"


@pytest.mark.parametrize(
    ("name", "impl", "hyper", "dtype"),
    [
        *((n, "eager", h, torch.float32) for n, i, h in variant_cases() if i == "eager"),
        *((n, "eager", h, torch.bfloat16) for n, i, h in variant_cases() if i == "eager"),
        *((n, "cpu", VARIANTS[n][0], torch.float32) for n in CPU_FLOAT32),
    ],
    ids=case_id,
)
def test_lower_precision_stays_within_the_dtype(name, impl, hyper, dtype):
    """The oracle's theta is rounded to the dtype after every step: only the step's arithmetic differs."""
    pair = Beside(name, impl, hyper, Problem(dtype=dtype), round_to=dtype)
    spacing = torch.finfo(dtype).eps
    travelled = 0.0
    for step in pair.run():
        largest = max(float(np.max(np.abs(p), initial=0)) for o in pair.oracles for p in o.theta)
        travelled += max(float(np.max(np.abs(p), initial=0)) for o in pair.oracles for p in o.displacement)
        # Each step rounds theta twice (decay and step); fp32 state gives d some twenty roundings.
        bound = (step + 1) * spacing * largest + 64 * torch.finfo(torch.float32).eps * travelled
        assert pair.worst() <= bound, f"step {step + 1}"
    assert all(p.dtype == dtype for p in pair.parameters)


@pytest.mark.parametrize("name", CPU_FLOAT32)
def test_cpu_executor_agrees_with_eager_over_many_chunks(name):
    finals, dtype = [], torch.float32
    for impl in ("eager", "cpu"):
        problem = Problem(dtype=dtype, large=70_001)
        pair = Beside(name, impl, VARIANTS[name][0], problem)
        for _ in pair.run():
            pass
        finals.append(pair.parameters)
    largest = max(float(p.detach().abs().max()) for p in finals[0] if p.numel())
    bound = 16 * torch.finfo(dtype).eps * largest
    for eager, cpu in zip(*finals, strict=True):
        difference = np.max(np.abs(array(eager) - array(cpu)), initial=0)
        assert difference <= bound


@pytest.mark.parametrize("name", [n for n in names() if "torch" in info(n).implementations])
def test_every_implementation_follows_torch_in_float32(name):
    """Rounded alike: what separates ours from torch's class is a few units in the last place."""
    for hyper in VARIANTS[name]:
        if not supported(name, "torch", hyper):
            continue
        finals = {}
        for impl in info(name).implementations:
            if impl == "cpu":
                continue
            problem = problem_for(name, dtype=torch.float32)
            pair = Beside(name, impl, hyper, problem)
            for _ in pair.run():
                pass
            finals[impl] = pair.parameters
        reference = finals.pop("torch")
        for mine in finals.values():
            for a, b in zip(mine, reference, strict=True):
                torch.testing.assert_close(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", names())
def test_auto_takes_the_fastest_executor_that_fits(name):
    implementations = info(name).implementations
    p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = create(name, [p])
    p.grad = torch.ones(3, dtype=torch.float64)
    optimizer.step()
    assert executor_of(optimizer) == (
        "cpu" if "cpu" in implementations else "torch" if "torch" in implementations else "eager"
    )


@pytest.mark.parametrize("name", names())
def test_predicted_state_bytes_are_those_measured(name):
    from optbench.optimizers import state_bytes

    for hyper in VARIANTS[name]:
        impl = "eager" if info(name).rule else "torch"
        p = torch.nn.Parameter(torch.randn(64, 1000))
        optimizer = create(name, [p], impl=impl, **hyper)
        p.grad = torch.randn(64, 1000)
        optimizer.step()
        per_tensor = 64  # step counts and per-tensor scalars
        predicted = info(name).state_bytes(**hyper) * p.numel()
        if name == "adafactor":
            predicted = 4 * (64 + 1000)
        assert abs(state_bytes(optimizer) - predicted) <= per_tensor, hyper
