"""Recipes: the shipped ones load, and a wrong file is refused with its name and the key."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbench import datasets, models, optimizers, recipe
from optbench.errors import OptbenchError

GOOD = """
title = "a test"
description = "as small as it gets"
optims = ["adaplus", "adamw:lr=0.1"]
baselines = ["sgdm"]

[data]
name = "digits"
augmentation = "flip"
normalisation = "train"

[model]
name = "digits-cnn"

[training]
epochs = 4
batch_size = 32
accumulation = 4
seeds = 2
threads = 1
precision = "bf16"
protocol = "paper"
label_smoothing = 0.1
clip_norm = 2
channels_last = true
compile = false
ema = 0.99
reestimate_batch_norm = 3

[schedule]
name = "multistep"
milestones = [2, 3]
factor = 0.5

[optimizers.adamw]
provenance = "made up"
lr = 2e-3
betas = [0.8, 0.99]

[optimizers.adamw.schedule]
name = "linear"
by = "iteration"
final = 0.5
warmup_steps = 3

[tune.adamw]
lr = { low = 1e-4, high = 1e-1 }
weight_decay = { low = 0, high = 0.1, scale = "linear" }

[published]
paper = "xgrad"
tables = ["table7_fashionmnist"]
model = "LeNet"
against = "AdamW"
flags = ["adamw_average"]
rows = { epochs = 50 }

[published.arms]
"adamw" = "AdamW"
"xgrad+adamw:s=1" = { optimizer = "XGrad-S1", prediction_steps = 1 }
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
    assert (found.augmentation, found.normalisation, found.accumulation) == ("flip", "train", 4)
    assert (found.label_smoothing, found.clip_norm, found.ema) == (0.1, 2.0, 0.99)
    assert (found.channels_last, found.compile, found.reestimate_batch_norm) == (True, False, 3)
    assert found.schedule_for("adamw") == recipe.Schedule("linear", final=0.5, by="iteration", warmup_steps=3)
    assert found.schedule_for("sgdm") == found.schedule
    assert found.tune == {"adamw": {"lr": recipe.Range(1e-4, 0.1), "weight_decay": recipe.Range(0.0, 0.1, "linear")}}
    target = found.published
    assert target is not None
    assert (target.paper, target.tables, target.model) == ("xgrad", ("table7_fashionmnist",), "LeNet")
    assert (target.against, target.flags, target.rows) == ("AdamW", ("adamw_average",), {"epochs": 50})
    assert target.arms == {
        "adamw": {"optimizer": "AdamW"},
        "xgrad+adamw:s=1": {"optimizer": "XGrad-S1", "prediction_steps": 1},
    }
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
        ('name = "multistep"', 'name = "cosine"', "'cosine' with milestones", "belongs to multistep"),
        ("milestones = [2, 3]", "milestones = [3, 2]", "milestones", "ascending"),
        (
            'name = "multistep"\nmilestones = [2, 3]\nfactor = 0.5',
            'name = "polynomial"',
            "without power",
            "needs power",
        ),
        ('name = "multistep"', 'name = "exponential"', "'exponential' in [schedule]", "one of constant"),
        ('by = "iteration"', 'by = "batch"', "by = 'batch' in [optimizers.adamw.schedule]", "epoch, iteration"),
        ("final = 0.5", "final = 1.0", "final = 1.0", "less than 1"),
        ("warmup_steps = 3", "warmup_steps = -1", "warmup_steps = -1", "at least 0"),
        ("warmup_steps = 3", "warmup = 3", "'warmup' in [optimizers.adamw.schedule]", "did you mean 'warmup_steps'"),
        ("accumulation = 4", "accumulation = 5", "batch_size = 32 with accumulation = 5", "divide"),
        ("label_smoothing = 0.1", "label_smoothing = 1", "label_smoothing = 1", "less than 1"),
        ("clip_norm = 2", "clip_norm = 0", "clip_norm = 0", "above 0"),
        ("clip_norm = 2", "clip_norm = nan", "clip_norm = nan", "above 0"),
        ("channels_last = true", "channels_last = 1", "channels_last = 1", "true or false"),
        ("ema = 0.99", "ema = 1.0", "ema = 1.0", "between 0 and 1"),
        ('augmentation = "flip"', 'augmentation = "flop"', "augmentation 'flop'", "did you mean 'flip'"),
        ('normalisation = "train"', 'normalisation = "trains"', "normalisation 'trains'", "did you mean 'train'"),
        ("[tune.adamw]", "[tune.adamww]", "'adamww' in [tune.adamww]", "did you mean 'adamw'"),
        ("low = 1e-4", "low = 1", "lr = {'low': 1, 'high': 0.1} in [tune.adamw]", "low the smaller"),
        ("low = 1e-4, ", "", "lr = {'high': 0.1} in [tune.adamw]", "low = 1e-4"),
        ('scale = "linear"', 'scale = "log"', "weight_decay", "low above 0"),
        ('scale = "linear"', 'scale = "cubic"', "weight_decay", "log or linear"),
        ("weight_decay = { low", "betas = { low", "'betas' in [tune.adamw]", "adamw can search"),
        ("high = 0.1, scale", "high = -0.1, scale", "weight_decay", "low the smaller"),
        ('paper = "xgrad"', 'paper = "xgrd"', "paper 'xgrd'", "did you mean 'xgrad'"),
        ('against = "AdamW"', "", "no 'against' in [published]", "text"),
        ('"adamw" = "AdamW"', '"adamww" = "AdamW"', "in [published.arms]: unknown optimizer 'adamww'", "adamw"),
        ('"adamw" = "AdamW"', '"adamw" = 3', "adamw = 3 in [published.arms]", "optimizer"),
        ('title = "a test"', 'alias_of = "digits-cnn"\ntitle = "a test"', "alias_of = 'digits-cnn'", "nothing else"),
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
    with pytest.raises(OptbenchError, match="unknown recipe 'quantum'; see 'optbench list recipes'"):
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
        ({"compile": 1}, "compile 1"),
    ],
)
def test_override_refuses_what_a_file_may_not_hold(change: dict[str, object], words: str) -> None:
    with pytest.raises(OptbenchError, match=words) as caught:
        recipe.load(recipe.DEFAULT).override(**change)  # type: ignore[arg-type]
    assert "--" + next(iter(change)).replace("_", "-") in caught.value.hint


def test_a_batch_must_divide_into_its_micro_batches(tmp_path: Path) -> None:
    found = recipe.load(write(tmp_path, GOOD))
    assert found.override(batch_size=8).batch_size == 8
    with pytest.raises(OptbenchError, match="batch size 6 does not divide into 4 micro-batches"):
        found.override(batch_size=6)
    assert found.override(batch_size=6, accumulation=2, compile=True).compile


def test_an_alias_leads_to_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.toml").write_text(GOOD)
    (tmp_path / "other.toml").write_text('alias_of = "one"')
    (tmp_path / "circle.toml").write_text('alias_of = "circle"')
    (tmp_path / "astray.toml").write_text('alias_of = "two"')
    monkeypatch.setattr(recipe, "folder", lambda: tmp_path)
    assert recipe.load("other") == recipe.load("one")
    assert recipe.aliases() == {"other": "one", "circle": "circle", "astray": "two"}
    for name in ("circle", "astray"):
        with pytest.raises(OptbenchError, match="alias_of"):
            recipe.load(name)


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
    assert found.figures("sgdm") == renamed.figures("sgdm")
    assert found.figures("sgdm") != found.override(batch_size=36).figures("sgdm")
    steps = {"name": "multistep", "milestones": [2, 3], "factor": 0.5, "by": "epoch"}
    assert found.figures("sgdm")["schedule"] == steps
    assert found.figures("adamw")["schedule"] == {
        "name": "linear",
        "final": 0.5,
        "by": "iteration",
        "warmup_steps": 3,
    }


@given(data=st.data())
def test_an_altered_file_is_a_recipe_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    content = bytearray(GOOD.encode())
    content = content[: data.draw(st.integers(0, len(content)), "length")]
    for _ in range(data.draw(st.integers(0, 3), "changes")):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "altered.toml"
    path.write_bytes(bytes(content))
    try:
        recipe.load(path)
    except OptbenchError as error:
        assert str(path) in error.message
        assert "\n" not in str(error)
