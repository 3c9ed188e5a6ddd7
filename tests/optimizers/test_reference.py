"""How optimizers are named: parsing, resolving, the canonical form, and what is said of mistakes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.errors import OptbenchError
from optbench.optimizers import info, names, parse, parse_list

UNIT = st.floats(0, 1, exclude_max=True)


def values_of(hyperparameter):
    """Values that the hyper-parameter may take, judged by its default and the words that describe it."""
    default, kind = hyperparameter.default, hyperparameter.kind
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, str):
        return st.sampled_from(kind.removeprefix("word: ").split(" or "))
    if "whole" in kind:
        return st.integers(0, 10**9)
    number = UNIT if "[0, 1)" in kind else st.floats(-1e6, -1e-6) if "<= 0" in kind else st.floats(10, 1e6)
    return st.tuples(*[number] * len(default)) if isinstance(default, tuple) else number


@st.composite
def references(draw):
    name = draw(st.sampled_from(names()))
    entry = info(name)
    xgrad = draw(st.booleans()) and not getattr(entry.declaration, "lookahead", False)
    keys = list(entry.hyperparameters) + (list(info("xgrad").hyperparameters) if xgrad else [])
    chosen = draw(st.lists(st.sampled_from(keys), unique_by=lambda h: h.name))
    given_options = {h.name: draw(values_of(h)) for h in chosen}
    if draw(st.booleans()):
        given_options["impl"] = draw(st.sampled_from(["auto", *entry.implementations]))
    return name, xgrad, given_options


def written(value):
    if isinstance(value, bool):
        return str(value).lower()
    return "/".join(map(repr, value)) if isinstance(value, tuple) else str(value)


def text_of(name, xgrad, options):
    return ("xgrad+" if xgrad else "") + name + "".join(f":{k}={written(v)}" for k, v in options.items())


@settings(max_examples=200, deadline=None, derandomize=True)
@given(references())
def test_what_was_written_is_what_is_read(case):
    name, xgrad, options = case
    text = text_of(name, xgrad, options)
    reference = parse(text)
    assert (reference.text, reference.name, reference.xgrad) == (text, name, xgrad)
    assert dict(reference.options) == options
    assert not reference.is_import_path


@settings(max_examples=200, deadline=None, derandomize=True)
@given(references())
def test_canonical_text_gives_the_reference_back(case):
    name, xgrad, options = case
    resolved = parse(text_of(name, xgrad, options)).resolve({})
    again = parse(resolved.canonical)
    assert dict(again.options) == dict(resolved.options)
    assert again.canonical == resolved.canonical
    assert again.resolve({}).canonical == resolved.canonical
    keys = {h.name for h in info(name).hyperparameters} | {"impl"}
    if xgrad:
        keys |= {h.name for h in info("xgrad").hyperparameters}
    assert set(dict(resolved.options)) == keys
    assert {k: dict(resolved.options)[k] for k in options} == options
    assert "\n" not in resolved.canonical
    assert " " not in resolved.canonical


def test_the_order_of_keys_does_not_matter_to_the_canonical_text():
    one = parse("adamw:lr=3e-4:weight_decay=0").resolve({})
    two = parse("adamw:weight_decay=0.0:lr=0.0003").resolve({})
    assert one.canonical == two.canonical
    assert one.text != two.text


def test_minus_zero_is_zero():
    assert parse("adamw:weight_decay=-0.0").resolve({}).canonical == parse("adamw:weight_decay=0").resolve({}).canonical


def test_the_users_options_win_over_the_recipes_and_those_over_the_defaults():
    resolved = dict(parse("adamw:lr=0.5").resolve({"lr": 0.1, "weight_decay": 0.25}).options)
    assert resolved["lr"] == 0.5
    assert resolved["weight_decay"] == 0.25
    assert resolved["betas"] == (0.9, 0.999)
    assert resolved["impl"] == "auto"


def test_lists_of_numbers_are_separated_by_slashes():
    assert dict(parse("novograd:betas=0.95/0.98").options) == {"betas": (0.95, 0.98)}


def test_a_comma_separates_references():
    assert [r.text for r in parse_list("adaplus, xgrad+adamw:s=2,sgdm")] == [
        "adaplus",
        "xgrad+adamw:s=2",
        "sgdm",
    ]


def test_an_import_path_keeps_its_options_as_given():
    reference = parse("my_package.my_module.MyOptimizer:lr=0.1:flavour=mint:fast=true")
    assert reference.is_import_path
    assert dict(reference.options) == {"lr": 0.1, "flavour": "mint", "fast": True}
    assert parse(reference.canonical).canonical == reference.canonical


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adaplu", "did you mean 'adaplus'"),
        ("AdamW", "adamw"),
        ("adamw:wieght_decay=0.1", "did you mean 'weight_decay'"),
        ("adamw:lr", "'lr'"),
        ("adamw:lr=", "'lr='"),
        ("adamw:=1", "'=1'"),
        ("adamw:lr=-1", "-1"),
        ("adamw:lr=nan", "nan"),
        ("adamw:lr=inf", "inf"),
        ("adamw:lr=fast", "fast"),
        ("adamw:lr=true", "lr"),
        ("adamw:lr=1/2", "1"),
        ("adamw:betas=0.9", "betas"),
        ("adamw:betas=0.9/1.5", "1.5"),
        ("adamw:betas=0.9/0.9/0.9", "betas"),
        ("adamw:lr=1:lr=2", "twice"),
        ("adamw:amsgrad=1", "amsgrad"),
        ("adaplus:eps_mode=papre", "eps_mode"),
        ("adamw:impl=cuba", "cuba"),
        ("xgrad+adamw:s=-1", "-1"),
        ("xgrad+adamw:reading=C", "reading"),
        ("xgrad+adamw:sss=1", "'sss'"),
        ("adamw:s=1", "'s'"),
        ("xgrad", "xgrad"),
        ("xgrad+", "xgrad+"),
        ("+adamw", "+adamw"),
        ("xgrad+xgrad+adamw", "twice"),
        ("ygrad+adamw", "ygrad"),
        ("", "''"),
        (" ", "' '"),
        (":", "':'"),
        ("adamw lr=1", "adamw lr=1"),
        ("adamw[lr=1]", "adamw[lr=1]"),
        ("../adamw", "../adamw"),
        ("adamw\n", None),
        ("my..Class", "my..Class"),
        (".Class", ".Class"),
    ],
)
def test_mistakes_are_named_in_one_line(text, expected):
    if expected is None:  # white space around a reference is harmless
        assert parse(text).name == text.strip()
        return
    with pytest.raises(OptbenchError) as caught:
        parse(text)
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", ",", "adamw,", ",adamw", "adamw,,sgdm"])
def test_an_empty_item_of_a_list_is_named(text):
    with pytest.raises(OptbenchError, match=r"empty|not an optimizer"):
        parse_list(text)


def test_a_recipes_mistake_is_named_too():
    with pytest.raises(OptbenchError, match="weight_decay"):
        parse("adamw").resolve({"weight_deca": 0.1})
    with pytest.raises(OptbenchError, match="-3"):
        parse("adamw").resolve({"lr": -3})


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="adamwx+:=/.,-_019e \n'\"[]é", max_size=25))
def test_nothing_but_an_optbench_error_comes_of_rubbish(text):
    try:
        reference = parse(text)
    except OptbenchError as error:
        message = str(error)
    else:
        message = ""
        assert parse(reference.canonical).canonical == reference.canonical
    assert "\n" not in message


def test_names_match_shell_patterns():
    assert "adamw" in names("adam*")
    assert "sgdm" not in names("adam*")
    assert names() == sorted(names())
    assert "xgrad" not in names()
