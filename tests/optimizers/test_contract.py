"""Every optimizer behaves as torch.optim's do."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from optimizer_cases import (
    REPRESENTATIVES,
    Problem,
    array,
    predictable,
    problem_for,
    references,
    resumable_dtype,
)

from optbench import optimizers
from optbench.errors import OptbenchError
from optbench.optimizers import create, executor_of, info, names

OURS = [r for r in references() if not r.endswith("torch")]
EVERY = references() + [f"xgrad+{r}" for r in references() if r.partition(":")[0] in predictable()]
# One of each kind where the behaviour is the engine's, not the rule's.
FEW = [r for r in EVERY if r.removeprefix("xgrad+").partition(":")[0] in REPRESENTATIVES]


def steps(optimizer, parameters, problem, some):
    for step in some:
        problem.give(parameters, step, plain=True)
        optimizer.step()


def build(reference, problem, **overrides):
    problem.gaps = False
    parameters = problem.parameters()
    groups = Problem.groups(parameters)
    groups[1]["lr"] = 0.004
    return parameters, create(reference, groups, lr=0.01, **overrides)


def assert_same(left, right):
    """Bitwise, NaN and the sign of zero included, through dicts and lists."""
    assert type(left) is type(right) or isinstance(left, (int, float)), (left, right)
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[left.element_size()]
        assert torch.equal(left.detach().contiguous().view(bits), right.detach().contiguous().view(bits))
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            assert_same(a, b)
    else:
        assert left == right


def through_file(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def restore(parameters, saved):
    with torch.no_grad():
        for p, s in zip(parameters, saved, strict=True):
            p.copy_(s)


# --- state -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", EVERY)
def test_state_dict_continues_bitwise(reference):
    problem = problem_for(reference, dtype=resumable_dtype(reference))
    parameters, optimizer = build(reference, problem)
    steps(optimizer, parameters, problem, range(5))
    saved = through_file({"model": [p.detach() for p in parameters], "optimizer": optimizer.state_dict()})
    others, twin = build(reference, problem)
    restore(others, saved["model"])
    twin.load_state_dict(saved["optimizer"])
    assert_same(twin.state_dict(), optimizer.state_dict())
    steps(optimizer, parameters, problem, range(5, 9))
    steps(twin, others, problem, range(5, 9))
    assert_same(others, parameters)
    assert_same(twin.state_dict(), optimizer.state_dict())


@pytest.mark.parametrize("reference", FEW)
def test_state_dict_of_a_fresh_optimizer_loads(reference):
    problem = problem_for(reference)
    parameters, optimizer = build(reference, problem)
    others, twin = build(reference, problem)
    twin.load_state_dict(through_file(optimizer.state_dict()))
    steps(optimizer, parameters, problem, range(3))
    steps(twin, others, problem, range(3))
    assert_same(others, parameters)


@pytest.mark.parametrize("reference", [r for r in EVERY if "eager" in r or "cpu" in r])
def test_state_of_bfloat16_parameters_stays_as_it_was_saved(reference):
    problem = problem_for(reference, dtype=torch.bfloat16)
    if reference.endswith("cpu"):
        reference = reference.replace("cpu", "auto")  # cpu has no bfloat16; auto falls back
    parameters, optimizer = build(reference, problem)
    steps(optimizer, parameters, problem, range(4))
    assert all(p.dtype == torch.bfloat16 for p in parameters)
    base = reference.removeprefix("xgrad+")
    for state in optimizer.state.values():
        for key, value in state.items():
            if torch.is_tensor(value) and value.is_floating_point() and not reference.startswith("xgrad"):
                assert value.dtype == torch.float32, (base, key)
    others, twin = build(reference, problem)
    restore(others, parameters)
    twin.load_state_dict(through_file(optimizer.state_dict()))
    assert_same(twin.state_dict(), optimizer.state_dict())
    steps(optimizer, parameters, problem, range(4, 7))
    steps(twin, others, problem, range(4, 7))
    assert_same(others, parameters)


TORCH = {
    "sgd": (torch.optim.SGD, {}),
    "sgdm": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    "amsgrad": (torch.optim.Adam, {"amsgrad": True}),
    "nadam": (torch.optim.NAdam, {}),
    "adagrad": (torch.optim.Adagrad, {}),
    "rmsprop": (torch.optim.RMSprop, {"momentum": 0.9}),
    "adadelta": (torch.optim.Adadelta, {}),
    "adafactor": (torch.optim.Adafactor, {}),
    "radam": (torch.optim.RAdam, {"decoupled_weight_decay": True}),
}


def exchange_cases():
    return [r for r in references() if r.partition(":")[0] in TORCH]


def test_every_entry_that_torch_has_exchanges_state():
    assert {n for n in names() if "torch" in info(n).implementations} <= set(TORCH)


@pytest.mark.parametrize("direction", ["from torch", "to torch"])
@pytest.mark.parametrize("reference", exchange_cases())
def test_state_is_exchanged_with_torchs_own_class(reference, direction):
    name = reference.partition(":")[0]
    cls, keywords = TORCH[name]
    # Every tensor has a gradient here: torch's classes start some states only then.
    problem = Problem(empty=False, gaps=False, missing=False)
    shared = {"lr": 0.01, "weight_decay": 0.1}
    own = {"momentum": 0.9} if name == "rmsprop" else {}

    def both():
        mine, theirs = problem.parameters(), problem.parameters()
        return (mine, create(reference, Problem.groups(mine), **shared, **own)), (
            theirs,
            cls(Problem.groups(theirs), **shared, **keywords),
        )

    ours, theirs = both()
    source, target = (theirs, ours) if direction == "from torch" else (ours, theirs)
    parameters, optimizer = source
    others, other = target
    steps(optimizer, parameters, problem, range(4))
    restore(others, parameters)
    other.load_state_dict(through_file(optimizer.state_dict()))
    steps(optimizer, parameters, problem, range(4, 8))
    steps(other, others, problem, range(4, 8))
    bound = 1e-9 if name == "nadam" else 1e-13
    for a, b in zip(parameters, others, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=bound)


@pytest.mark.parametrize("reference", EVERY)
def test_copies_and_pickles_continue_bitwise(reference):
    problem = problem_for(reference)
    original = build(reference, problem)
    steps(original[1], original[0], problem, range(3))
    for p in original[0]:
        p.grad = None
    copies = [copy.deepcopy(original), pickle.loads(pickle.dumps(original))]
    steps(original[1], original[0], problem, range(3, 7))
    for parameters, optimizer in copies:
        assert type(optimizer) is type(original[1])
        steps(optimizer, parameters, problem, range(3, 7))
        assert_same(parameters, original[0])
        assert_same(optimizer.state_dict(), original[1].state_dict())


@pytest.mark.parametrize("reference", OURS)
def test_state_keeps_dtype_device_and_size(reference):
    problem = problem_for(reference)
    parameters, optimizer = build(reference, problem)

    def sizes():
        return {
            (i, key): (tuple(v.shape), v.dtype) if torch.is_tensor(v) else type(v)
            for i, p in enumerate(parameters)
            for key, v in optimizer.state.get(p, {}).items()
        }

    steps(optimizer, parameters, problem, range(5))
    before = sizes()
    steps(optimizer, parameters, problem, range(5, 12))
    assert sizes() == before
    assert all(p.dtype == torch.float64 for p in parameters)


# --- groups and gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", FEW)
def test_a_group_added_later_starts_at_its_own_first_step(reference):
    problem = problem_for(reference)
    parameters, early = build(reference, problem)
    others = problem.parameters()
    late = create(reference, others[:4], lr=0.01)
    for step in range(3):
        problem.give(parameters, step, plain=True)
        problem.give(others, step, plain=True)
        for p in parameters[4:] + others[4:]:
            p.grad = None
        early.step()
        late.step()
    late.add_param_group({"params": others[4:], "lr": 0.004})
    steps(early, parameters, problem, range(3, 7))
    steps(late, others, problem, range(3, 7))
    assert_same(others, parameters)


@pytest.mark.parametrize("reference", EVERY)
def test_parameters_without_gradient_stand_still(reference):
    frozen = torch.nn.Parameter(torch.randn(5), requires_grad=False)
    unused, used = torch.nn.Parameter(torch.randn(5)), torch.nn.Parameter(torch.randn(5))
    before = [frozen.clone(), unused.clone()]
    optimizer = create(reference, [frozen, unused, used], lr=0.01)
    for _ in range(3):
        used.grad = torch.randn(5)
        optimizer.step()
    assert_same([frozen.detach(), unused.detach()], [b.detach() for b in before])


@pytest.mark.parametrize("reference", EVERY)
def test_a_step_without_any_gradient_does_nothing(reference):
    problem = problem_for(reference)
    parameters, optimizer = build(reference, problem)
    before = [p.detach().clone() for p in parameters]
    optimizer.step()
    assert_same([p.detach() for p in parameters], before)


@pytest.mark.parametrize("reference", EVERY)
def test_gradients_are_never_modified(reference):
    problem = problem_for(reference)
    parameters, optimizer = build(reference, problem, **decay_of(reference))
    for step in range(4):
        problem.give(parameters, step, plain=True)
        before = [None if p.grad is None else p.grad.clone() for p in parameters]
        pointers = [None if p.grad is None else p.grad.data_ptr() for p in parameters]
        optimizer.step()
        assert_same([p.grad for p in parameters], before)
        assert [None if p.grad is None else p.grad.data_ptr() for p in parameters] == pointers


def decay_of(reference):
    name = reference.removeprefix("xgrad+").partition(":")[0]
    keys = {h.name for h in info(name).hyperparameters}
    return {"weight_decay": 0.1} if "weight_decay" in keys else {}


@pytest.mark.parametrize("reference", FEW)
def test_accumulated_gradients_act_as_their_sum(reference):
    inputs = torch.randn(8, 6)
    results = []
    for parts in (1, 4):
        torch.manual_seed(0)
        model = torch.nn.Linear(6, 2)
        optimizer = create(reference, model.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            for part in inputs.chunk(parts):
                (model(part) ** 2).sum().backward()
            optimizer.step()
        results.append([p.detach() for p in model.parameters()])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("to_none", [True, False])
@pytest.mark.parametrize("reference", FEW)
def test_zero_grad_touches_gradients_only(reference, to_none):
    problem = problem_for(reference)
    parameters, optimizer = build(reference, problem)
    steps(optimizer, parameters, problem, range(4))
    before = copy.deepcopy(([p.detach() for p in parameters], optimizer.state_dict()))
    optimizer.zero_grad(set_to_none=to_none)
    assert all(p.grad is None if to_none else p.grad is None or not p.grad.any() for p in parameters)
    assert_same(([p.detach() for p in parameters], optimizer.state_dict()), before)


@pytest.mark.parametrize("reference", EVERY)
def test_finite_on_zero_tiny_and_huge_gradients(reference):
    name = reference.removeprefix("xgrad+").partition(":")[0]
    for size in (0.0, 1e-30, 1e15):
        p = torch.nn.Parameter(torch.ones(4))
        optimizer = create(reference, [p], lr=1e-20 if name in ("sgd", "sgdm", "lars") else 1e-3)
        for _ in range(6):
            p.grad = torch.full((4,), size)
            optimizer.step()
        known_nan = size == 0.0 and name == "adamomentum"  # eps 1e-16 accumulates: never 0/0 in fp32
        assert known_nan or torch.isfinite(p).all(), size


# --- closures, hooks, schedulers, scaler -------------------------------------------------------------------


@pytest.mark.parametrize("reference", EVERY)
def test_a_closure_runs_once_with_gradients_enabled_and_returns_its_loss(reference):
    p = torch.nn.Parameter(torch.ones(3))
    twin = torch.nn.Parameter(torch.ones(3))
    optimizer, other = create(reference, [p], lr=0.01), create(reference, [twin], lr=0.01)
    calls = []

    def closure():
        assert torch.is_grad_enabled()
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        calls.append(loss)
        return loss

    for _ in range(3):
        with torch.no_grad():
            loss = optimizer.step(closure)
        assert loss is calls[-1]
        other.zero_grad()
        (twin**2).sum().backward()
        other.step()
    assert len(calls) == 3
    assert_same(p.detach(), twin.detach())


@pytest.mark.parametrize("reference", FEW)
def test_step_hooks_run_once_a_step(reference):
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = create(reference, [p], lr=0.01)
    seen = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", o, p.detach().clone())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", o, p.detach().clone())))
    p.grad = torch.ones(3)
    optimizer.step()
    assert [row[0] for row in seen] == ["before", "after"]
    assert all(row[1] is optimizer for row in seen)
    assert torch.equal(seen[0][2], torch.ones(3))
    assert not torch.equal(seen[1][2], torch.ones(3))


def schedulers():
    lr = torch.optim.lr_scheduler
    return {
        "LambdaLR": lambda o: lr.LambdaLR(o, lambda t: 1 / (1 + t)),
        "CosineAnnealingLR": lambda o: lr.CosineAnnealingLR(o, T_max=8),
        "OneCycleLR": lambda o: lr.OneCycleLR(o, max_lr=0.05, total_steps=12, cycle_momentum=True),
        "ReduceLROnPlateau": lambda o: lr.ReduceLROnPlateau(o, patience=1, factor=0.5),
        "LinearLR from 0": lambda o: lr.LinearLR(o, start_factor=1e-3, total_iters=5),
    }


def scheduled():
    """OneCycleLR needs a momentum to cycle."""
    for name in (n for n in names() if "torch" in info(n).implementations):
        keys = {h.name for h in info(name).hyperparameters}
        for scheduler in schedulers():
            if scheduler != "OneCycleLR" or keys & {"momentum", "betas"}:
                yield name, scheduler


@pytest.mark.parametrize(("name", "scheduler"), list(scheduled()))
def test_torchs_schedulers_drive_it_as_they_drive_torchs_class(name, scheduler):
    cls, keywords = TORCH[name]
    extra = {"momentum": 0.9} if name in ("sgd", "rmsprop") else {}
    for impl in info(name).implementations:
        problem = Problem(empty=False, gaps=False)
        mine, theirs = problem.parameters(), problem.parameters()
        pairs = [
            (mine, create(name, mine, impl=impl, lr=0.01, **extra)),
            (theirs, cls(theirs, lr=0.01, **{**keywords, **extra})),
        ]
        for parameters, optimizer in pairs:
            driver = schedulers()[scheduler](optimizer)
            for step in range(10):
                problem.give(parameters, step, plain=True)
                optimizer.step()
                driver.step(*([1.0] if scheduler == "ReduceLROnPlateau" else []))
        for a, b in zip(mine, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-8 if name == "nadam" else 1e-12)


@pytest.mark.parametrize("reference", EVERY)
def test_gradscaler_skips_a_bad_step_and_scales_good_ones(reference):
    problem = problem_for(reference, empty=False, missing=False)
    plain, scaled = build(reference, problem), build(reference, problem)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1000)

    def scaled_step(step, bad=False):
        parameters, optimizer = scaled
        problem.give(parameters, step, plain=True)
        for p in parameters:
            p.grad *= scaler.get_scale()
        if bad:
            parameters[0].grad[1, 1] = float("inf")
        scaler.scale(torch.zeros(()))  # the scaler wants to have been used
        scaler.step(optimizer)
        scaler.update()

    scaler.scale(torch.ones(()))
    for step in range(4):
        scaled_step(step)
    steps(plain[1], plain[0], problem, range(4))
    before = copy.deepcopy(([p.detach() for p in scaled[0]], scaled[1].state_dict()))
    scaled_step(4, bad=True)
    assert scaler.get_scale() == 512.0
    assert_same(([p.detach() for p in scaled[0]], scaled[1].state_dict()), before)
    scaled_step(5)
    steps(plain[1], plain[0], problem, [5])
    assert_same([p.detach() for p in scaled[0]], [p.detach() for p in plain[0]])


@pytest.mark.parametrize("name", [n for n in names() if info(n).rule])
def test_maximize_ascends(name):
    problem = problem_for(name, dtype=torch.float64)
    cls = getattr(optimizers, info(name).declaration.__name__)
    mine, others = problem.parameters(), problem.parameters()
    up, down = cls(mine, lr=0.01, impl="eager", maximize=True), cls(others, lr=0.01, impl="eager")
    for step in range(4):
        problem.give(mine, step)
        problem.give(others, step)
        for p in others:
            p.grad = None if p.grad is None else -p.grad
        up.step()
        down.step()
    assert_same(mine, others)


# --- errors ------------------------------------------------------------------------------------------------


def one_line(caught):
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.message
    assert caught.value.hint
    return text


TAKE_SPARSE = ("sgdm:impl=torch", "xgrad+sgdm:impl=torch")  # torch.optim.SGD itself can


@pytest.mark.parametrize("reference", TAKE_SPARSE)
def test_torchs_sgd_steps_by_sparse_gradients(reference):
    p = torch.nn.Parameter(torch.ones(4, 2))
    optimizer = create(reference, [p], lr=0.1)
    p.grad = torch.sparse_coo_tensor([[1]], [[1.0, 2.0]], (4, 2), check_invariants=True)
    optimizer.step()
    if hasattr(optimizer, "eval"):
        optimizer.eval()
    assert torch.allclose(p.detach(), torch.tensor([[1.0, 1.0], [0.9, 0.8], [1.0, 1.0], [1.0, 1.0]]))


@pytest.mark.parametrize("reference", [name for name in EVERY if name not in TAKE_SPARSE])
def test_sparse_gradients_are_refused(reference):
    p = torch.nn.Parameter(torch.ones(4, 2))
    optimizer = create(reference, [p])
    p.grad = torch.sparse_coo_tensor([[1]], [[1.0, 2.0]], (4, 2), check_invariants=True)
    # torch's own classes say so themselves.
    expected = RuntimeError if reference.endswith("torch") else OptbenchError
    with pytest.raises(expected, match="sparse") as caught:
        optimizer.step()
    assert "\n" not in str(caught.value)
    assert torch.equal(p.detach(), torch.ones(4, 2))


@pytest.mark.parametrize("reference", OURS)
def test_a_refused_step_leaves_everything_as_it_was(reference):
    p, q = torch.nn.Parameter(torch.ones(4)), torch.nn.Parameter(torch.ones(4, 2))
    twin = torch.nn.Parameter(torch.ones(4))
    optimizer, other = create(reference, [p, q], lr=0.01), create(reference, [twin], lr=0.01)
    for gradient in (torch.ones(4), torch.full((4,), -2.0), torch.ones(4)):
        p.grad, twin.grad = gradient, gradient.clone()
        q.grad = torch.sparse_coo_tensor([[1]], [[1.0, 2.0]], (4, 2), check_invariants=True)
        with pytest.raises(OptbenchError, match="sparse"):
            optimizer.step()
        q.grad = None
        optimizer.step()
        other.step()
    assert_same(p.detach(), twin.detach())


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64])
@pytest.mark.parametrize("reference", EVERY)
def test_complex_and_integer_parameters_are_refused(reference, dtype):
    p = torch.nn.Parameter(torch.ones(4, dtype=dtype), requires_grad=dtype.is_complex)
    with pytest.raises(OptbenchError, match=str(dtype).removeprefix("torch.").rstrip("0123456789")) as caught:
        create(reference, [p])
    one_line(caught)


@pytest.mark.parametrize("reference", EVERY)
def test_invalid_hyperparameters_are_refused_with_the_value(reference):
    p = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(OptbenchError, match="-1") as caught:
        create(reference, [p], lr=-1.0)
    one_line(caught)
    with pytest.raises(OptbenchError, match="nan"):
        create(reference, [p], lr=float("nan"))
    keys = {h.name for h in info(reference.removeprefix("xgrad+").partition(":")[0]).hyperparameters}
    if "betas" in keys:
        with pytest.raises(OptbenchError, match=r"1\.5") as caught:
            create(f"{reference}:betas=0.9/1.5", [p])
        one_line(caught)
    with pytest.raises(OptbenchError, match="'lr'") as caught:
        create(reference, [p], lrr=0.1)
    one_line(caught)


@pytest.mark.parametrize("reference", OURS)
def test_values_of_a_group_are_held_to_the_same_bounds(reference):
    p, q = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    with pytest.raises(OptbenchError, match="-2"):
        create(reference, [{"params": [p], "lr": -2.0}])
    optimizer = create(reference, [p])
    with pytest.raises(OptbenchError, match="-2"):
        optimizer.add_param_group({"params": [q], "lr": -2.0})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("reference", references())
def test_no_parameters_is_an_error_as_in_torch(reference):
    with pytest.raises(ValueError, match="empty parameter list"):
        create(reference, [])


# --- importable classes ------------------------------------------------------------------------------------


def class_names():
    """Entries without a rule are torch's own classes."""
    return sorted({info(n).declaration.__name__ for n in names() if info(n).rule})


@pytest.mark.parametrize("name", class_names())
def test_classes_are_importable_drop_ins(name):
    cls = getattr(optimizers, name)
    assert issubclass(cls, torch.optim.Optimizer)
    assert cls.__module__.startswith("optbench.optimizers")
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = cls([p], lr=0.01, impl="eager", **({"warm_steps": 0} if name == "Adam2k" else {}))
    p.grad = torch.ones(3)
    optimizer.step()
    assert not torch.equal(p.detach(), torch.ones(3))
    assert name in dir(optimizers)
    assert name in repr(optimizer)
    with pytest.raises(ValueError, match="lr=-1"):
        cls([p], lr=-1)


def test_an_unknown_class_is_an_attribute_error():
    with pytest.raises(AttributeError, match="AdaPluss"):
        _ = optimizers.AdaPluss


@pytest.mark.parametrize("reference", FEW)
def test_named_parameters_are_accepted(reference):
    model = torch.nn.Linear(3, 2)
    optimizer = create(reference, model.named_parameters(), lr=0.01)
    model(torch.ones(1, 3)).sum().backward()
    before = array(model.weight)
    optimizer.step()
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert (array(model.weight) != before).any()


@pytest.mark.parametrize("reference", FEW)
def test_changes_of_theta_from_outside_are_kept(reference):
    """Weights loaded into the model after the optimizer was made are what the first step starts from."""
    problem = problem_for(reference)
    parameters, optimizer = build(reference, problem)
    others, twin = build(reference, problem)
    with torch.no_grad():
        for p in parameters:
            p.add_(1.0)
    restore(others, parameters)
    steps(optimizer, parameters, problem, range(2))
    steps(twin, others, problem, range(2))
    assert_same(others, parameters)


def test_the_cpu_executor_says_once_that_eager_stands_in() -> None:
    from optbench.optimizers import _choice

    _choice.say_once.cache_clear()
    for times in (1, 0):
        p = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
        p.grad = torch.ones_like(p)
        optimizer = create("adamw:impl=cpu", [p])
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            optimizer.step()
            optimizer.step()
        assert [str(w.message) for w in told] == ["impl=cpu does not compute in torch.bfloat16: eager does"] * times
        assert executor_of(optimizer) == "eager"
