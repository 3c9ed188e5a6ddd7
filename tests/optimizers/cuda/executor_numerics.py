"""The cuda executor computes what eager computes: on a GPU, or under Triton's interpreter (see test_interpreter.py)."""

import copy
import io

import numpy as np
import pytest
import torch
from cuda_cases import (
    DEVICE,
    FEW,
    GAPS,
    STEPS,
    Problem,
    assert_close,
    assert_same,
    rules,
    run,
    set_lr,
    slots_of,
    variants,
)

from optbench.errors import OptbenchError
from optbench.optimizers import create, executor_of, info
from optbench.optimizers._executors._program import Batch, Clock, Program
from optbench.optimizers._executors.cuda import advance

# The interpreter computes masked lanes too, with whatever is in them.
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

RECOVERABLE = [n for n in rules() if info(n).rule.recoverable(info(n).declaration.defaults())]
PREDICTABLE = [n for n in rules() if not info(n).rule.lookahead]


def check(reference, problem, **options):
    ours, optimizer = run(f"{reference}:impl=cuda", problem, **options)
    theirs, eager = run(f"{reference}:impl=eager", problem, **options)
    base = getattr(optimizer, "base", optimizer)
    assert base.used == {"cuda", "eager"}, "the tensor with gaps is left to eager, nothing else"
    assert_close(ours, theirs, problem.dtype)
    for mine, other in zip(slots_of(optimizer), slots_of(eager), strict=True):
        assert mine.keys() == other.keys()
        for key, value in mine.items():
            assert value.dtype == other[key].dtype
            scale = max(1.0, other[key].abs().max().item()) if value.numel() else 1.0
            assert_close([value / scale], [other[key] / scale], problem.dtype)


@pytest.mark.parametrize(("name", "hyper"), [(n, h) for n in rules() for h in variants(n)])
def test_every_variant_in_fp32(name, hyper):
    check(name, Problem(torch.float32, steps=2, large=info(name).rule.reduce is not None), **hyper)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("name", rules())
def test_every_rule_in_other_types(name, dtype):
    check(name, Problem(dtype, steps=1), **variants(name)[-1])


@pytest.mark.parametrize("name", PREDICTABLE)
def test_prediction_over_every_rule(name):
    check(f"xgrad+{name}", Problem(torch.float32, steps=2), lr=0.02, s=2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", FEW)
def test_prediction_under_a_schedule(name, dtype):
    check(f"xgrad+{name}", Problem(dtype, steps=3), schedule=True)
    check(f"xgrad+{name}:restore=false", Problem(dtype, steps=2), schedule=True)


@pytest.mark.parametrize("name", [n for n in RECOVERABLE if not info(n).rule.reduce])
def test_prediction_without_a_cache(name):
    check(f"xgrad+{name}:cache=false", Problem(torch.float32, steps=3), lr=0.02, schedule=True)


@pytest.mark.parametrize("name", FEW)
def test_nothing_predicted_ahead_is_the_base_bitwise(name):
    problem = Problem(torch.float32)
    assert_same(run(f"xgrad+{name}:s=0:impl=cuda", problem)[0], run(f"{name}:impl=cuda", problem)[0])


@pytest.mark.parametrize("name", FEW)
def test_prediction_keeps_the_weights_of_the_base_bitwise(name):
    """On equal gradients theta goes the same way, whether phi is written beside it or not."""
    problem = Problem(torch.float32)
    predicted, optimizer = run(f"xgrad+{name}:impl=cuda", problem)
    optimizer.eval()
    assert_same(predicted, run(f"{name}:impl=cuda", problem)[0])


@pytest.mark.parametrize("name", rules())
def test_coefficients_from_the_device(name):
    """With capturable=True t is counted and the coefficients are computed there; t differs between tensors."""
    problem, hyper = Problem(torch.float32, steps=3), variants(name)[0]
    ours, optimizer = run(f"{name}:impl=cuda", problem, dense=True, schedule=True, capturable=True, **hyper)
    theirs, plain = run(f"{name}:impl=cuda", problem, dense=True, schedule=True, **hyper)
    assert_close(ours, theirs, torch.float32)
    counts = [state["step"] for state in optimizer.state.values()]
    assert all(isinstance(t, torch.Tensor) and t.device.type == DEVICE.type for t in counts)
    assert [int(t) for t in counts] == [state["step"] for state in plain.state.values()]


@pytest.mark.parametrize("name", FEW)
def test_coefficients_from_the_device_with_prediction(name):
    problem = Problem(torch.float32)
    ours, _ = run(f"xgrad+{name}:impl=cuda", problem, dense=True, schedule=True, capturable=True)
    theirs, _ = run(f"xgrad+{name}:impl=cuda", problem, dense=True, schedule=True)
    assert_close(ours, theirs, torch.float32)


def test_learning_rate_in_a_tensor():
    problem = Problem(torch.float32)
    lr = torch.tensor(0.02, device=DEVICE)
    for reference in ("adamw:impl=cuda", "xgrad+adamw:impl=cuda"):
        ours, optimizer = run(reference, problem, dense=True, schedule=True, capturable=True, lr=lr)
        assert optimizer.param_groups[0]["lr"] is lr
        assert_close(ours, run(reference, problem, dense=True, schedule=True)[0], torch.float32)


def test_a_parameter_that_cannot_be_stepped_on_the_device_is_refused():
    with pytest.raises(OptbenchError, match="strides"):
        create("adamw", Problem(torch.float32).parameters(), capturable=True)


def losses(parameters, step):
    weight = 1.0 + step
    return sum(((p * weight - 0.3) ** 2).sum() for p in parameters)


def scaled_run(reference, infinite, capturable, dtype=torch.float32, skip=()):
    """Steps through a GradScaler, one of them with an infinite gradient; `skip` leaves steps out altogether."""
    parameters = [p for i, p in enumerate(Problem(dtype).parameters()) if i != GAPS]
    optimizer = create(reference, parameters, lr=0.02, capturable=capturable)
    assert optimizer._step_supports_amp_scaling
    scaler = torch.amp.GradScaler(DEVICE.type, init_scale=1024.0, growth_interval=2)
    for step in range(STEPS):
        if step in skip:
            continue
        optimizer.zero_grad()
        scaler.scale(losses(parameters, step)).backward()
        if step == infinite:
            parameters[0].grad[7] = torch.inf
            before = copy.deepcopy([[p.detach() for p in parameters], slots_of(optimizer)])
        scaler.step(optimizer)
        scaler.update()
        if step == infinite:
            assert_same([p.detach() for p in parameters], before[0])
            for now, then in zip(slots_of(optimizer), before[1], strict=True):
                assert_same(list(now.values()), list(then.values()))
            assert scaler.get_scale() < 1024.0 * 4
    return parameters, optimizer


@pytest.mark.parametrize("capturable", [False, True])
@pytest.mark.parametrize("reference", [*(f"{n}:impl=cuda" for n in FEW), "xgrad+adamw:impl=cuda"])
def test_a_step_that_the_scaler_skips_does_not_count(reference, capturable):
    ours, optimizer = scaled_run(reference, infinite=2, capturable=capturable)
    assert {int(state["step"]) for state in optimizer.state.values()} == {STEPS - 1}
    theirs, _ = scaled_run(reference, infinite=None, capturable=capturable, skip=(2,))
    assert_close(ours, theirs, torch.float32)
    assert not hasattr(optimizer, "found_inf")


def test_the_scaler_does_the_work_where_the_executor_cannot():
    parameters = Problem(torch.float32).parameters()
    assert not create("adamw:impl=cuda", parameters)._step_supports_amp_scaling
    assert not create("adamw:impl=eager", parameters[:2])._step_supports_amp_scaling
    assert not create("xgrad+adamw:impl=cuda:cache=false", parameters[:2])._step_supports_amp_scaling


def test_state_survives_a_file():
    problem = Problem(torch.float32, whole=True)
    for capturable in (False, True):
        ours, optimizer = run("novograd:impl=cuda", problem, dense=True, capturable=capturable)
        buffer = io.BytesIO()
        torch.save(optimizer.state_dict(), buffer)
        buffer.seek(0)
        others = [torch.nn.Parameter(p.detach().clone()) for p in ours]
        twin = create("novograd:impl=cuda", others, capturable=capturable)
        twin.load_state_dict(torch.load(buffer, weights_only=True))
        for optimizer_, parameters in ((optimizer, ours), (twin, others)):
            for p, g in zip(parameters, [g for i, g in enumerate(problem.gradients[0]) if i != GAPS], strict=True):
                p.grad = torch.empty_like(p, requires_grad=False).copy_(g)
            optimizer_.step()
        assert_close(others, ours, torch.float32)
        assert {int(state["step"]) for state in twin.state.values()} == {STEPS + 1}


def test_gradients_are_left_alone_and_maximize_climbs():
    parameters = [p for i, p in enumerate(Problem(torch.float32).parameters()) if i != GAPS]
    down = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    for group, maximize, sign in ((parameters, True, -1.0), (down, False, 1.0)):
        optimizer = create("adamw:impl=cuda", [{"params": group, "maximize": maximize}])
        for p in group:
            p.grad = torch.full_like(p, sign)
        optimizer.step()
        assert all(torch.equal(p.grad, torch.full_like(p, sign)) for p in group)
        assert executor_of(optimizer) == "cuda"
    assert_same(parameters, down)


def test_nothing_is_generated_again_for_another_step():
    from optbench.optimizers._executors import _triton_coefficients, _triton_kernel

    makers = [_triton_kernel.element_kernel, _triton_kernel.layer_kernel, _triton_kernel.sum_kernel]
    makers.append(_triton_coefficients.coefficient_kernel)
    for capturable in (False, True):
        parameters = [torch.nn.Parameter(torch.randn(3, device=DEVICE)) for _ in range(2)]
        optimizer = create("novograd:impl=cuda", parameters, capturable=capturable)
        made = None
        for step in range(6):
            set_lr(optimizer, float(6 - step))
            for p in parameters:
                p.grad = torch.ones_like(p)
            optimizer.step()
            made = made if step else [m.cache_info().misses for m in makers]
            assert [m.cache_info().misses for m in makers] == made


@pytest.mark.parametrize("name", rules())
def test_coefficients_are_those_of_the_rule(name):
    """Compiled for the device and in Python, in float64; lr comes from a tensor."""
    rule = info(name).rule
    for hyper in ({}, *variants(name)):
        options = {**rule.defaults(), **hyper}
        options.update({mine: options[theirs] for mine, theirs in rule.captured.items()})
        program = Program.of(rule, options)
        for t in (1, 2, 5, 6, 1000):
            given = coefficients_on_device(program, options, t)
            expected = rule.coefficients_at(t, options)
            assert given.keys() == {*expected, "reach"}
            for key, value in {**expected, "reach": 2 * expected["scale"]}.items():
                assert given[key] == pytest.approx(value, rel=1e-13, abs=0), (key, t)


def coefficients_on_device(program, options, t):
    """Take one step of nothing and catch what its kernel has written."""
    from optbench.optimizers._executors import cuda

    lr = torch.tensor(options["lr"], dtype=torch.float64, device=DEVICE)
    empty = [torch.empty(0, device=DEVICE)]
    clock = Clock([torch.tensor(t - 1.0, device=DEVICE)], {**options, "lr": lr}, s=2.0)
    batch = Batch(empty, empty, {n: [torch.zeros((), device=DEVICE)] for n in program.present}, {}, clock=clock)
    caught = {}
    original = cuda._count

    def count(program, clock, table, given, row_length):
        names = original(program, clock, table, given, row_length)
        caught.update(zip([*names, "reach"], given["k"][0].tolist(), strict=True))
        return names

    cuda._count = count
    try:
        advance(program, batch)
    finally:
        cuda._count = original
    assert int(clock.steps[0]) == t
    return caught


def test_the_proof_that_auto_asks_for():
    """The kernels step as eager does; a step that is wrong, or fails, is told in one line."""
    from optbench.optimizers._executors import _proof, cuda

    _proof.fault.cache_clear()
    assert _proof.fault(DEVICE) == ""
    original = cuda.advance

    def wrong(program, batch):
        original(program, batch)
        batch.theta[1][-1] *= 1.001

    def broken(program, batch):
        raise RuntimeError("no kernel\nimage")

    try:
        for advance, match in ((wrong, "differs from eager's by 1.0e-03"), (broken, "RuntimeError: no kernel image")):
            cuda.advance = advance
            _proof.fault.cache_clear()
            assert match in _proof.fault(DEVICE)
    finally:
        cuda.advance = original
        _proof.fault.cache_clear()


def test_a_table_is_the_same_by_either_way():
    """Through a kernel's arguments as through a copy, for counts below, at and above what one launch writes."""
    from optbench.optimizers._executors._triton_write import NUMBERS, written

    for count in (1, NUMBERS - 1, NUMBERS, 3 * NUMBERS + 5):
        numbers = np.arange(count, dtype=np.int64).reshape(-1, 1) * -(2**40) + 7
        assert torch.equal(written(numbers, DEVICE).cpu(), torch.from_numpy(numbers))
