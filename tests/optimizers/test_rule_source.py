"""How rules are written: scalar arithmetic only in `coefficients`, no torch, one short file each."""

import ast
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from optimizer_cases import ENVIRONMENT

from optbench.optimizers import info, names
from optbench.optimizers._rule import Rule, inspect_parameters

RULES = [name for name in names() if info(name).rule]


def options_of(rule):
    """The defaults, with what a group captures of them at construction."""
    defaults = rule.defaults()
    return {**defaults, **{kept: defaults[key] for kept, key in getattr(rule, "captured", {}).items()}}


FUNCTIONS = ("direction", "recover", "reduce", "layer", "apply")
PER_ELEMENT = ("direction", "recover", "reduce", "apply")  # `layer` runs once a tensor, in float64


def function_of(rule, name):
    """The function's syntax tree, or None where the rule has none."""
    function = getattr(rule, name, None)
    if function is None:
        return None, ()
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree, inspect_parameters(function)


def tensors_of(rule, parameters):
    """Parameters with a value per element or per tensor; the others are coefficients and switches."""
    return {"theta", "g", "d", *rule.slots, *rule.layer_values} & set(parameters)


class ScalarArithmetic(ast.NodeVisitor):
    """Collects the operations whose operands are all scalar, following assignments from top to bottom."""

    def __init__(self, tensors):
        self.tensors, self.faults = set(tensors), []

    def is_scalar(self, node):
        return not any(isinstance(n, ast.Name) and n.id in self.tensors for n in ast.walk(node))

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if self.is_scalar(node.left) and self.is_scalar(node.right):
            self.faults.append(ast.unparse(node))
        for side in (node.left, node.right):
            if isinstance(side, ast.Constant):
                self.faults.append(ast.unparse(node))

    def visit_Call(self, node):
        self.generic_visit(node)
        if node.args and all(self.is_scalar(a) for a in node.args):
            self.faults.append(ast.unparse(node))

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    if self.is_scalar(node.value):
                        self.tensors.discard(name.id)
                    else:
                        self.tensors.add(name.id)

    def visit_While(self, node):
        self.faults.append(ast.unparse(node))

    visit_For = visit_While


def faults(source_tree, tensors):
    visitor = ScalarArithmetic(tensors)
    for statement in source_tree.body:
        visitor.visit(statement)
    return visitor.faults


@pytest.mark.parametrize("function", PER_ELEMENT)
@pytest.mark.parametrize("name", RULES)
def test_no_arithmetic_between_scalars(name, function):
    tree, parameters = function_of(info(name).rule, function)
    if tree is None:
        return
    found = faults(tree, tensors_of(info(name).rule, parameters))
    assert not found, f"{name}.{function} computes {found} in the parameters' own precision: use coefficients"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("m = beta1 * m + (1 - beta1) * g", "1 - beta1"),
        ("m = m / (c1 * c2)", "c1 * c2"),
        ("m = m * sqrt(c2)", "sqrt(c2)"),
        ("k = a1\n    m = k * a1", "k * a1"),
        ("m = m * 2.0", "m * 2.0"),
        ("m = m + a1 * (g - m)", None),
        ("h = sqrt(m)\n    m = a1 * h", None),
    ],
)
def test_the_check_itself_finds_scalar_arithmetic(line, fault):
    tree = ast.parse(f"def direction(theta, g, m, a1, beta1, c1, c2):\n    {line}\n    return m, m").body[0]
    found = faults(tree, {"theta", "g", "m"})
    assert (fault in found) if fault else not found


@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_takes_is_what_it_declares(name):
    rule = info(name).rule
    known = set(rule.coefficients_at(3, options_of(rule))) | set(rule.slots) | set(rule.layer_values)
    known |= {"theta", "g", "d"} | {k for k, v in rule.defaults().items() if isinstance(v, bool)}
    for function in FUNCTIONS:
        tree, parameters = function_of(rule, function)
        if tree is None:
            continue
        for parameter in parameters:
            sums = function == "layer" and parameter[0] == "n" and parameter[1:].isdigit()
            flag = isinstance(getattr(rule, parameter, None), bool)
            assert parameter in known or sums or flag, f"{name}.{function} takes {parameter}"


@pytest.mark.parametrize("name", RULES)
def test_coefficients_hold_keep_and_scale_and_are_finite_floats(name):
    rule = info(name).rule
    for t in (1, 2, 6, 1000, 10**7):
        for value in rule.coefficients_at(t, options_of(rule)).values():
            assert isinstance(value, (int, float))
            assert value == value
            assert abs(value) != float("inf")
        assert {"keep", "scale"} <= set(rule.coefficients_at(t, options_of(rule)))


@pytest.mark.parametrize("name", names())
def test_a_rule_is_one_short_file_with_its_paper(name):
    entry = info(name)
    path = Path(inspect.getsourcefile(entry.declaration))
    assert len(path.read_text().splitlines()) < 80, path
    assert path.stem == name.replace("-", "_")
    assert entry.paper.startswith(("arXiv:", "doi:", "http"))
    assert entry.url.startswith("http")
    assert entry.title
    assert "theta" in entry.doc
    for h in entry.hyperparameters:
        assert h.doc
        assert h.kind


def test_a_rule_without_a_direction_is_not_a_rule():
    assert all(issubclass(info(name).rule, Rule) for name in RULES)
    assert {"adaplus", "radam", "novograd", "adamw", "sgdm"} <= set(RULES)


def test_the_registry_and_every_rule_are_free_of_torch():
    code = (
        "import sys; from optbench import optimizers as o\n"
        "for n in o.names(): e = o.info(n); e.doc, e.implementations, e.state_bytes(), e.traffic_bytes()\n"
        "o.parse('xgrad+adaplus:lr=0.1').resolve({})\n"
        "assert not {'torch', 'numba', 'scipy'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
