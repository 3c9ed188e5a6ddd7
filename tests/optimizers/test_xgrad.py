"""XGrad over every entry: predictions, the way back to theta, and what must not be touched."""

import copy

import numpy as np
import pytest
import torch
from optimizer_cases import (
    VARIANTS,
    Beside,
    Problem,
    array,
    case_id,
    implemented,
    info,
    names,
    predictable,
    problem_for,
    resumable_dtype,
    supported,
    text_of,
    thin,
    tolerance,
)

from optbench.errors import OptbenchError
from optbench.optimizers import XGrad, create

BASES = thin([(name, impl) for name, impl in implemented() if name in predictable()])
OTHER_KERNELS = [(name, "cpu") for name in ("adan", "lamb", "lion", "adagrad") if name in names()]
CASES = [
    (name, impl, hyper)
    for name, impl in BASES + OTHER_KERNELS
    for hyper in VARIANTS.get(name, [{}])
    if supported(name, impl, hyper) and (impl != "cpu" or hyper == VARIANTS[name][0])
]
CACHE_FREE = ["sgdm", "adam", "adamw", "radam"]


def bits(tensors):
    return [t.detach().clone().contiguous().view(-1).view(torch.uint8) for t in tensors if t.numel()]


def assert_bitwise(left, right):
    assert all(torch.equal(a, b) for a, b in zip(bits(left), bits(right), strict=True))


def run(optimizer, parameters, problem, some, train=True):
    for step in some:
        problem.give(parameters, step)
        optimizer.step()
        if train and hasattr(optimizer, "train"):
            optimizer.train()


def pair_of(reference, problem, **keywords):
    parameters = problem.parameters()
    return parameters, create(reference, Problem.groups(parameters), **keywords)


# --- against the oracle ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "impl", "hyper"), CASES, ids=case_id)
def test_phi_and_theta_follow_the_oracle_under_a_schedule(name, impl, hyper):
    bound = 2.5 * tolerance(name, impl)  # phi goes s = 1.5 times as far again
    pair = Beside(f"xgrad+{name}", impl, {**hyper, "s": 1.5}, problem_for(name))
    for step in pair.run():
        assert pair.worst("phi") <= bound, f"phi, step {step + 1}"
        if step % 3 == 1:
            predicted = [p.detach().clone() for p in pair.parameters]
            pair.optimizer.eval()
            assert pair.worst("theta") <= bound, f"theta, step {step + 1}"
            pair.optimizer.train()
            assert_bitwise(pair.parameters, predicted)
    pair.optimizer.eval()
    assert pair.worst("theta") <= bound


@pytest.mark.parametrize("s", [0.5, 1.0, 4.0])
@pytest.mark.parametrize(("name", "impl"), BASES)
def test_phi_is_aimed_again_when_a_scheduler_changes_the_learning_rate(name, impl, s):
    hyper = VARIANTS[name][0]
    pair = Beside(f"xgrad+{name}", impl, {**hyper, "s": s}, problem_for(name, steps=6), scheduled=False)
    for step in pair.run():
        for factor in (0.1, 3.0):
            lr = hyper["lr"] * factor
            for group in pair.optimizer.param_groups:
                group["lr"] = lr
            pair.optimizer.train()
            for oracle in pair.oracles:
                oracle.reaim(lr)
            bound = tolerance(name, impl) * max(1, s * factor)
            assert pair.worst("phi") <= bound, f"step {step + 1}, lr x {factor}"
            pair.optimizer.train()  # a second call changes nothing
            assert pair.worst("phi") <= bound
    pair.optimizer.eval()
    assert pair.worst("theta") <= tolerance(name, impl)


@pytest.mark.parametrize("reading", ["zero", "repeat"])
@pytest.mark.parametrize("s", [1, 3])
@pytest.mark.parametrize(("name", "impl"), [base for base in BASES if base[1] != "torch"])
def test_the_other_readings_of_the_paper(name, impl, s, reading):
    hyper = {**VARIANTS[name][0], "s": s, "reading": reading}
    pair = Beside(f"xgrad+{name}", impl, hyper, problem_for(name))
    for step in pair.run():
        assert pair.worst("phi") <= tolerance(name, impl), f"step {step + 1}"
    pair.optimizer.eval()
    assert pair.worst("theta") <= tolerance(name, impl)


@pytest.mark.parametrize("reading", ["zero", "repeat"])
def test_the_other_readings_need_a_rule(reading):
    with pytest.raises(OptbenchError, match=reading):
        XGrad(torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))]), reading=reading)


@pytest.mark.parametrize(("name", "impl"), [b for b in BASES if b[1] != "cpu" or b[0] == "adamw"])
def test_the_control_that_never_restores(name, impl):
    hyper = {**VARIANTS[name][0], "s": 1.0, "restore": False}
    pair = Beside(f"xgrad+{name}", impl, hyper, problem_for(name), scheduled=False)
    for step in pair.run():
        assert pair.worst("phi") <= tolerance(name, impl), f"step {step + 1}"


# --- identities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "impl", "dtype"),
    [
        (name, impl, dtype)
        for name, impl in BASES
        for dtype in (torch.float64, torch.float32, torch.bfloat16)
        if impl != "cpu" or dtype == torch.float64 or (name == "adaplus" and dtype == torch.float32)
    ],
)
def test_s_zero_is_bitwise_the_base(name, impl, dtype):
    problem = problem_for(name, dtype=dtype)
    hyper = VARIANTS[name][0]
    mine, optimizer = pair_of(text_of(f"xgrad+{name}", hyper, impl=impl, s=0), problem)
    base, other = pair_of(text_of(name, hyper, impl=impl), problem)
    for step in range(problem.steps):
        for group in optimizer.param_groups + other.param_groups:
            group["lr"] = hyper["lr"] * (1 + step % 3)
        run(optimizer, mine, problem, [step])
        run(other, base, problem, [step])
        assert_bitwise(mine, base)
    optimizer.eval()
    assert_bitwise(mine, base)


@pytest.mark.parametrize(("name", "impl"), BASES)
def test_theta_is_bitwise_what_eval_showed_before_and_what_the_base_computes(name, impl):
    """Given gradients do not depend on phi, so theta is the base's trajectory, whatever is swapped."""
    problem = problem_for(name)
    hyper = VARIANTS[name][0]
    mine, optimizer = pair_of(text_of(f"xgrad+{name}", hyper, impl=impl, s=2), problem)
    base, other = pair_of(text_of(name, hyper, impl=impl), problem)
    for step in range(problem.steps):
        run(optimizer, mine, problem, [step])
        run(other, base, problem, [step])
        predicted = [p.detach().clone() for p in mine]
        for _ in range(3):
            optimizer.eval()
            assert_bitwise(mine, base)
            optimizer.eval()  # twice is once
            assert_bitwise(mine, base)
            optimizer.train()
            assert_bitwise(mine, predicted)
    assert not torch.equal(mine[0], base[0])


@pytest.mark.parametrize(
    ("impl", "cache"),
    [(i, c) for i in info("sgdm").implementations for c in (True, False) if c or i != "torch"],
)
def test_sgdm_with_s_equal_to_its_momentum_is_nesterov(impl, cache):
    torch.manual_seed(0)
    matrix = torch.randn(6, 6, dtype=torch.float64)
    curvature = matrix @ matrix.T / 6 + torch.eye(6)
    start = torch.randn(6, dtype=torch.float64)
    mine, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizer = create("xgrad+sgdm", [mine], lr=0.1, momentum=0.8, s=0.8, impl=impl, cache=cache)
    nesterov = torch.optim.SGD([theirs], lr=0.1, momentum=0.8, nesterov=True)
    for _ in range(20):
        mine.grad, theirs.grad = curvature @ mine.detach(), curvature @ theirs.detach()
        optimizer.step()
        nesterov.step()
        np.testing.assert_allclose(array(mine), array(theirs), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("name", "impl"), BASES)
def test_phi_extrapolates_the_last_step_without_decoupled_decay(name, impl):
    hyper = {k: v for k, v in VARIANTS[name][0].items() if k != "weight_decay"}
    if "weight_decay" in {h.name for h in info(name).hyperparameters}:
        hyper["weight_decay"] = 0.0
    problem = problem_for(name)
    parameters, optimizer = pair_of(text_of(f"xgrad+{name}", hyper, impl=impl, s=2), problem)
    optimizer.eval()
    before = [array(p) for p in parameters]
    optimizer.train()
    for step in range(6):
        problem.give(parameters, step)
        optimizer.step()
        phi = [array(p) for p in parameters]
        optimizer.eval()
        theta = [array(p) for p in parameters]
        optimizer.train()
        for i, (old, new, there) in enumerate(zip(before, theta, phi, strict=True)):
            live = problem.gradients[step][i] is not None
            expected = new + 2 * (new - old) if live else new
            np.testing.assert_allclose(there, expected, rtol=0, atol=1e-12)
        before = theta


@pytest.mark.parametrize(("name", "impl"), BASES)
def test_nothing_is_predicted_before_the_first_step(name, impl):
    problem = problem_for(name)
    parameters, optimizer = pair_of(f"xgrad+{name}:impl={impl}:s=3", problem)
    for mode in (optimizer.train, optimizer.eval, optimizer.train):
        mode()
        assert_bitwise(parameters, problem.initial)


@pytest.mark.parametrize("impl", info("sgdm").implementations)
def test_a_group_may_predict_its_own_number_of_steps(impl):
    parameters = [torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(3)]
    groups = [{"params": [p], "s": s} for p, s in zip(parameters, (0.0, 1.0, 3.0), strict=True)]
    optimizer = create(f"xgrad+sgdm:impl={impl}:lr=0.25", groups)
    for p in parameters:
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert [p[0].item() for p in parameters] == [0.75, 0.5, 0.0]
    optimizer.eval()
    assert [p[0].item() for p in parameters] == [0.75, 0.75, 0.75]
    for s in (-1.0, float("nan")):
        with pytest.raises(OptbenchError, match="s="):
            create(f"xgrad+sgdm:impl={impl}", [{"params": [torch.nn.Parameter(torch.ones(1))], "s": s}])


@pytest.mark.parametrize("impl", ["eager", "cpu"])
@pytest.mark.parametrize(("name", "aimed"), [("sgdm", True), ("adamw", True), ("adagrad", False)])
def test_after_a_step_at_lr_zero_only_a_base_whose_state_gives_the_direction_predicts(name, aimed, impl):
    p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = create(f"xgrad+{name}:lr=0:impl={impl}:s=2", [p])
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert torch.equal(p.detach(), torch.ones_like(p))
    optimizer.param_groups[0]["lr"] = 0.125
    optimizer.train()
    expected = 0.75 if aimed else 1.0  # the first direction of both is 1 for a gradient of 1
    torch.testing.assert_close(p.detach(), torch.full_like(p, expected), rtol=0, atol=1e-8)
    optimizer.eval()
    assert torch.equal(p.detach(), torch.ones_like(p))


def test_a_copy_shares_groups_and_state_with_its_own_base():
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = create("xgrad+adamw:lr=0.1", [p])
    p.grad = torch.ones(3)
    optimizer.step()
    _, twin = copy.deepcopy((p, optimizer))
    assert twin.base is not optimizer.base
    assert twin.param_groups is twin.base.param_groups
    assert twin.state is twin.base.state


# --- cache=False -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "impl", "dtype"),
    [
        *((n, "eager", d) for n in CACHE_FREE for d in (torch.float32, torch.float64)),
        *((n, "cpu", torch.float32) for n in ("sgdm", "adamw")),
    ],
)
def test_the_form_without_cache_follows_the_cached_one(name, impl, dtype):
    hyper = {**VARIANTS[name][0], "s": 2}
    finals = {}
    for cache in (True, False):
        problem = problem_for(name, dtype=dtype, steps=40)
        parameters, optimizer = pair_of(text_of(f"xgrad+{name}", hyper, impl=impl, cache=cache), problem)
        for step in range(problem.steps):
            for group in optimizer.param_groups:
                group["lr"] = hyper["lr"] / (1 + step // 10)
            optimizer.train()
            problem.give(parameters, step)
            optimizer.step()
        phi = [array(p) for p in parameters]
        optimizer.eval()
        finals[cache] = (phi, [array(p) for p in parameters])
        optimizer.train()
        finals[cache] += ([array(p) for p in parameters],)
    for cached, free in zip(finals[True], finals[False], strict=True):
        for a, b in zip(cached, free, strict=True):
            scale = max(1.0, np.max(np.abs(a), initial=0))
            bound = 8 * np.sqrt(40) * torch.finfo(dtype).eps * scale
            assert np.max(np.abs(a - b), initial=0) <= bound


@pytest.mark.parametrize("name", ["sgdm", "adamw"])
def test_the_form_without_cache_saves_its_bytes(name):
    from optbench.optimizers import state_bytes

    sizes = {}
    for reference in (name, f"xgrad+{name}", f"xgrad+{name}:cache=false"):
        p = torch.nn.Parameter(torch.randn(1000))
        optimizer = create(reference, [p], impl="cpu")
        p.grad = torch.randn(1000)
        optimizer.step()
        sizes[reference] = state_bytes(optimizer)
    assert abs(sizes[f"xgrad+{name}:cache=false"] - sizes[name]) <= 64
    assert abs(sizes[f"xgrad+{name}"] - sizes[name] - 4000) <= 64


@pytest.mark.parametrize("name", ["adaplus", "nadam", "adagrad", "rmsprop", "lion", "novograd"])
def test_the_form_without_cache_is_refused_where_theta_cannot_be_recovered(name):
    with pytest.raises(OptbenchError, match="cache"):
        create(f"xgrad+{name}:cache=false", [torch.nn.Parameter(torch.ones(2))])


# --- modes, checkpoints ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "impl"), BASES)
def test_step_in_eval_mode_is_an_error_and_changes_nothing(name, impl):
    problem = problem_for(name)
    parameters, optimizer = pair_of(f"xgrad+{name}:impl={impl}", problem)
    run(optimizer, parameters, problem, range(3))
    optimizer.eval()
    before = copy.deepcopy(([p.detach() for p in parameters], optimizer.state_dict()))
    with pytest.raises(OptbenchError, match=r"eval.*train\(\)"):
        optimizer.step()
    after = ([p.detach() for p in parameters], optimizer.state_dict())
    assert_bitwise(after[0], before[0])
    assert after[1].keys() == before[1].keys()
    optimizer.train()
    run(optimizer, parameters, problem, [3])


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(("name", "impl"), BASES)
def test_a_checkpoint_in_either_mode_continues_bitwise(name, impl, mode, cache):
    if not cache and (name not in CACHE_FREE or impl == "torch"):
        return
    problem = problem_for(name, dtype=resumable_dtype(f"{name}:impl={impl}"))
    text = text_of(f"xgrad+{name}", VARIANTS[name][0], impl=impl, s=2, cache=cache)
    parameters, optimizer = pair_of(text, problem)
    run(optimizer, parameters, problem, range(5))
    getattr(optimizer, mode)()
    saved = copy.deepcopy(([p.detach() for p in parameters], optimizer.state_dict()))
    optimizer.train()
    run(optimizer, parameters, problem, range(5, 9))

    others, twin = pair_of(text, problem)
    with torch.no_grad():
        for p, s in zip(others, saved[0], strict=True):
            p.copy_(s)
    twin.load_state_dict(saved[1])
    if mode == "eval":
        with pytest.raises(OptbenchError, match="eval"):
            twin.step()
    twin.train()
    run(twin, others, problem, range(5, 9))
    assert_bitwise(others, parameters)
    optimizer.eval()
    twin.eval()
    assert_bitwise(others, parameters)


@pytest.mark.parametrize("impl", info("adamw").implementations)
def test_a_checkpoint_of_the_base_starts_unpredicted(impl):
    problem = Problem()
    base, plain = pair_of(f"adamw:impl={impl}", problem, lr=0.01)
    run(plain, base, problem, range(4))
    parameters, optimizer = pair_of(f"xgrad+adamw:impl={impl}", problem, lr=0.01)
    with torch.no_grad():
        for p, b in zip(parameters, base, strict=True):
            p.copy_(b)
    optimizer.load_state_dict(copy.deepcopy(plain.state_dict()))
    optimizer.train()
    assert_bitwise(parameters, base)
    run(optimizer, parameters, problem, range(4, 8))
    run(plain, base, problem, range(4, 8))
    optimizer.eval()
    assert_bitwise(parameters, base)


# --- what must not be touched ------------------------------------------------------------------------------


@pytest.mark.parametrize("impl", info("adamw").implementations)
def test_batchnorm_buffers_are_left_alone(impl):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = create(f"xgrad+adamw:impl={impl}:lr=0.1", model.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).square().sum().backward()
        buffers = [b.clone() for b in model.buffers()]
        optimizer.step()
        optimizer.train()
        optimizer.eval()
        optimizer.train()
        assert all(torch.equal(a, b) for a, b in zip(model.buffers(), buffers, strict=True))


@pytest.mark.parametrize("impl", info("adamw").implementations)
def test_zero_grad_before_or_after_train_makes_no_difference(impl):
    """The author's code stops predicting where gradients are None; what counts is the last step."""
    finals = []
    for order in ("before", "after"):
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 3)
        optimizer = create(f"xgrad+adamw:impl={impl}:lr=0.1", model.parameters())
        for _ in range(4):
            model(torch.ones(2, 4)).square().sum().backward()
            optimizer.step()
            if order == "before":
                optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] *= 0.9
            optimizer.train()
            if order == "after":
                optimizer.zero_grad()
        finals.append(list(model.parameters()))
    assert_bitwise(*finals)


@pytest.mark.parametrize("impl", info("adamw").implementations)
def test_a_closure_is_evaluated_at_phi(impl):
    p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = create(f"xgrad+adamw:impl={impl}:lr=0.1:s=2", [p])
    seen = []

    def closure():
        optimizer.zero_grad()
        seen.append(p.detach().clone())
        loss = p.square().sum()
        loss.backward()
        return loss

    for _ in range(3):
        before = p.detach().clone()
        optimizer.step(closure)
        assert torch.equal(seen[-1], before)
    optimizer.eval()
    assert not torch.equal(p.detach(), before)


# --- the wrapper over classes and instances ----------------------------------------------------------------


def test_lbfgs_is_refused():
    p = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(OptbenchError, match="LBFGS"):
        XGrad(torch.optim.LBFGS([p]))
    with pytest.raises(OptbenchError, match="LBFGS"):
        create("xgrad+torch.optim.LBFGS", [p])


@pytest.mark.parametrize("keywords", [{"s": -1.0}, {"s": float("nan")}, {"reading": "fresh"}])
def test_invalid_keywords_are_refused(keywords):
    p = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(OptbenchError):
        XGrad(torch.optim.AdamW([p]), **keywords)


@pytest.mark.parametrize("cls", [torch.optim.AdamW, torch.optim.Adagrad, torch.optim.Rprop, torch.optim.ASGD])
def test_any_class_can_be_the_base(cls):
    """By instance and by import path alike; theta is the base's own trajectory on given gradients."""
    problem = Problem(dtype=torch.float32, empty=False)
    base = problem.parameters()
    by_instance, by_path = problem.parameters(), problem.parameters()
    plain = cls(base, lr=0.01)
    one = XGrad(cls(by_instance, lr=0.01), s=1)
    two = create(f"xgrad+{cls.__module__}.{cls.__name__}:lr=0.01:s=1", by_path)
    for step in range(6):
        for optimizer, parameters in ((plain, base), (one, by_instance), (two, by_path)):
            problem.give(parameters, step)
            optimizer.step()
        assert_bitwise(by_instance, by_path)
        one.eval()
        assert_bitwise(by_instance, base)
        one.train()
        assert_bitwise(by_instance, by_path)
    assert not torch.equal(by_instance[0], base[0])


def test_a_rules_class_can_be_the_base_by_instance():
    from optbench.optimizers import AdaPlus

    problem = Problem()
    one, two = problem.parameters(), problem.parameters()
    wrapped = XGrad(AdaPlus(one, lr=0.01), s=1)
    named = create("xgrad+adaplus:lr=0.01:s=1", two)
    run(wrapped, one, problem, range(6))
    run(named, two, problem, range(6))
    assert_bitwise(one, two)


def test_lr_schedulers_accept_it_and_it_predicts_with_the_lr_of_the_next_step():
    problem = Problem()
    parameters = problem.parameters()
    optimizer = create("xgrad+sgd:lr=0.1:s=1", parameters)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    problem.give(parameters, 0)
    optimizer.step()
    scheduler.step()
    optimizer.train()
    gradient = problem.arrays(0)[0]
    phi = array(parameters[0])
    optimizer.eval()
    np.testing.assert_allclose(phi, array(parameters[0]) - 0.01 * gradient, rtol=0, atol=1e-15)


def test_a_lookahead_base_is_refused():
    for name in set(names()) - set(predictable()):
        with pytest.raises(OptbenchError, match=r"not defined"):
            create(f"xgrad+{name}", [torch.nn.Parameter(torch.ones(2))])
