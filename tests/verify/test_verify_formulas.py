"""Checks 1 to 3 hold for sound optimizers, and each can fail."""

import dataclasses

import pytest
import torch
from subjects import QUICK, failed, rebuilt, subject, with_rule

from optbench.optimizers import info, names
from optbench.verify import _sampling, executors, identities, oracle_check
from optbench.verify._subject import Effort, of_entry

RULES = [name for name in names() if info(name).rule]


# --- oracle ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adaplus", "xgrad+novograd", "adafactor"])
def test_the_oracle_check_holds_for_every_implementation(name):
    found = list(oracle_check.check(subject(name, *[i for i in subject(name).implementations if i != "cpu"]), QUICK))
    assert not failed(found)
    assert all(f.worst <= f.bound for f in found)
    assert len({f.case for f in found}) == len(found)


@pytest.mark.parametrize("name", names())
def test_every_hyperparameter_is_varied_and_every_word_of_it_tried(name):
    declaration = info(name).declaration
    tried = _sampling.variants(declaration)
    for key, h in declaration.hyperparameters.items():
        values = {str(options.get(key, h.default)) for options in tried}
        assert len(values) > 1 or key in ("lr", "weight_decay", "warm_steps"), key
        assert {str(word) for word in _sampling.words(h)} <= values, key
    for options in (*tried, *_sampling.combinations(declaration), *_sampling.samples(declaration, 8, 0)):
        declaration.check({**declaration.defaults(), **declaration.validate(options)})


def wrong_coefficients(name: str, **changes: object):
    """The rule with some coefficients replaced by a function of them."""
    rule = info(name).rule

    def coefficients_at(cls, t, options):
        k = rule.coefficients_at(t, options)
        return {**k, **{key: change(k, t) for key, change in changes.items()}}

    return with_rule(name, coefficients_at=classmethod(coefficients_at))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("adaplus", {"k1": lambda k, t: 1.0}),
        ("adamw", {"keep": lambda k, t: 1.0}),
        ("radam", {"tractable": lambda k, t: float(t > 5)}),
        ("lars", {"eta": lambda k, t: k["eta"] * (1 + 1e-9)}),
    ],
)
def test_a_wrong_formula_fails_the_oracle_check_and_names_step_and_quantity(name, changes):
    found = failed(oracle_check.check(wrong_coefficients(name, **changes), QUICK))
    assert found
    assert "theta differs by" in found[0].message
    assert "after step" in found[0].message


def test_a_prediction_that_reaches_too_far_fails_in_phi():
    from optbench.optimizers import XGrad

    def wrapper(base, s=1.0, **options):
        return XGrad(base, s=s * (1 + 1e-6), **options)

    one = dataclasses.replace(of_entry(info("adamw"), wrapper), xgrad={}, implementations=("eager",))
    finding = next(f for f in oracle_check.check(one, QUICK) if not f.passed)
    assert finding.message.startswith("phi differs by")


def test_a_prediction_that_is_not_aimed_again_fails():
    def stay(optimizer):
        usual = optimizer.train
        optimizer.train = lambda: None if optimizer.training else usual()

    finding = next(f for f in oracle_check.check(rebuilt(subject("xgrad+adamw", "eager"), stay), QUICK) if not f.passed)
    assert "aimed again" in finding.message


def test_a_class_without_an_oracle_is_said_not_to_be_run():
    (finding,) = oracle_check.check(subject("adamw", oracle=None), QUICK)
    assert not finding.ran
    assert "--as" in finding.message


def test_another_seed_tries_other_cases_and_the_same_seed_the_same():
    one = subject("adamw", "eager")
    cases = {seed: [f.worst for f in oracle_check.check(one, Effort.small(seed))] for seed in (0, 1)}
    assert cases[0] != cases[1]
    assert cases[0] == [f.worst for f in oracle_check.check(one, QUICK)]


# --- executors ---------------------------------------------------------------------------------------------


def test_executors_agree():
    found = [f for f in executors.check(subject("adamw"), QUICK) if f.ran]
    assert not failed(found)
    assert {"cpu, float64", "cpu, float32", "eager, bfloat16", "torch, float32"} <= {
        ", ".join(f.case.split(", ")[:2]) for f in found
    }


@pytest.mark.parametrize(("impl", "factor"), [("cpu", 1 + 1e-9), ("torch", 1.001)])
def test_an_executor_that_differs_is_named(impl, factor):
    sound = subject("adamw")

    def build(params, **options):
        if options["impl"] == impl:
            options["eps"] = 1e-3 * factor
        return sound.build(params, **{"eps": 1e-3, **options})

    found = failed(executors.check(dataclasses.replace(sound, build=build), QUICK))
    assert found
    assert {f.case.split(", ")[0] for f in found} == {impl}
    assert "step" in found[0].message


def test_an_executor_that_leaves_the_work_to_another_is_named():
    sound = subject("adamw")

    def build(params, **options):
        return sound.build(params, **{**options, "impl": "eager" if options["impl"] == "cpu" else options["impl"]})

    found = failed(executors.check(dataclasses.replace(sound, build=build), QUICK))
    assert {f.message for f in found} == {"eager ran in its place"}


def test_the_cuda_executor_is_checked_or_said_not_to_be():
    from optbench.optimizers._executors import _cuda_support

    found = [f for f in executors.check(subject("sgd"), QUICK) if f.case.startswith("cuda")]
    if _cuda_support.missing():
        assert [f.ran for f in found] == [False]
    else:
        assert len(found) == 3
        assert not failed(found)


# --- identities --------------------------------------------------------------------------------------------


def concerned(identity):
    """One optimizer that the identity is about."""
    prefix = "xgrad+" if identity.wrapped else ""
    return subject(prefix + (identity.names[0] if identity.names else "adamw"))


ALL = identities.identities()


@pytest.mark.parametrize("identity", ALL, ids=lambda i: f"{i.run.__name__}")
def test_every_identity_holds_and_can_fail(identity):
    one = concerned(identity)
    one = dataclasses.replace(one, implementations=one.implementations[:1])
    assert identity.concerns(one)

    def outcome(which):
        worst, bound, _ = identity.run(identities.Bench(which, which.implementations[0], QUICK))
        return worst <= bound

    assert outcome(one)
    assert not outcome(rebuilt(one, disturb_prediction if identity.wrapped else disturb))


def disturb_prediction(optimizer):
    """Leave the base alone, with which a prediction is compared."""
    if hasattr(optimizer, "train"):
        disturb(optimizer)


def disturb(optimizer):
    """After each step move the weights and the state a little; under XGrad at each switch too."""

    @torch.no_grad()
    def nudge(*_):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.add_(p.abs().sqrt() + (0 if p.grad is None else p.grad), alpha=1e-3)
                for value in optimizer.state.get(p, {}).values():
                    if torch.is_tensor(value) and value.shape == p.shape:
                        value.mul_(1.001)

    if not hasattr(optimizer, "train"):
        optimizer.register_step_post_hook(nudge)
        return
    for name in ("train", "step"):
        usual = getattr(optimizer, name)
        setattr(optimizer, name, lambda *args, usual=usual: (usual(*args), nudge())[0])


def test_identities_cover_every_optimizer_with_a_rule():
    without = [name for name in RULES if not any(i.concerns(subject(name)) for i in ALL)]
    assert not without
    assert all(i.source and i.title for i in ALL)


def test_options_of_a_reference_do_not_disturb_the_identities():
    one = dataclasses.replace(of_entry(info("adamw")), fixed={"betas": (0.5, 0.6)}, implementations=("eager",))
    assert not failed(identities.check(one, QUICK))
