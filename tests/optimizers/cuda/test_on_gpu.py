"""On a GPU: the numerics of executor_numerics.py, CUDA graphs, no waiting, no compiling again."""

import pytest
import torch

pytest.importorskip("triton", reason="the cuda executor needs Triton")
if not torch.cuda.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)

from cuda_cases import FEW, GAPS, Problem, assert_close, assert_same, rules, set_lr
from executor_numerics import *  # noqa: F403

from optbench.errors import OptbenchError
from optbench.optimizers import create, executor_of


def parameters():
    """Parameters without gaps, all with a gradient whose memory stays."""
    problem = Problem(torch.float32, whole=True)
    made = [p for i, p in enumerate(problem.parameters()) if i != GAPS]
    given = [[g.cuda() for i, g in enumerate(step) if i != GAPS] for step in problem.gradients]
    for p in made:
        p.grad = torch.zeros_like(p)
    return made, given


def give(made, gradients):
    for p, g in zip(made, gradients, strict=True):
        p.grad.copy_(g)


@pytest.mark.parametrize("name", rules())
def test_the_cuda_executor_runs_every_rule(name):
    made, given = parameters()
    optimizer = create(name, made, impl="cuda")
    give(made, given[0])
    optimizer.step()
    assert executor_of(optimizer) == "cuda"


@pytest.mark.parametrize("reference", [*rules(), "xgrad+adamw", "xgrad+novograd"])
def test_a_captured_graph_replays_the_steps(reference):
    """t goes on, and the learning rate is read from its tensor, at every replay."""
    lr, plain_lr = torch.tensor(0.02, device="cuda"), 0.02
    made, given = parameters()
    others, _ = parameters()
    optimizer, plain = (
        create(reference, made, capturable=True, lr=lr),
        create(reference, others, lr=plain_lr, impl="cuda"),
    )
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        give(made, given[0])
        optimizer.step()
    torch.cuda.current_stream().wait_stream(side)
    give(others, given[0])
    plain.step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        optimizer.step()
    for step in (1, 2, 3):
        give(made, given[step])
        give(others, given[step])
        set_lr(optimizer, 0.02 / step)
        set_lr(plain, 0.02 / step)
        graph.replay()
        plain.step()
    assert_close(made, others, torch.float32)
    assert {int(state["step"]) for state in optimizer.state.values()} == {4}


def test_gradients_made_within_the_graph():
    """zero_grad, forward, backward and step in one graph, as PyTorch's notes on CUDA graphs have it."""

    def run(captured):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(40, 50), torch.nn.Tanh(), torch.nn.Linear(50, 3)).cuda()
        optimizer = create("adamw:impl=cuda", model.parameters(), lr=0.01, capturable=captured)
        inputs = torch.linspace(-1, 1, 400, device="cuda").reshape(10, 40)

        def iteration():
            optimizer.zero_grad(set_to_none=True)
            model(inputs).square().sum().backward()
            optimizer.step()

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                iteration()
        torch.cuda.current_stream().wait_stream(side)
        if captured:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                iteration()
        for _ in range(5):
            graph.replay() if captured else iteration()
        torch.cuda.synchronize()
        return [p.detach() for p in model.parameters()]

    assert_close(run(True), run(False), torch.float32, steps=8)


@pytest.mark.filterwarnings("ignore:The CUDA Graph is empty")
def test_capture_without_capturable_and_without_state():
    made, _ = parameters()
    for optimizer, match in (
        (create("adamw:impl=cuda", made), "capturable=True"),
        (create("adamw", made, capturable=True), "before capturing"),
    ):
        graph = torch.cuda.CUDAGraph()
        with pytest.raises(OptbenchError, match=match), torch.cuda.graph(graph):
            optimizer.step()


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("reference", [*FEW, *(f"xgrad+{n}" for n in FEW)])
def test_a_step_never_waits_for_the_device(reference):
    for capturable in (False, True):
        made, given = parameters()
        optimizer = create(reference, made, capturable=capturable, impl="cuda")
        give(made, given[0])
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(3):
                optimizer.zero_grad()
                for p, g in zip(made, given[0], strict=True):
                    p.grad = g.clone()
                optimizer.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("reference", ["adamw", "novograd", "xgrad+radam"])
def test_nothing_is_compiled_again_under_a_schedule(reference):
    import triton

    made, given = parameters()
    compiled = []
    optimizer = create(reference, made, impl="cuda")
    triton.knobs.runtime.jit_post_compile_hook = lambda **details: compiled.append(details)
    try:
        for step in range(50):
            set_lr(optimizer, 0.02 / (step + 1) if step % 10 else 1.0)
            give(made, given[step % len(given)])
            optimizer.step()
            if step == 1:
                compiled.clear()
    finally:
        triton.knobs.runtime.jit_post_compile_hook = None
    assert not compiled


def test_two_streams_do_not_share_tables():
    made, given = parameters()
    others, _ = parameters()
    optimizer, plain = create("adamw:impl=cuda", made), create("adamw:impl=cuda", others)
    for step, gradients in enumerate(given):
        give(made, gradients)
        give(others, gradients)
        plain.step()
        stream = torch.cuda.Stream() if step % 2 else torch.cuda.current_stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            optimizer.step()
        torch.cuda.current_stream().wait_stream(stream)
    assert_same(made, others)
