"""Recipes: the shipped ones load, and a wrong file is refused with its name and the key."""

from pathlib import Path

import pytest

from optbench import datasets, models, optimizers, recipe
from optbench.errors import OptbenchError

GOOD = """
title = "a test"
description = "as small as it gets"
optims = ["adaplus", "adamw:lr=0.1"]
baselines = ["sgdm"]

[data]
name = "digits"

[model]
name = "digits-cnn"

[training]
epochs = 4
batch_size = 32
seeds = 2
threads = 1
precision = "bf16"
protocol = "paper"

[schedule]
name = "multistep"
milestones = [2, 3]
factor = 0.5

[optimizers.adamw]
provenance = "made up"
lr = 2e-3
betas = [0.8, 0.99]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_every_value_of_a_file_arrives(tmp_path: Path) -> None:
    found = recipe.load(write(tmp_path, GOOD))
    assert found.name == "mine"
    assert (found.title, found.description) == ("a test", "as small as it gets")
    assert (found.task, found.data, found.model) == ("classification", "digits", "digits-cnn")
    assert (found.epochs, found.batch_size, found.seeds, found.threads) == (4, 32, 2, 1)
    assert (found.precision, found.protocol) == ("bf16", "paper")
    assert found.schedule == recipe.Schedule("multistep", (2, 3), 0.5)
    assert found.optims == ("adaplus", "adamw:lr=0.1")
    assert found.baselines == ("sgdm",)
    assert found.optimizers == {"adamw": {"lr": 2e-3, "betas": (0.8, 0.99)}}
    assert found.provenance == {"adamw": "made up"}
    assert hash(found) == hash(recipe.load(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("old", "new", "named", "hint"),
    [
        ('title = "a test"', 'titel = "a test"', "'titel'", "did you mean 'title'"),
        ('title = "a test"', "", "no 'title'", "text"),
        ("epochs = 4", "epoch = 4", "'epoch' in [training]", "did you mean 'epochs'"),
        ("epochs = 4", "epochs = 0", "epochs = 0", "at least 1"),
        ("epochs = 4", "epochs = true", "epochs = True", "whole number"),
        ("epochs = 4", "epochs = 4.0", "epochs = 4.0", "whole number"),
        ("batch_size = 32", "batch_size = -1", "batch_size = -1", "at least 1"),
        ('precision = "bf16"', 'precision = "fp8"', "fp8", "fp32, bf16, fp16"),
        ('protocol = "paper"', "protocol = 3", "protocol = 3", "standard, paper"),
        ('name = "digits"', 'name = "digit"', "data set 'digit'", "did you mean 'digits'"),
        ('name = "digits-cnn"', 'name = "digits-cn"', "model 'digits-cn'", "did you mean 'digits-cnn'"),
        ('name = "digits-cnn"', 'name = "digits-cnn"\nwidth = 3', "'width' in [model]", "name"),
        ("milestones = [2, 3]", "milestones = [0]", "milestones", "at least 1"),
        ("milestones = [2, 3]", "", "multistep", "milestones"),
        ('name = "multistep"', 'name = "cosine"', "cosine", "multistep"),
        ("factor = 0.5", "factor = 0", "factor = 0", "above 0"),
        ("lr = 2e-3", "lrr = 2e-3", "'lrr' in [optimizers.adamw]", "did you mean 'lr'"),
        ("lr = 2e-3", "lr = -1", "[optimizers.adamw]", ""),
        ("lr = 2e-3", 'lr = "high"', "[optimizers.adamw]", ""),
        ('provenance = "made up"', "", "[optimizers.adamw] has no provenance", "come from"),
        ("[optimizers.adamw]", "[optimizers.adamww]", "'adamww'", "did you mean 'adamw'"),
        ('"adaplus"', '"adaplu"', "in optims: unknown optimizer 'adaplu'", "did you mean 'adaplus'"),
        ('["sgdm"]', '["sgdm:momentum=x"]', "in baselines", ""),
        ('["sgdm"]', '"sgdm"', "baselines", "list"),
        ("[data]", "[dataa]", "'dataa'", "did you mean 'data'"),
        ("[schedule]", "[[schedule]]", "'schedule' must be a table", "[schedule]"),
        ("[data]", "[data", "not valid TOML", ""),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_key(tmp_path: Path, old: str, new: str, named: str, hint: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(OptbenchError) as caught:
        recipe.load(path)
    assert str(path) in caught.value.message
    assert named in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)


def test_unknown_name_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(OptbenchError, match=r"unknown recipe 'digits-cn'; did you mean 'digits-cnn'\?"):
        recipe.load("digits-cn")
    with pytest.raises(OptbenchError, match="unknown recipe 'quantum'; one of "):
        recipe.load("quantum")
    with pytest.raises(OptbenchError, match=r"no recipe file .*none\.toml"):
        recipe.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"seeds": 0}, "seeds 0"),
        ({"seeds": -2}, "seeds -2"),
        ({"batch_size": -1}, "batch size -1"),
        ({"threads": 0}, "threads 0"),
        ({"precision": "fp8"}, "precision 'fp8'"),
        ({"protocol": "mine"}, "protocol 'mine'"),
    ],
)
def test_override_refuses_what_a_file_may_not_hold(change: dict[str, object], words: str) -> None:
    with pytest.raises(OptbenchError, match=words) as caught:
        recipe.load(recipe.DEFAULT).override(**change)  # type: ignore[arg-type]
    assert "--" + next(iter(change)).replace("_", "-") in caught.value.hint


def test_override_changes_what_is_named_and_nothing_else(tmp_path: Path) -> None:
    before = recipe.load(write(tmp_path, GOOD))
    after = before.override(epochs=9, seeds=1)
    assert (after.epochs, after.seeds) == (9, 1)
    assert after.override(epochs=4, seeds=2) == before
    assert before.override() == before


def test_recipes_in_sub_folders_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "row.toml").write_text(GOOD)
    (tmp_path / "small.toml").write_text(GOOD)
    monkeypatch.setattr(recipe, "folder", lambda: tmp_path)
    assert recipe.names() == ["paper/row", "small"]
    assert recipe.load("paper/row").name == "paper/row"


@pytest.mark.parametrize("name", recipe.names())
def test_shipped_recipe_says_where_its_values_come_from(name: str) -> None:
    found = recipe.load(name)
    assert found.data in datasets.names()
    assert found.model in models.names()
    named = {optimizers.parse(text).name for text in (*found.optims, *found.baselines)}
    assert named <= set(found.optimizers)
    for section in found.optimizers:
        assert len(found.provenance[section].split()) >= 5


def test_figures_leave_out_what_changes_none(tmp_path: Path) -> None:
    found = recipe.load(write(tmp_path, GOOD))
    renamed = recipe.load(write(tmp_path, GOOD.replace("a test", "another").replace("seeds = 2", "seeds = 3")))
    assert found.figures() == renamed.figures()
    assert found.figures() != found.override(batch_size=33).figures()
    assert found.figures()["schedule"] == {"name": "multistep", "milestones": [2, 3], "factor": 0.5}
