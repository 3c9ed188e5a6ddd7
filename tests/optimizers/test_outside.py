"""Rules that are no part of optbench: by import path, by a registered name, and from installed packages."""

import copy
import importlib
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from optimizer_cases import ENVIRONMENT

from optbench.digests import third_party_digest
from optbench.errors import InvalidValueError, OptbenchError
from optbench.optimizers import _outside, _registry, create, info, names, parse, plugins
from optbench.optimizers._dry_run import check_rule

HEAVY_BALL = """
from optbench.rules import C, E, Rule, flag, learning_rate, register, unit, zeros


@register("heavy-ball", title="Heavy ball")
class HeavyBall(Rule):
    lr = learning_rate(0.1)
    mu = unit(0.5, "momentum")
    ahead = flag(False, "look ahead")
    slots = {"b": zeros("momentum_buffer")}

    @staticmethod
    def coefficients(lr: float, mu: float) -> dict[str, float]:
        return {"keep": 1.0, "scale": lr, "k": mu}

    @staticmethod
    def direction(g: E, b: E, k: C, ahead: bool) -> tuple[E, E]:
        b = k * b + g
        d = b
        if ahead:
            d = g + k * b
        return d, b
"""
PLAIN = """
from optbench.rules import Rule, learning_rate


class Plain(Rule):
    '''No name of its own, and no state.'''

    lr = learning_rate(0.5)

    @staticmethod
    def coefficients(lr):
        return {"keep": 1.0, "scale": lr}

    @staticmethod
    def direction(g):
        return (g,)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with modules that are forgotten afterwards, and so is what they register."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(_registry, "_outside", {})
    before = set(sys.modules)
    (tmp_path / "their_ball.py").write_text(HEAVY_BALL)
    (tmp_path / "their_plain.py").write_text(PLAIN)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("their_"):
            del sys.modules[name]
    plugins.cache_clear()


def write(folder: Path, module: str, text: str) -> None:
    (folder / f"{module}.py").write_text(textwrap.dedent(text))


def after(reference: str, gradients: list[list[float]], **options: object) -> torch.Tensor:
    theta = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = create(reference, [theta], **options)
    for gradient in gradients:
        theta.grad = torch.tensor(gradient)
        optimizer.step()
    return theta.detach()


@pytest.mark.parametrize("impl", ["auto", "eager", "cpu"])
def test_a_rule_by_import_path_runs_in_every_executor(folder: Path, impl: str) -> None:
    found = after(f"their_ball.HeavyBall:lr=0.25:impl={impl}", [[1.0, 2.0], [4.0, 0.0]])
    assert found.tolist() == [1 - 0.25 - 0.25 * 4.5, -2 - 0.5 - 0.25 * 1.0]


@pytest.mark.parametrize("impl", ["eager", "cpu"])
def test_a_rule_needs_neither_a_registered_name_nor_state(folder: Path, impl: str) -> None:
    assert after(f"their_plain.Plain:impl={impl}", [[1.0, 2.0]]).tolist() == [0.5, -3.0]
    optimizer = create(f"xgrad+their_plain.Plain:impl={impl}", [theta := torch.nn.Parameter(torch.tensor([1.0]))])
    theta.grad = torch.tensor([1.0])
    optimizer.step()
    assert theta.tolist() == [0.0]  # 0.5 after the step, and another step ahead


def test_its_options_are_checked_and_completed(folder: Path) -> None:
    reference = parse("their_ball.HeavyBall:lr=0.5").resolve()
    assert reference.canonical == "their_ball.HeavyBall:ahead=false:impl=auto:lr=0.5:mu=0.5"
    with pytest.raises(InvalidValueError, match="heavy-ball has no hyper-parameter 'lrr'; did you mean 'lr'"):
        parse("their_ball.HeavyBall:lrr=0.5").resolve()
    with pytest.raises(InvalidValueError, match=r"mu=1.5 is not allowed"):
        parse("their_ball.HeavyBall:mu=1.5").resolve()
    with pytest.raises(InvalidValueError, match="impl=torch is not an implementation"):
        parse("their_ball.HeavyBall:impl=torch").resolve()


def test_a_registered_name_stands_for_the_path_once_the_module_is_imported(folder: Path) -> None:
    with pytest.raises(OptbenchError, match="unknown optimizer 'heavy-ball'"):
        parse("heavy-ball")
    __import__("sys").path.insert(0, str(folder))
    __import__("their_ball")
    reference = parse("xgrad+heavy-ball:lr=0.5")
    assert (reference.text, reference.name) == ("xgrad+heavy-ball:lr=0.5", "their_ball.HeavyBall")
    assert info("heavy-ball").offered == ("eager", "cpu", "cuda")
    assert "heavy-ball" not in names()  # those are optbench's own


def test_its_optimizers_copy_and_pickle(folder: Path) -> None:
    optimizer = create("their_ball.HeavyBall", [torch.nn.Parameter(torch.ones(2))])
    again = pickle.loads(pickle.dumps(optimizer))
    assert type(again) is type(copy.deepcopy(optimizer)) is type(optimizer)
    assert repr(type(optimizer)) == "<class 'their_ball.HeavyBall'>"


def test_a_name_is_taken_once(folder: Path) -> None:
    write(folder, "their_adam", HEAVY_BALL.replace('"heavy-ball"', '"adamw"'))
    with pytest.raises(
        OptbenchError, match=r"'adamw' is taken twice, by optbench.optimizers.adamw.AdamW and by their_adam.HeavyBall"
    ):
        parse("their_adam.HeavyBall").resolve()
    write(folder, "their_other", HEAVY_BALL)
    parse("their_ball.HeavyBall").resolve()
    with pytest.raises(
        OptbenchError, match=r"taken twice, by their_ball.HeavyBall and by their_other.HeavyBall; rename one of them"
    ):
        parse("their_other.HeavyBall").resolve()


def test_the_key_follows_the_file_of_the_rule(folder: Path) -> None:
    program = (
        "from optbench.digests import third_party_digest as d; from optbench.optimizers import parse; import sys\n"
        "print(d(parse('their_ball.HeavyBall')), d(parse('adamw')) == '', 'torch' in sys.modules)"
    )

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-B", "-c", program],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    first = run()
    assert first.endswith("True False\n")
    write(folder, "their_ball", HEAVY_BALL.replace("learning_rate(0.1)", "learning_rate(0.2)"))
    assert first != run()
    assert third_party_digest(parse("torch.optim.SGD")) == third_party_digest(parse("torch.optim.Adam"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("return d, b", "return d"), "direction returns .* and not a tuple; a comma makes one"),
        (("return d, b", "return d, b, b"), "direction returns 3 values, not 2; return d, then the new b"),
        (
            ("g: E, b: E", "g: E, bb: E"),
            "direction takes 'bb', which is no slot, coefficient or switch; did you mean 'b'",
        ),
        (("b = k * b + g", "b = kk * b + g"), "direction fails: NameError: name 'kk' is not defined"),
        (('"scale": lr, ', ""), "coefficients returns no 'scale'; return at least keep and scale"),
        (('"k": mu', '"k": 1 / 0'), "coefficients fails: ZeroDivisionError"),
        (('"k": mu', '"k": float("nan")'), "coefficients returns k=nan at t=1; return finite numbers"),
        (("lr: float, mu: float", "lr: float, momentum: float"), "coefficients takes 'momentum'"),
        (('zeros("momentum_buffer")', 'zeros("momentum_buffer", when="muu")'), "depends on 'muu'; did you mean 'mu'"),
        (("def direction", "def directions"), "has no function 'direction'"),
    ],
)
def test_a_mistake_in_a_rule_is_told_in_a_line(folder: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in HEAVY_BALL
    write(folder, "their_wrong", HEAVY_BALL.replace(*change).replace("heavy-ball", "wrong"))
    with pytest.raises(OptbenchError, match=f"their_wrong.HeavyBall.*{message}"):
        create("their_wrong.HeavyBall", [torch.nn.Parameter(torch.ones(1))])


@pytest.mark.parametrize("name", [name for name in names() if info(name).rule])
def test_every_rule_of_ours_passes_the_dry_run(name: str) -> None:
    check_rule(info(name).rule, name)


# --- installed packages --------------------------------------------------------------------------------------------


def install(folder: Path, package: str, points: str, version: str = "1.2") -> None:
    """Lay out what an installer leaves of a package: its entry points."""
    info = folder / "site" / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{_outside.GROUP}]\n{points}\n")
    sys.path.append(str(folder / "site"))
    plugins.cache_clear()
    importlib.invalidate_caches()


def test_a_package_names_its_own_rules_and_classes(folder: Path) -> None:
    install(folder, "their-pack", "ball = their_ball:HeavyBall\nfast = torch.optim:SGD\nbroken = their_nothing:At")
    assert [(each.name, each.path, each.origin) for each in plugins().values()] == [
        ("ball", "their_ball.HeavyBall", "their-pack 1.2"),
        ("broken", "their_nothing.At", "their-pack 1.2"),
        ("fast", "torch.optim.SGD", "their-pack 1.2"),
    ]
    assert "their_ball" not in sys.modules
    assert parse("ball:lr=0.5").resolve().canonical == "their_ball.HeavyBall:ahead=false:impl=auto:lr=0.5:mu=0.5"
    assert after("fast", [[1.0, 2.0]], lr=0.5).tolist() == [0.5, -3.0]
    with pytest.raises(OptbenchError, match="cannot import 'their_nothing.At'"):
        create("broken", [torch.nn.Parameter(torch.ones(1))])
    with pytest.raises(OptbenchError, match="unknown optimizer 'bal'; did you mean 'ball'"):
        parse("bal")


@pytest.mark.parametrize(
    ("points", "both"),
    [
        ("adamw = their_ball:HeavyBall", "by optbench itself and by their_ball.HeavyBall of other 2.0"),
        ("ball = their_plain:Plain", "by their_ball.HeavyBall of their-pack 1.2 and by their_plain.Plain of other 2.0"),
    ],
)
def test_a_name_that_two_packages_have_is_an_error_that_names_both(folder: Path, points: str, both: str) -> None:
    install(folder, "their-pack", "ball = their_ball:HeavyBall")
    install(folder, "other", points, version="2.0")
    with pytest.raises(OptbenchError, match=both):
        plugins()
    with pytest.raises(OptbenchError, match="is taken twice"):
        create("adamw", [torch.nn.Parameter(torch.ones(1))])
