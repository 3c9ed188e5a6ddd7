"""Every kernel of every rule compiles for sm_90, without a GPU, with 16-byte accesses to global memory."""

import os
import re

import pytest
import torch
from cuda_cases import rules, variants

from optbench.optimizers import info
from optbench.optimizers._executors._program import Program, compute_dtype

triton = pytest.importorskip("triton", reason="the cuda executor needs Triton")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("the interpreter compiles nothing", allow_module_level=True)

from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from optbench.optimizers._executors import _triton_coefficients, _triton_kernel, _triton_text, _triton_write  # noqa: E402

HOPPER = GPUTarget("cuda", 90, 32)
TENSORS = {"table": "*i64", "chunks": "*i32", "first": "*i32", "found": "*fp32", "scale": "*fp32", "h_lr": "*fp32"}
ACCESS = re.compile(r"(ld|st)\.global(?:\.[a-uw-z]\w*)*(?:\.v(\d))?\.b(\d+)")

PLAIN = _triton_text.Kind(torch.float32)
RICH = _triton_text.Kind(torch.bfloat16, cached=True, predicts=True, clocked=True, scaled=True, skips=True)
FREE = _triton_text.Kind(torch.float32, predicts=True, recovers=True)
AIM = _triton_text.Kind(torch.float32, cached=True, predicts=True, aim=True)
PER_THREAD = {torch.float32: 2, torch.bfloat16: 1, torch.float64: 4}
"""16-byte accesses of an array a thread: 8 elements."""


def compiled(kernel):
    """The PTX of a kernel; scalars say their own type."""
    types = {p.name: p.annotation_type or TENSORS.get(p.name, "*fp64") for p in kernel.function.params}
    source = ASTSource(fn=kernel.function, signature=types, constexprs={})
    options = {"num_warps": 4, "enable_fp_fusion": False}
    return triton.compile(source, target=HOPPER, options=options).asm["ptx"]


def wide(ptx, kind):
    """How many 16-byte accesses there are."""
    return sum(k == kind and int(count or 1) * int(bits) == 128 for k, count, bits in ACCESS.findall(ptx))


def programs(name):
    """The rule under its defaults, and with every switch that changes the kernel turned."""
    rule = info(name).rule
    seen = {}
    for hyper in variants(name):
        options = {**rule.defaults(), **hyper}
        options.update({mine: options[theirs] for mine, theirs in rule.captured.items()})
        seen.setdefault(Program.of(rule, options), options)
    return seen


def expected(program, kind):
    """16-byte loads and stores of a step: theta (or swap), g and slots in, all but g and also phi out."""
    slots = len([n for n in program.element_slots if n in program.present])
    own, state = PER_THREAD[kind.dtype], slots * PER_THREAD[compute_dtype(kind.dtype)]
    return 2 * own + state, (1 + kind.cached) * own + state


@pytest.mark.parametrize("name", rules())
def test_step_in_fp32(name):
    for program, options in programs(name).items():
        ptx = compiled(_triton_kernel.element_kernel(program, PLAIN, tuple(program.rule.coefficients_at(1, options))))
        assert (wide(ptx, "ld"), wide(ptx, "st")) == expected(program, PLAIN)


@pytest.mark.parametrize("name", rules())
def test_step_in_bf16_that_predicts_and_may_be_skipped(name):
    program, options = next(iter(programs(name).items()))
    ptx = compiled(_triton_kernel.element_kernel(program, RICH, tuple(program.rule.coefficients_at(1, options))))
    assert (wide(ptx, "ld"), wide(ptx, "st")) == expected(program, RICH)


@pytest.mark.parametrize("name", rules())
def test_coefficients(name):
    program, options = next(iter(programs(name).items()))
    static, _, shapes = _triton_coefficients.split(options)
    made = _triton_coefficients.coefficient_kernel(program, static, shapes, frozenset(["h_lr"]), 6, True)
    assert "ld.global" in compiled(made[0])


@pytest.mark.parametrize("kind", [PLAIN, RICH], ids=["fp32", "bf16"])
@pytest.mark.parametrize("name", [n for n in rules() if info(n).rule.layer])
def test_sums_and_layers(name, kind):
    program, options = next(iter(programs(name).items()))
    names = tuple(program.rule.coefficients_at(1, options))
    assert compiled(_triton_kernel.layer_kernel(program, kind, names))
    if program.rule.reduce:
        assert wide(compiled(_triton_kernel.sum_kernel(program, kind, names)), "ld")


@pytest.mark.parametrize("name", ["adamw", "sgdm"])
def test_weight_prediction_without_a_cache_and_aiming_again(name):
    program, options = next(iter(programs(name).items()))
    names = tuple(program.rule.coefficients_at(1, options))
    ptx = compiled(_triton_kernel.element_kernel(program, FREE, names))
    assert (wide(ptx, "ld"), wide(ptx, "st")) == expected(program, FREE)
    assert wide(compiled(_triton_kernel.element_kernel(program, AIM, names)), "st") == PER_THREAD[torch.float32]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_odd_addresses_and_float64(dtype):
    """A tensor at an odd address is never touched 16 bytes at a time; float64 is, where it is aligned."""
    program, options = next(iter(programs("adamw").items()))
    names = tuple(program.rule.coefficients_at(1, options))
    kind = _triton_text.Kind(dtype)
    odd = compiled(_triton_kernel.element_kernel(program, kind.unaligned, names))
    assert (wide(odd, "ld"), wide(odd, "st")) == (0, 0)
    ptx = compiled(_triton_kernel.element_kernel(program, kind, names))
    assert (wide(ptx, "ld"), wide(ptx, "st")) == expected(program, kind)


def test_writing_a_table_is_compiled_once():
    """Whatever the numbers are: none of them is compiled into the kernel."""
    made = _triton_write.write_kernel()
    assert {p.name for p in made.function.params if p.do_not_specialize} == set(made.arguments[1:])
    source = ASTSource(
        fn=made.function, signature={n: "*i64" if n == "to" else "i64" for n in made.arguments}, constexprs={}
    )
    ptx = triton.compile(source, target=HOPPER, options={"num_warps": 4, "enable_fp_fusion": False}).asm["ptx"]
    assert len(re.findall(r"st\.global", ptx)) == _triton_write.NUMBERS
