"""`optbench verify --mutants`: the proof that the verifier can fail."""

import ast
import json
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from optbench.errors import OptbenchError
from optbench.optimizers import create, info, names
from optbench.verify import checks, mutants
from optbench.verify._subject import Finding
from optbench.verify.mutants import _runner
from optbench.verify.mutants._build import faulty_entry, planted
from optbench.verify.mutants._equivalent import JUSTIFIED
from optbench.verify.mutants._generated import all_generated, generated
from optbench.verify.mutants._mutant import Mutant, Twin, file_of
from optbench.verify.mutants._plant import Fault

BY_HAND = _runner.planted_by_hand()
GENERATED = all_generated()


def mutant(optimizer, module, function, source, name="a mutant"):
    return Mutant(name, optimizer, name, (Twin(module, function, source),), 1, "generated")


# --- the faults ------------------------------------------------------------------------------------------------------


def test_every_optimizer_with_a_rule_and_the_engine_have_faults_planted_by_hand():
    assert len(BY_HAND) >= 40
    with_rules = {name for name in names() if info(name).rule}
    assert {m.optimizer for m in BY_HAND} == with_rules
    assert sum(m.reference.startswith("xgrad+") for m in BY_HAND) >= 10
    assert max(Counter(m.name for m in BY_HAND).values()) == 1


def test_enough_are_generated_in_a_fixed_order_and_none_twice():
    assert len(GENERATED) >= 300
    assert len({m.name for m in GENERATED}) == len(GENERATED)
    assert len({(m.reference, m.twins) for m in GENERATED}) == len(GENERATED)
    assert [m for m in GENERATED if m.reference == "lion"] == generated("lion")


def test_a_generated_mutant_tells_file_line_and_change():
    first = next(m for m in generated("lion") if "beta1 -> beta2" in m.description)
    assert first.place.startswith("optbench/optimizers/lion.py:")
    assert "beta1" in Path(file_of("lion")).read_text().splitlines()[first.line - 1]


@pytest.mark.parametrize("optimizer", ["adam", "novograd", "lamb"])
def test_every_function_of_a_rule_is_mutated(optimizer):
    functions = {m.twins[0].function.rpartition(".")[2] for m in generated(optimizer)}
    expected = {"adam": "adapted", "novograd": "recover", "lamb": "reduce"}[optimizer]
    assert {"coefficients", "direction"} <= functions
    assert expected in functions or optimizer == "novograd"  # NovoGrad's recover returns a name that has no twin


def test_generated_sources_parse_and_differ_from_the_rule():
    for one in generated("radam"):
        (function,) = ast.parse(one.twins[0].source).body
        assert isinstance(function, ast.FunctionDef)


def test_a_fault_whose_text_is_gone_is_our_mistake():
    with pytest.raises(AssertionError, match="stands 0 times"):
        Fault("lion", "nothing", ("direction", "no such text", "")).mutant()


def test_justified_equivalents_name_mutants_that_exist():
    known = {(m.reference, m.description) for m in GENERATED}
    assert set(JUSTIFIED) <= known


# --- building them ---------------------------------------------------------------------------------------------------


def test_a_mutant_stands_beside_the_real_rule():
    source = "def direction(g, m, b1, a1, b2, a2):\n    return g, m"
    faulty = faulty_entry(mutant("lion", "lion", "Lion.direction", source))
    assert faulty.rule is not info("lion").rule
    assert faulty.rule.direction(3.0, 4.0, 0, 0, 0, 0) == (3.0, 4.0)
    assert info("lion").rule.direction(3.0, 4.0, 0.9, 0.1, 0.9, 0.1)[0] == 1.0


def test_a_fault_in_a_parents_function_reaches_the_child_alone():
    fault = next(m for m in BY_HAND if m.name == "adamw: v takes |g| instead of its square")
    assert fault.place.startswith("optbench/optimizers/adam.py:")
    faulty = faulty_entry(fault).rule
    assert faulty.direction is not info("adamw").rule.direction
    assert faulty.coefficients is info("adamw").rule.coefficients
    assert issubclass(faulty, info("adamw").rule)


@pytest.mark.parametrize("fault", [m for m in BY_HAND if m.of_engine], ids=lambda m: m.name)
def test_a_fault_of_the_engine_is_taken_back(fault):
    def of_optimizers():
        modules = {n: m for n, m in sys.modules.items() if n.startswith("optbench.optimizers.")}
        found = {}
        for name, module in modules.items():
            for key, value in vars(module).items():
                found[name, key] = value
                if isinstance(value, type) and value.__module__.startswith("optbench.optimizers"):
                    found |= {(name, key, k): v for k, v in vars(value).items() if callable(v)}
        return found

    before = of_optimizers()
    with planted(fault):
        during = of_optimizers()
    after = of_optimizers()
    assert any(during[k] is not before[k] for k in before)
    assert all(after[k] is before[k] for k in before)


def test_optimizers_made_before_during_and_after_a_planted_step_fault_are_right():
    fault = next(m for m in BY_HAND if m.name == "adamw: t counted globally")

    def late_step():
        parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
        optimizer = create("adamw:impl=eager", parameters)
        for count in (1, 2):
            for p in parameters[:count]:
                p.grad = torch.ones(2)
            optimizer.step()
        return optimizer.state[parameters[1]]["step"]

    assert late_step() == 1
    with planted(fault):
        assert late_step() == 2
    assert late_step() == 1


# --- judging them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "lion: m updated before the sign",
        "adam: eps inside the root",
        "adamw: decay coupled instead of decoupled",
        "adaplus: s updated before m",
        "radam: threshold off by one",
        "novograd: v starts from 0",
        "lamb: the ratio of the norms is inverted",
        "adamw: t counted globally",
        "xgrad+adamw: theta is not restored",
        "xgrad+adamw: decay included in the prediction",
    ],
)
def test_planted_faults_are_caught(name):
    verdict = _runner.judge(next(m for m in BY_HAND if m.name == name))
    assert verdict.outcome == "caught"
    assert "differs by" in verdict.why


def test_a_mutant_that_computes_the_same_is_equivalent():
    source = "def direction(g, m, b1, a1, b2, a2):\n    d = sign(a1 * g + m * b1)\n    return d, a2 * g + b2 * m"
    verdict = _runner.judge(mutant("lion", "lion", "Lion.direction", source))
    assert verdict.outcome == "equivalent"
    assert "the same step on" in verdict.why


def test_an_equivalent_planted_by_hand_fails_the_proof():
    from optbench.verify.mutants import MutantReport, Verdict

    fault = next(iter(BY_HAND))
    assert MutantReport((Verdict(fault, "caught", ""),)).passed
    assert not MutantReport((Verdict(fault, "equivalent", ""),)).passed
    assert MutantReport((Verdict(fault, "equivalent", ""),)).missed


def test_nineteen_of_twenty_generated_are_enough_and_no_fewer():
    from optbench.verify.mutants import MutantReport, Verdict

    found = generated("lion")[:21]
    caught = [Verdict(m, "caught", "") for m in found[:19]]
    missed = [Verdict(m, "missed", "") for m in found[19:]]
    assert MutantReport((*caught, missed[0])).passed
    assert not MutantReport((*caught, *missed)).passed


def test_a_verifier_that_sees_nothing_misses_everything(monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", {"oracle": lambda subject, effort: iter(())})
    monkeypatch.setattr(_runner, "CHECKS", checks.CHECKS)
    report = mutants.run(["lion"], every=10)
    assert not report.passed
    assert report.count("caught") == 0
    assert report.count("missed", "planted") == 3
    assert report.missed


def test_a_verification_that_fails_without_a_fault_proves_nothing(monkeypatch):
    def broken(subject, effort):
        yield Finding("oracle", "always", False, message="fails")

    monkeypatch.setattr(_runner, "CHECKS", {"oracle": broken})
    with pytest.raises(OptbenchError, match="lion fails its verification without any fault: oracle: always: fails"):
        mutants.run(["lion"])


def test_a_check_that_is_itself_at_fault_is_not_taken_for_a_catch(monkeypatch):
    def broken(subject, effort):
        raise RuntimeError("mine")
        yield

    monkeypatch.setattr(_runner, "CHECKS", {"oracle": broken})
    with pytest.raises(RuntimeError, match="mine"):
        _runner.judge(BY_HAND[0])


# --- the whole -------------------------------------------------------------------------------------------------------


def test_a_run_over_two_optimizers():
    told = []
    report = mutants.run(["lion", "adagrad"], every=5, progress=lambda *given: told.append(given))
    assert report.passed, report.lines
    assert [row["optimizer"] for row in report.rows] == ["adagrad", "lion", "all"]
    assert report.rows[-1]["planted caught"] == 5
    assert told[-1][1:] == (len(report.verdicts), len(report.verdicts))
    kept = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert kept["schema"] == "optbench.mutants/1"
    assert kept["passed"] is True
    assert {"optimizer", "place", "description", "outcome", "why"} <= kept["mutants"][0].keys()


def test_processes_side_by_side_come_to_the_same_verdicts():
    one, two = (mutants.run(["adagrad"], jobs=jobs, every=10) for jobs in (1, 2))
    assert one == two


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"names": ["lionn"]}, "did you mean 'lion'"),
        ({"names": ["adafactor"]}, "adafactor has no rule"),
        ({"jobs": 0}, "jobs 0"),
    ],
)
def test_mistakes_are_told(given, message):
    with pytest.raises(OptbenchError, match=message):
        mutants.run(**given)


@pytest.mark.slow
def test_all_planted_by_hand_and_nearly_all_generated_are_caught():
    report = mutants.run(jobs=2, every=8)
    assert report.passed, report.lines
    assert report.count("caught", "planted") == len(BY_HAND)
    assert report.count("caught", "generated") >= 300
