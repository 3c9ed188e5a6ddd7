"""`optbench runs`: what is stored is told, chosen, removed and exported; nothing is lost by accident."""

import csv
import io
import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from running import call

from optbench import runs
from optbench.cli import main
from optbench.cli._run_words import size
from optbench.digests import MEASURES, PRESENTS, source_digest
from optbench.environment import versions
from optbench.errors import OptbenchError
from optbench.results import Cost, Measurement, RunResult
from optbench.store import Store

NOW = {"source": source_digest(PRESENTS + MEASURES), "versions": versions()}
OLD = {"source": "0" * 64, "versions": versions()}


def result(optimizer: str, seed: int, status: str = "ok", epochs: int = 2) -> RunResult:
    history = tuple(
        {"epoch": e, "train_loss": 1 / e, "lr": 0.1, "losses": [[e, 0.5]], "validation": {"accuracy": 90.0 + e}}
        for e in range(1, epochs + 1)
    )
    return RunResult(
        optimizer=optimizer,
        canonical=f"{optimizer}:impl=auto",
        seed=seed,
        status=status,  # type: ignore[arg-type]
        message="",
        metrics={"accuracy": 97.5},
        reported="final weights",
        history=history,
        executor="cpu",
        state_bytes=8,
        parameters=4,
        seconds=1.5,
        weights_sha256="",
        environment={},
    )


def add(store: Store, key: str, optimizer: str = "adamw", seed: int = 0, age: float = 0.0, **more: object) -> str:
    """Store a run as training does; its key is filled up."""
    key = key.ljust(64, "0")
    recipe, made = more.get("recipe", "tiny"), more.get("made", NOW)
    spec = {"recipe": {"epochs": 2}, "optimizer": f"{optimizer}:impl=auto", "seed": seed, **made}  # type: ignore[dict-item]
    store.save_spec(key, spec, **({"recipe_name": recipe, "reference": optimizer} if recipe else {}))  # type: ignore[arg-type]
    with store.lock(key):
        if more.get("finished", True):
            store.save_result(key, result(optimizer, seed, str(more.get("status", "ok"))))
    moment = time.time() - age
    for path in store.run_folder(key).iterdir():
        os.utime(path, (moment, moment))
    return key


def measurement(*arms: str) -> Measurement:
    costs = {
        a: Cost(a, a, "ok", "", "cpu", {"step": ((0.001, 0.003),), "iteration": ((0.01, 0.01),)}, 1, 1, 0.1, None, 4)
        for a in arms
    }
    return Measurement(costs, 1, 2, 3.0, None, True, (), False, {"processor": "a machine"})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPTBENCH_RUNS", raising=False)
    return Store(tmp_path / ".optbench")


@pytest.fixture
def several(store: Store) -> Store:
    add(store, "a1", "adamw", 0, age=40 * 86400)
    add(store, "a2", "adaplus:lr=0.1", 1, age=7200, status="diverged")
    add(store, "b1", "xgrad+adamw", 0, age=60, recipe="xgrad/lenet", made=OLD)
    add(store, "b2", "sgdm", 2, finished=False, recipe="")
    store.save_measurement("c1" + "0" * 62, measurement("adamw", "adaplus"))
    return store


def listed(*options: str) -> list[str]:
    """Return the keys, two digits of each, that `runs list` finds."""
    done = call("runs", "list", "--format", "json", *options)
    assert done.exit_code == 0, done.stderr
    return [run["key"][:2] for run in json.loads(done.stdout)["runs"]]


def test_the_table_and_the_room_that_runs_take(several: Store) -> None:
    found = call("runs", "list").stdout
    headings = "key recipe optimizer seed status figure made by size written"
    assert " ".join(found.splitlines()[0].split()) == headings
    rows = [line.split() for line in found.splitlines()[1:5]]
    assert [row[:5] for row in rows] == [
        ["a10000000000", "tiny", "adamw", "0", "ok"],
        ["a20000000000", "tiny", "adaplus:lr=0.1", "1", "diverged"],
        ["b10000000000", "xgrad/lenet", "xgrad+adamw", "0", "ok"],
        ["b20000000000", "?", "sgdm:impl=auto", "2", "unfinished"],
    ]
    assert "40 d ago" in found
    files = [path for path in (several.root / "runs").rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    assert f"4 runs, {size(total)}; 1 measurement of costs, " in found
    assert sum(run.bytes for run in runs.stored(several)) == total


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ("", "a1 a2 b1 b2"),
        ("--recipe tiny", "a1 a2"),
        ("--recipe xgrad/*", "b1"),
        ("--optim adamw", "a1"),
        ("--optim ada*", "a1 a2"),
        ("--optim *adamw,sgdm*", "a1 b1 b2"),
        ("--optim adaplus:lr=0.1", "a2"),
        ("--status diverged", "a2"),
        ("--status ok --status unfinished", "a1 b1 b2"),
        ("--seed 0", "a1 b1"),
        ("--older-than 30d", "a1"),
        ("--older-than 1h --optim adaplus", "a2"),
        ("--newer-than 1h", "b1 b2"),
        ("--unfinished", "b2"),
        ("--current", "a1 a2 b2"),
        ("--other", "b1"),
        ("--recipe nothing", ""),
    ],
)
def test_filters(several: Store, options: str, keys: str) -> None:
    assert listed(*options.split()) == keys.split()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("list --runs nowhere", "no runs are stored in nowhere"),
        ("list --current --other", "--current and --other leave nothing"),
        ("list --older-than 3x", "'3x' is no age; write a number and s, m, h, d or w"),
        ("list --costs --status ok", "--status with --costs: a measurement has none"),
        ("show ff", "no stored key begins with 'ff'; see 'optbench runs list'"),
        ("show a", "2 stored keys begin with 'a'; give more digits"),
        ("rm", "no runs are named; give keys, filters"),
        ("rm --all", "There is no terminal to ask on; say --yes"),
        ("export -o runs.txt", "the name says neither JSON lines nor CSV"),
        ("export -o runs.csv --recipe nothing", "nothing to write"),
    ],
)
def test_mistakes(several: Store, words: str, message: str) -> None:
    done = call("runs", *words.split())
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert len(runs.stored(several)) == 4
    assert not Path("nowhere").exists()


def test_the_page_of_a_run(several: Store) -> None:
    page = call("runs", "show", "A2").stdout
    assert f"run {'a2'.ljust(64, '0')}" in page
    lines = [" ".join(line.split()) for line in page.splitlines()]
    for line in ("optimizer: adaplus:lr=0.1", "accuracy: 97.5", "made by: this version", "2 0.5 0.1 92"):
        assert line in lines
    found = json.loads(call("runs", "show", "a2", "--format", "json").stdout)
    assert found["schema"] == "optbench.runs/1"
    assert RunResult.from_dict(found["result"]) == result("adaplus:lr=0.1", 1, "diverged")


def test_measurements(several: Store) -> None:
    assert "adamw, adaplus" in call("runs", "list", "--costs", "--optim", "adaplus").stdout
    assert "0 measurements" in call("runs", "list", "--costs", "--older-than", "1h").stdout
    assert ["adamw", "ok", "2", "cpu"] in [line.split() for line in call("runs", "show", "c1").stdout.splitlines()]
    assert call("runs", "rm", "--costs", "c1", "--yes").exit_code == 0
    assert runs.costs(several) == []


def test_what_is_damaged_or_foreign_is_told(store: Store) -> None:
    key = add(store, "a1")
    (store.run_folder(key) / "result.json").write_text("{")
    (store.root / "runs" / "stranger").mkdir()
    (store.root / "costs").mkdir()
    (store.root / "costs" / "x.json").write_text("[]")
    assert [(run.key, run.status) for run in runs.stored(store)] == [(key, "damaged"), ("stranger", "unfinished")]
    assert "(damaged)" in call("runs", "list", "--costs").stdout
    assert call("runs", "rm", "--unfinished", "-y").stdout.startswith("removed 2 of 2 runs")


def test_removing(several: Store) -> None:
    done = call("runs", "rm", "a1", "b1", "--yes")
    assert (done.exit_code, done.stdout.split(" (")[0]) == (0, "removed 2 of 2 runs")
    assert listed() == ["a2", "b2"]
    assert not several.run_folder("a1".ljust(64, "0")).exists()
    assert call("runs", "rm", "--recipe", "nothing", "--yes").stdout == "nothing to remove\n"


@pytest.mark.parametrize(("answer", "left"), [("y\n", 3), ("n\n", 4), ("\n", 4)])
def test_removing_asks(several: Store, answer: str, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optbench.cli.runs.sys", type("Sys", (), {"stdin": type("In", (), {"isatty": lambda: True})}))
    done = CliRunner().invoke(main, ["runs", "rm", "a1"], input=answer)
    assert "a10000000000 tiny adamw seed 0, ok, " in done.stderr
    assert "remove 1 run (" in done.stderr
    assert len(runs.stored(several)) == left
    assert done.exit_code == (0 if left == 3 else 130)


def test_a_run_at_work_is_never_removed(several: Store) -> None:
    key = "b2".ljust(64, "0")
    with several.lock(key):
        assert listed("--status", "running") == ["b2"]
        done = call("runs", "rm", "--all", "--yes")
        assert done.stdout.startswith("removed 3 of 4 runs")
        assert "b20000000000 ? sgdm:impl=auto seed 2, running" in done.stderr
        assert "is being trained and stays" in done.stderr
        assert (several.run_folder(key) / "spec.json").exists()
    assert listed("--unfinished") == ["b2"]


def test_exporting(several: Store) -> None:
    assert call("runs", "export", "-o", "runs.jsonl").stdout == "wrote 4 runs to runs.jsonl\n"
    lines = [json.loads(line) for line in Path("runs.jsonl").read_text().splitlines()]
    assert [line["status"] for line in lines] == ["ok", "diverged", "ok", "unfinished"]
    assert lines[0]["result"]["history"][1]["validation"] == {"accuracy": 92.0}
    assert call("runs", "export", "a1", "-o", "h.csv").exit_code == 0
    rows = list(csv.DictReader(io.StringIO(Path("h.csv").read_text())))
    assert [(row["epoch"], row["validation_accuracy"], row["optimizer"]) for row in rows] == [
        ("1", "91.0", "adamw"),
        ("2", "92.0", "adamw"),
    ]
    assert "losses" not in rows[0]


def test_an_export_writes_over_nothing_unless_forced(several: Store) -> None:
    Path("runs.csv").write_text("mine")
    done = call("runs", "export", "-o", "runs.csv")
    assert (done.exit_code, Path("runs.csv").read_text()) == (2, "mine")
    assert "write over it with --force" in done.stderr
    assert call("runs", "export", "-o", "runs.csv", "--force").exit_code == 0
    assert Path("runs.csv").read_text().startswith("key,recipe")
    assert not [path for path in Path().iterdir() if path.name.startswith(".tmp-")]


@given(st.lists(st.text("0123456789abcdef", min_size=4, max_size=4), unique=True, min_size=1), st.data())
def test_a_prefix_finds_one_run_or_says_how_many(keys: list[str], data: st.DataObject) -> None:
    prefix = data.draw(st.sampled_from(keys))[: data.draw(st.integers(1, 4))]
    records = [runs.StoredCost(key, Path(key), None, 0, 0.0) for key in keys]
    wanted = [key for key in keys if key.startswith(prefix)]
    if len(wanted) == 1:
        assert runs.find(records, prefix).key == wanted[0]
    else:
        with pytest.raises(OptbenchError, match=f"{len(wanted)} stored keys begin with"):
            runs.find(records, prefix)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (150 * 1024, "150 KiB"),
        (3 * 2**30, "3.0 GiB"),
        (2**52, "4096 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text
