"""The plan: which arms and seeds there are, and a key that changes with everything that can change a figure."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from optbench import digests, plan, recipe
from optbench.errors import OptbenchError
from optbench.plan import Arm, RunSpec
from optbench.schedules import Schedule

RECIPE = recipe.load("digits-cnn")


def roles(arms: list[Arm]) -> list[tuple[str, str]]:
    return [(arm.reference.text, arm.role) for arm in arms]


def one(reference: str = "adaplus", **changes: object) -> RunSpec:
    found = recipe.load("digits-cnn")
    spec = plan.build(found, [reference], [], seeds=[0])[0].specs[0]
    return dataclasses.replace(spec, **changes)  # type: ignore[arg-type]


def test_a_baseline_through_another_implementation_is_a_reference_row() -> None:
    arms = plan.build(recipe.load("digits-cnn"), ["adamw:impl=torch", "adamw:lr=0.5", "xgrad+adamw"], ["adamw"], [0])
    assert [(arm.reference.text, arm.role) for arm in arms] == [
        ("adamw:impl=torch", "reference"),
        ("adamw:lr=0.5", "arm"),
        ("xgrad+adamw", "arm"),
        ("adamw", "baseline"),
    ]


def test_baselines_follow_by_themselves() -> None:
    arms = plan.build(RECIPE, ["adaplus", "radam"])
    assert roles(arms) == [("adaplus", "arm"), ("radam", "arm"), ("adamw", "baseline"), ("sgdm", "baseline")]


def test_a_baseline_that_is_named_is_not_doubled() -> None:
    arms = plan.build(RECIPE, ["adamw", "adaplus"])
    assert roles(arms) == [("adamw", "baseline"), ("adaplus", "arm"), ("sgdm", "baseline")]


def test_a_baseline_with_other_values_is_an_arm() -> None:
    arms = plan.build(RECIPE, ["adamw:lr=0.5"], ["adamw"])
    assert roles(arms) == [("adamw:lr=0.5", "arm"), ("adamw", "baseline")]


@pytest.mark.parametrize("none", [[], ["none"]])
def test_no_baselines(none: list[str]) -> None:
    assert roles(plan.build(RECIPE, ["adamw"], none)) == [("adamw", "arm")]


def test_the_same_optimizer_twice_is_one_arm() -> None:
    arms = plan.build(RECIPE, ["adaplus", "adaplus", "adaplus:betas=0.9/0.999"], [])
    assert roles(arms) == [("adaplus", "arm")]


def test_every_arm_has_the_same_seeds() -> None:
    arms = plan.build(RECIPE.override(seeds=3), ["adaplus"])
    assert {tuple(spec.seed for spec in arm.specs) for arm in arms} == {(0, 1, 2)}
    (arm,) = plan.build(RECIPE, ["adaplus"], [], seeds=[7, 5, 7])
    assert [spec.seed for spec in arm.specs] == [7, 5]


def test_recipe_fills_in_and_the_user_wins() -> None:
    mine = dataclasses.replace(RECIPE, optimizers={"adamw": {"lr": 0.25, "weight_decay": 0.5}})
    (arm,) = plan.build(mine, ["xgrad+adamw:lr=0.125"], [])
    values = dict(arm.reference.options)
    assert (values["lr"], values["weight_decay"]) == (0.125, 0.5)
    assert {"eps", "betas", "s"} <= set(values)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"references": ["adaplu"]}, "unknown optimizer 'adaplu'; did you mean 'adaplus'"),
        ({"references": ["adaplus"], "baselines": ["adamv"]}, "unknown optimizer 'adamv'"),
        ({"references": ["adaplus"], "seeds": []}, "no seeds"),
        ({"references": ["adaplus"], "device": "tpu"}, "unknown device 'tpu'"),
        ({"references": ["adaplus"], "precision": "fp8"}, "precision 'fp8'"),
        ({"references": ["adaplus"], "threads": 0}, "threads 0"),
        ({"references": [], "baselines": []}, "no optimizers"),
    ],
)
def test_mistakes_are_the_users(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(OptbenchError, match=words):
        plan.build(RECIPE, **arguments)  # type: ignore[arg-type]


def test_key_is_the_same_for_the_same_run() -> None:
    assert one().key() == one().key()
    assert len(one().key()) == 64
    assert one().key() == one("adaplus:eps=1e-8").key()  # its default, written out
    titled = dataclasses.replace(RECIPE, title="another", description="", seeds=3, optims=("sgdm",))
    assert one(recipe=titled).key() == one().key()
    assert one(device="cuda:0").key() == one(device="cuda:1").key()


@pytest.mark.parametrize(
    "other",
    [
        one("adaplus:eps=1e-7"),
        one("adaplus:impl=eager"),
        one("xgrad+adaplus"),
        one(seed=1),
        one(device="cuda"),
        one(precision="bf16"),
        one(threads=2),
        one(data_checksum="0"),
        one(recipe=RECIPE.override(epochs=16)),
        one(recipe=RECIPE.override(batch_size=65)),
        one(recipe=RECIPE.override(protocol="paper")),
        one(recipe=dataclasses.replace(RECIPE, model="lenet")),
        one(recipe=dataclasses.replace(RECIPE, model_options={"width": 3})),
        one(recipe=dataclasses.replace(RECIPE, data="mnist")),
        one(recipe=dataclasses.replace(RECIPE, schedule=recipe.Schedule("multistep", (3,)))),
        one(recipe=dataclasses.replace(RECIPE, schedule=recipe.Schedule("multistep", (4,)))),
    ],
    ids=lambda spec: spec.key()[:8],
)
def test_key_changes_with_what_changes_figures(other: RunSpec) -> None:
    assert other.key() != one().key()


def test_key_changes_with_versions_and_source(monkeypatch: pytest.MonkeyPatch) -> None:
    before = one().key()
    with monkeypatch.context() as patch:
        patch.setattr(plan, "versions", lambda further: {"torch": "0.4"})
        assert one().key() != before
    monkeypatch.setattr(plan, "source_digest", lambda left_out: "0")
    assert one().key() != before


def test_source_digest_sees_rules_and_not_reports(tmp_path: Path) -> None:
    package = tmp_path / "optbench"
    (package / "optimizers").mkdir(parents=True)
    (package / "report").mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from optbench import digests; print(digests.source_digest(digests.PRESENTS))"
    )
    source = Path(digests.__file__).parent
    for path in source.rglob("*.py"):
        target = package / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())

    def digest() -> str:
        command = [sys.executable, "-c", program, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = digest()
    (package / "report" / "new.py").write_text("x = 1\n")
    assert digest() == first
    (package / "optimizers" / "adaplus.py").write_text("x = 1\n")
    assert digest() != first


def test_key_follows_a_third_party_file_and_its_bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs_base.py").write_text("import torch\nclass Base(torch.optim.SGD):\n    pass\n")
    (tmp_path / "theirs.py").write_text("from theirs_base import Base\nclass Mine(Base):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)

    def digest() -> str:
        digests._class_digest.cache_clear()
        return digests.third_party_digest(plan.build(RECIPE, ["theirs.Mine:lr=0.1"], [])[0].reference)

    first = digest()
    assert len(first) == 64
    assert digest() == first
    with (tmp_path / "theirs_base.py").open("a") as file:
        file.write("# changed\n")
    assert digest() != first
    assert digests.third_party_digest(one().optimizer) == ""


def test_cost_key_depends_on_arms_and_settings_but_not_on_seeds_or_epochs() -> None:
    arms = plan.build(RECIPE, ["adaplus"])
    key = plan.cost_key(arms, {"rounds": 3})
    assert plan.cost_key(plan.build(RECIPE, ["adaplus"], seeds=[4]), {"rounds": 3}) == key
    assert plan.cost_key(plan.build(RECIPE.override(epochs=2), ["adaplus"]), {"rounds": 3}) == key
    assert plan.cost_key(list(reversed(arms)), {"rounds": 3}) == key
    assert plan.cost_key(arms, {"rounds": 4}) != key
    assert plan.cost_key(plan.build(RECIPE, ["radam"]), {"rounds": 3}) != key
    assert plan.cost_key(plan.build(RECIPE, ["adaplus"], threads=2), {"rounds": 3}) != key


def test_cost_key_depends_on_a_schedule_only_where_it_moves_in_every_iteration() -> None:
    def key(schedule: Schedule) -> str:
        return plan.cost_key(plan.build(dataclasses.replace(RECIPE, schedule=schedule), ["adaplus"]))

    by_epoch, other = key(Schedule("cosine")), key(Schedule("multistep", milestones=(1,)))
    assert by_epoch == other
    assert key(Schedule("cosine", by="iteration")) != by_epoch
    assert key(Schedule("cosine", warmup_steps=10)) != by_epoch


def test_planning_imports_no_torch() -> None:
    program = (
        "import sys; from optbench import digests, plan, recipe, store\n"
        "r = recipe.load('digits-cnn'); plan.build(r, r.optims)[0].specs[0].key(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
