import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import METRICS, arm
from priced import cost, measurement

from optbench import saved
from optbench.errors import OptbenchError
from optbench.saved import SCHEMA, Saved
from optbench.stats import compare


def comparison() -> Saved:
    arms = [arm("new", [99.0, None, 98.0], price=cost("new")), arm("adamw", [97.0, 97.5, 97.2], "baseline")]
    found = compare(
        arms,
        METRICS,
        "accuracy",
        recipe="tiny",
        settings={"epochs": 2, "data": "digits"},
        machine={"torch": "2"},
        measurement=measurement(cost("new"), cost("adamw")),
    )
    return Saved.of(found)


def test_a_comparison_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "main.json"
    saved.save(comparison(), file)
    assert saved.load(file) == comparison()
    assert json.loads(file.read_text())["schema"] == SCHEMA
    assert [path.name for path in file.parent.iterdir()] == ["main.json"]


def test_what_is_saved_is_every_figure_by_seed_with_how_its_run_ended() -> None:
    new = next(arm for arm in comparison().arms if arm.optimizer == "new")
    assert new.metrics["accuracy"] == (99.0, None, 98.0)
    assert new.statuses == ("ok", "diverged", "ok")
    assert (new.canonical, new.role, new.state_bytes) == ("new:full=1", "arm", 300 * 2**10)
    assert comparison().directions == {"accuracy": "higher", "cross_entropy": "lower"}
    assert comparison().cost("new:full=1") == cost("new")
    assert comparison().cost("nobody") is None


def test_a_name_is_a_file_in_the_run_folder_and_a_path_is_a_path() -> None:
    runs = Path("runs")
    assert saved.locate("main", runs) == runs / "saved" / "main.json"
    assert saved.locate("v1.2-rc_3", runs) == runs / "saved" / "v1.2-rc_3.json"
    assert saved.locate("base.json", runs) == Path("base.json")
    assert saved.locate("../other/base", runs) == Path("../other/base")
    for name in ("", ".hidden", "a b", "-x", "a\n"):
        with pytest.raises(OptbenchError, match="is no name for a saved comparison"):
            saved.locate(name, runs)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged, or no JSON"),
        (b'{"schema": "optbench.saved/1", ', "is damaged, or no JSON"),
        (b"\xff\xfe", "is damaged, or no JSON"),
        (b"[" * 100_000, "is damaged, or no JSON"),
        (b"[]", "is no saved comparison"),
        (b"{}", "is no saved comparison"),
        (b'{"schema": "optbench.compare/1"}', "has schema 'optbench.compare/1'"),
        (b'{"schema": "optbench.saved/1"}', "is damaged: its content is not that of a saved comparison"),
    ],
)
def test_a_damaged_or_foreign_file_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(OptbenchError) as error:
        saved.load(file)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(OptbenchError, match=r"there is no saved comparison .*none.json; make one with --save"):
        saved.load(tmp_path / "none.json")
    with pytest.raises(OptbenchError, match="cannot read"):
        saved.load(tmp_path)


DOCUMENT: dict[str, Any] = json.loads(json.dumps(comparison().to_dict()))


def paths(node: object, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where everything in the document is, but for what it holds of other forms: settings and machines."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    free = {"schema", "settings", "machine", "measurement"}
    inner = [deeper for key in keys if key not in free for deeper in paths(node[key], (*here, key))]
    return ([here] if here else []) + inner


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(paths(DOCUMENT)), st.sampled_from(["drop", None, -1.5, "text", [], {}, True, [None]]))
def test_any_part_that_is_damaged_is_noticed(where: tuple[Any, ...], value: object) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    node = document
    for key in where[:-1]:
        node = node[key]
    if value == "drop":
        del node[where[-1]]
    elif node[where[-1]] == value:
        return
    else:
        node[where[-1]] = value
    try:
        found = Saved.from_dict(document)
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    # what is taken all the same is another comparison of the right form, not a broken one
    assert json.loads(json.dumps(found.to_dict())) == document


def test_a_number_that_is_not_finite_is_no_figure() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    document["arms"][0]["metrics"]["accuracy"][0] = float("nan")
    with pytest.raises(TypeError):
        Saved.from_dict(document)
