"""Checks 4 to 6 hold for sound optimizers, and each behaviour has a saboteur that it catches."""

import dataclasses

import pytest
import torch
from saboteurs import SABOTEURS
from subjects import QUICK, Faulty, Ours, Sound, failed, of_class, subject, with_rule

from optbench.optimizers import create, parse
from optbench.verify import contract, state, training
from optbench.verify._subject import Subject
from optbench.verify.runner import subject_of


def third_party(cls: type) -> Subject:
    return Subject(f"{cls.__module__}.{cls.__name__}", None, lambda params, **_: cls(params), None, ())


# --- contract ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adaplus", "sgd", "xgrad+radam"])
def test_the_contract_holds(name):
    found = list(contract.check(subject(name, *[i for i in subject(name).implementations if i != "cpu"]), QUICK))
    assert not failed(found)
    assert len(found) > 20


def test_the_contract_holds_for_a_careful_third_party():
    found = list(contract.check(third_party(Sound), QUICK))
    assert not failed(found)
    assert len(found) == len(
        [b for b in contract.behaviours() if not (b.promised or b.of_rules or b.in_torch or b.wrapped)]
    )


def test_every_behaviour_has_its_saboteur():
    assert {b.run.__name__ for b in contract.behaviours()} == set(SABOTEURS)


@pytest.mark.parametrize("name", SABOTEURS)
def test_every_behaviour_can_be_broken(name):
    (behaviour,) = (b for b in contract.behaviours() if b.run.__name__ == name)
    sound, broken = of_class(Ours), of_class(SABOTEURS[name])
    if behaviour.wrapped:
        sound = subject("xgrad+adamw", "eager")
    for one, passes in ((sound, True), (broken, False)):
        finding = contract._held(behaviour, contract.Case(one, "eager", QUICK))
        assert finding.passed is passes, finding
        assert finding.ran


# --- training ----------------------------------------------------------------------------------------------


def test_it_trains_on_digits_too():
    found = list(training.check(subject("adaplus", "eager"), dataclasses.replace(QUICK, quick=False)))
    assert [f.case.split(",")[0] for f in found] == ["quadratic", "Rosenbrock", "digits"]
    assert not failed(found)


class Ascends(Sound):
    def update(self, p, g, state, group):
        super().update(p, -g, state, group)


class StandsStill(Sound):
    def update(self, p, g, state, group):
        state["step"] = torch.zeros(())


@pytest.mark.parametrize("cls", [Ascends, StandsStill])
def test_an_optimizer_that_does_not_descend_fails_each_problem(cls, monkeypatch):
    monkeypatch.setattr(training, "FACTORS", (1.0, 10.0))
    monkeypatch.setattr(training, "EPOCHS", 1)
    found = list(training.check(third_party(cls), dataclasses.replace(QUICK, quick=False)))
    assert [f.passed for f in found] == [False] * 3
    assert "reaches" in found[0].message
    assert "recognises" in found[2].message


# --- state bytes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adamw", "novograd", "adafactor", "xgrad+sgdm", "xgrad+torch.optim.AdamW"])
def test_state_bytes_are_as_predicted(name):
    one = subject_of(parse(name)) if "." in name else subject(name)
    found = list(state.check(dataclasses.replace(one, implementations=one.implementations[:1]), QUICK))
    assert found
    assert not failed(found)


def test_a_slot_that_nobody_declared_fails():
    class Hoards(Ours):
        def step(self, *args):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["mean"] = torch.zeros_like(p)
            return super().step(*args)

    found = failed(state.check(of_class(Hoards), QUICK))
    assert found
    assert "12 bytes a parameter are there" in found[0].message


def test_a_wrong_declaration_fails():
    wrong = with_rule("adamw", state_bytes=classmethod(lambda cls, options: 4))
    assert failed(state.check(wrong, QUICK))


def test_growth_of_a_third_party_is_refused():
    (finding,) = failed(state.check(third_party(Faulty), QUICK))
    assert "grew" in finding.message
    (finding,) = state.check(third_party(Sound), QUICK)
    assert finding.passed
    assert finding.case.startswith("8")


def test_a_subject_of_a_reference_keeps_its_options():
    one = subject_of(parse("xgrad+adamw:lr=0.5:s=2:impl=eager"))
    optimizer = one.optimizer([torch.nn.Parameter(torch.ones(2))], lr=0.1)
    assert one.implementations == ("eager",)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["s"]) == (0.5, 2)
    assert one.title == "xgrad+adamw:lr=0.5:s=2"
    assert type(optimizer) is type(create("xgrad+adamw", [torch.nn.Parameter(torch.ones(2))]))
