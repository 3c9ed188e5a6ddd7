"""Where the cuda executor cannot run, it says so in one line, and everything else works."""

import contextlib
import subprocess
import sys

import pytest
import torch

from optbench.errors import OptbenchError
from optbench.optimizers import _choice, create, executor_of, parse
from optbench.optimizers._executors import _cuda_support, _proof


def parameter():
    return torch.nn.Parameter(torch.ones(3))


def test_without_triton(monkeypatch):
    monkeypatch.setattr(_cuda_support, "_has_triton", lambda: False)
    with pytest.raises(OptbenchError, match="needs Triton; pip install triton"):
        create("adamw:impl=cuda", [parameter()])
    with pytest.raises(OptbenchError, match="needs Triton"):
        create("adamw", [parameter()], capturable=True)


def test_without_a_device(monkeypatch):
    monkeypatch.setattr(_cuda_support, "_has_triton", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(OptbenchError, match="no CUDA device"):
        create("xgrad+novograd:impl=cuda", [parameter()])


def test_a_model_that_has_not_been_moved(monkeypatch):
    monkeypatch.setattr(_cuda_support, "_has_triton", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(OptbenchError, match="a parameter is on device 'cpu'; move the model"):
        create("adamw:impl=cuda", [parameter()])


@pytest.mark.parametrize("impl", ["cpu", "eager", "torch"])
def test_capturable_is_of_the_cuda_executor_alone(impl):
    with pytest.raises(OptbenchError, match="capturable=True"):
        create(f"adamw:impl={impl}", [parameter()], capturable=True)


def test_the_reference_is_known_everywhere():
    assert dict(parse("adamw:impl=cuda").options) == {"impl": "cuda"}
    with pytest.raises(OptbenchError, match="impl=cuda is not an implementation of adafactor"):
        parse("adafactor:impl=cuda")


def test_tensors_on_the_cpu_take_the_cpu_executor():
    p = parameter()
    optimizer = create("adamw", [p])
    assert not optimizer._step_supports_amp_scaling
    p.grad = torch.ones(3)
    optimizer.step()
    assert executor_of(optimizer) == "cpu"


def test_the_executor_is_not_imported_before_it_is_needed():
    program = (
        "import sys, torch; from optbench.optimizers import create\n"
        "p = torch.nn.Parameter(torch.ones(3)); o = create('adamw', [p]); p.grad = torch.ones(3); o.step()\n"
        "print('optbench.optimizers._executors.cuda' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_coefficients_that_cannot_be_compiled_name_the_rule():
    pytest.importorskip("triton", reason="the cuda executor needs Triton")
    from optbench.optimizers import info
    from optbench.optimizers._executors import cuda
    from optbench.optimizers._executors._program import Program

    class Counting(info("sgd").rule):
        name = "counting"

        @staticmethod
        def coefficients(t, lr):
            return {"keep": 1.0, "scale": lr, "sum": sum(range(t))}

    options = Counting.defaults()
    with pytest.raises(OptbenchError, match="counting's coefficients cannot run on the device"):
        cuda.check_device_coefficients(Program.of(Counting, options), options)


@pytest.mark.parametrize(("why", "chosen"), [("", True), ("it raises RuntimeError: no", False)])
def test_auto_takes_a_gpu_where_the_executor_proves_right(why, chosen, monkeypatch):
    """Elsewhere eager steps, and why is said once."""
    monkeypatch.setattr(_cuda_support, "missing", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(_proof, "fault", lambda device: why)
    _choice.say_once.cache_clear()
    told = contextlib.nullcontext() if chosen else pytest.warns(UserWarning, match="so eager does: it raises Runtime")
    with told:
        assert _choice._takes_cuda(torch.device("cuda", 0)) is chosen
    assert _choice._takes_cuda(torch.device("cuda", 0)) is chosen
    assert not _choice._takes_cuda(torch.device("cpu"))
