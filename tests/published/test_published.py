"""The transcribed tables: what is looked up is what the files print, and every recipe points at what is there."""

import tomllib
from pathlib import Path

import pytest

from optbench import optimizers, published, recipe
from optbench.errors import OptbenchError

FOLDER = Path(published.__file__).parent
LOADED = {name: recipe.load(name) for name in recipe.names()}
REPRODUCING = {name: found for name, found in LOADED.items() if found.published and found.name == name}

COVERED = {
    "adaplus": ["table1", "table2"],
    "adamw_wp": ["table1", "table2", "table3", "table4"],
    "xgrad": [
        *(f"table{n}_{metric}" for n in "45" for metric in ("top1", "top5", "loss")),
        *(f"table{n}_{data}" for n in "67" for data in ("fashionmnist", "cifar10", "ptb", "wmt16")),
        *("table8", *(f"table9_{data}" for data in ("cifar10", "ptb", "wmt16"))),
        *("derived_table8_overhead", "derived_table9_overhead", "fig6_memory"),
    ],
    "radam": [
        *("table1_cifar10", "table1_imagenet", "prose_cifar10_warmup"),
        *("table2_iwslt_de_en", "table2_iwslt_en_de", "table2_wmt16_en_de"),
    ],
    "novograd": [
        *("table1_top1", "table1_top5", "table2", "table3_top1", "table3_top5"),
        *("table6_sacrebleu", "table6_tokenbleu", "table7_val", "table7_test"),
    ],
}


@pytest.mark.parametrize("name", published.names())
def test_everything_in_a_file_is_loaded(name: str) -> None:
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    paper = published.paper(name)
    assert paper.arxiv == raw["paper"]["arxiv"]
    assert list(paper.tables) == [table["id"] for table in raw["table"]]
    for table in raw["table"]:
        rows = paper.table(table["id"]).rows
        assert [(row.model, row.optimizer, row.value) for row in rows] == [
            (row["model"], row["optimizer"], row["value"]) for row in table["result"]
        ]
        assert all(row.has({"optimizer": row.optimizer, "model": row.model}) for row in rows)
        assert [bool(row.note) for row in rows] == [bool(row.get("suspect")) for row in table["result"]]
    assert [claim.id for claim in paper.claims] == [claim["id"] for claim in raw["claim"]]
    assert list(paper.flags) == [flag["id"] for flag in raw["flag"]]


def test_digits_are_kept_as_printed() -> None:
    row = next(row for row in published.paper("adaplus").table("table1").rows if row.has({"optimizer": "AdamW"}))
    assert (row.value, row.text) == (88.64, "88.64")
    resnet = [r for r in published.paper("adaplus").table("table1").rows if r.model == "ResNet-34"]
    assert [r.text for r in resnet if r.optimizer in ("AdamW", "AdaBelief")] == ["94.50", "94.10"]


def test_a_row_is_found_by_its_keys() -> None:
    rows = published.paper("novograd").table("table2").rows
    found = [row for row in rows if row.has({"optimizer": "NovoGrad", "batch": 32768, "tricks": ["warmup"]})]
    assert [row.value for row in found] == [75.99]
    assert [row.value for row in rows if row.has({"optimizer": "NovoGrad", "tricks": []})] == [76.64, 75.78]
    without = published.paper("novograd").table("table3_top1").rows  # none to state is the same as none
    assert len([row for row in without if row.has({"tricks": []})]) == 3


def test_claims_fail_for_the_models_they_are_wrong_about() -> None:
    claims = {claim.id: claim for claim in published.paper("xgrad").claims}
    assert claims["c10_gain_each"].fails_for("ViT")
    assert not claims["c10_gain_each"].fails_for("VGG-11")
    assert claims["c10_gain_avg"].fails_for("VGG-11")
    assert not claims["adam_gain_each"].fails_for("LeNet")
    assert not claims["mem_sgdm"].fails_for("ViT")  # not checkable is not wrong


def test_unknown_names_are_told() -> None:
    with pytest.raises(OptbenchError, match=r"unknown paper 'xgrd'; did you mean 'xgrad'\?"):
        published.paper("xgrd")
    with pytest.raises(OptbenchError, match=r"xgrad has no table 'table44'; did you mean 'table"):
        published.paper("xgrad").table("table44")


@pytest.mark.parametrize(("paper", "tables"), COVERED.items())
def test_every_row_that_is_covered_has_a_recipe(paper: str, tables: list[str]) -> None:
    for name in tables:
        models = {model for model in published.paper(paper).table(name).models() if " of " not in model}
        targets = [r.published for r in REPRODUCING.values() if r.published and r.published.paper == paper]
        found = {target.model for target in targets if name in target.tables}
        assert found == models or not models
    assert set(recipe.reproducing(paper)) == set(tables)


@pytest.mark.parametrize("name", REPRODUCING)
def test_a_recipe_finds_its_rows_and_has_their_settings(name: str) -> None:
    found = REPRODUCING[name]
    target = found.published
    assert target is not None
    paper = published.paper(target.paper)
    for flag in target.flags:
        assert flag in paper.flags
    references = [*found.optims, *found.baselines]
    assert set(target.arms) <= set(references)
    matched = set()
    for table in map(paper.table, target.tables):
        rows = [row for row in table.rows if target.model in row.model and row.has(target.rows)]
        assert rows
        for reference, keys in target.arms.items():
            for row in (row for row in rows if row.has(keys)):
                matched.add(reference)
                _has_the_settings(found, reference, row)
        assert any(row.optimizer == target.against for row in rows) or "overhead" in table.metric
    assert matched == set(target.arms)


def _has_the_settings(found: recipe.Recipe, reference: str, row: published.Row) -> None:
    """What the row states is what the arm has."""
    parsed = optimizers.parse(reference)
    options = dict(parsed.resolve(found.defaults_for(parsed.name)).options)
    for key in ("lr", "weight_decay"):
        if key in row.keys:
            assert options[key] == row.keys[key], (reference, key)
    if row.keys.get("prediction_steps", 0):
        assert options["s"] == row.keys["prediction_steps"]
    if "epochs" in row.keys and not row.keys.get("reported_by_others"):
        assert found.epochs == row.keys["epochs"]
    if "batch" in row.keys:
        assert found.batch_size == row.keys["batch"]
    if "batch_tokens" in row.keys:  # NovoGrad counts those of source and target together
        assert found.batch_size in (row.keys["batch_tokens"], row.keys["batch_tokens"] / 2)
    if "sequence_length" in row.keys:
        assert found.task_options["bptt"] == row.keys["sequence_length"]
    if "dropout" in row.keys:
        assert found.model_options["dropout"] == row.keys["dropout"]
    assert found.schedule_for(parsed.name).warmup_steps == row.keys.get(
        "warmup_updates", found.schedule_for(parsed.name).warmup_steps
    )


STUDIES = [name for name in LOADED if "warmup-study" in name]


@pytest.mark.parametrize("name", STUDIES)
def test_the_arms_of_the_warm_up_study_differ_in_what_they_are_called_after(name: str) -> None:
    found = LOADED[name]
    assert found.optims == ("adam", "adamw", "adam-2k", "adam:eps=1e-4", "radam")
    options = {
        text: dict(optimizers.parse(text).resolve(found.defaults_for(text.partition(":")[0])).options)
        for text in found.optims
    }
    for key in ("lr", "betas", "weight_decay"):
        assert len({str(each[key]) for each in options.values()}) == 1
    assert options["adam"]["weight_decay"] == 0  # so that adam and adamw are one algorithm
    assert [text for text, each in options.items() if each["eps"] != 1e-8] == ["adam:eps=1e-4"]
    warm = {text: found.schedule_for(text.partition(":")[0]) for text in found.optims}
    assert [text for text, schedule in warm.items() if schedule.warmup_steps] == ["adamw"]
    assert len({(schedule.name, schedule.by, schedule.final) for schedule in warm.values()}) == 1
    assert found.gradient_histograms


def test_adam_and_adamw_are_one_algorithm_without_weight_decay() -> None:
    torch = pytest.importorskip("torch")
    weights = []
    for name in ("adam", "adamw"):
        theta = torch.linspace(-1, 1, 999).requires_grad_()
        optimizer = optimizers.create(f"{name}:lr=3e-3:weight_decay=0", [theta])
        for step in range(5):
            theta.grad = torch.sin(theta.detach() * (step + 3))
            optimizer.step()
        weights.append(theta.detach())
    assert torch.equal(*weights)


def test_fashion_lenet_is_still_found_by_its_first_name() -> None:
    assert recipe.load("fashion-lenet") == recipe.load("xgrad/table7-lenet")
    assert recipe.aliases() == {"fashion-lenet": "xgrad/table7-lenet"}
